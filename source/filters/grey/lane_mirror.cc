#include "source/filters/grey/lane_mirror.h"

#include "source/filter/stream_context.h"
#include "source/grey/chance.h"

namespace pillion::filters::grey_rules {

namespace {

uint64_t Milliseconds(base::Duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

LaneMirror::LaneMirror(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix, ActiveCount& copies)
    : copies_(copies),
      scope_(registry, stats::Prefix(prefix).Add("mirror")),
      sent_(*shard.counter(scope_.AddCounter("sent"))),
      same_status_(*shard.counter(scope_.AddCounter("same_status"))),
      other_status_(*shard.counter(scope_.AddCounter("other_status"))),
      no_answer_(*shard.counter(scope_.AddCounter("no_answer"))),
      overflow_(*shard.counter(scope_.AddCounter("overflow"))),
      slower_by_(*shard.histogram(scope_.AddHistogram("slower_by_ms"))),
      faster_by_(*shard.histogram(scope_.AddHistogram("faster_by_ms"))) {}

void LaneMirror::MaybeCopy(filter::StreamContext& stream, const Mirror& mirror) {
  if (stream.random().Below(grey::kMillion) >= mirror.per_million.now()) return;
  stream.MirrorTo(*stream.arena().New<Wish>(Wish{{.cluster = mirror.cluster, .lane = {}, .observer = this}, &mirror}));
}

bool LaneMirror::MayCopy(const filter::MirrorWish& wish) {
  if (copies_.Begin(static_cast<const Wish&>(wish).mirror->max_active.now())) return true;
  overflow_.Increment();
  return false;
}

void LaneMirror::OnCopy(filter::StreamContext& stream, http::RequestHead& copy) {
  sent_.Increment();
  const filter::CarriedContext* const carried = stream.carried_context();
  const upstream::LaneWish* const wish = stream.lane_wish();
  if (carried == nullptr || wish == nullptr) return;
  auto* const none = stream.arena().NewArray<context::Baggage::Entry>(wish->labels.size());
  size_t size = 0;
  for (const upstream::Label& label : wish->labels) none[size++] = {label.key, {}, 0};
  carried->InjectInto(copy.headers, {none, size});
}

void LaneMirror::OnAnswers(const filter::MirroredAnswer& own, const filter::MirroredAnswer& copy) {
  copies_.End();
  if (own.status == 0 || copy.status == 0) return no_answer_.Increment();
  const bool same = own.status == copy.status && own.grpc_status == copy.grpc_status;
  (same ? same_status_ : other_status_).Increment();
  if (own.took >= copy.took) {
    slower_by_.Record(Milliseconds(own.took - copy.took));
  } else {
    faster_by_.Record(Milliseconds(copy.took - own.took));
  }
}

}  // namespace pillion::filters::grey_rules
