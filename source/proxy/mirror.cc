#include "source/proxy/mirror.h"

#include <charconv>
#include <utility>

#include "source/config/route.h"
#include "source/proxy/connection_manager.h"
#include "source/proxy/named_hosts.h"
#include "source/proxy/upstream_request.h"
#include "source/upstream/outlier_monitor.h"

namespace pillion::proxy {
namespace {

http::HeaderMap* Copy(const http::HeaderMap& from, base::Arena& arena, http::HeaderMap* to) {
  for (const http::HeaderField& field : from) {
    const std::string_view name =
        field.id == http::HeaderId::kUnknown ? arena.Copy(field.name()) : http::HeaderName(field.id);
    to->Add(field.id, name, arena.Copy(field.value()), field.sensitive);
  }
  return to;
}

// Its texts too: it outlives the request.
http::RequestHead* Copy(const http::RequestHead& from, base::Arena& arena) {
  auto* const to = arena.New<http::RequestHead>(arena);
  to->method = arena.Copy(from.method);
  to->scheme = arena.Copy(from.scheme);
  to->authority = arena.Copy(from.authority);
  to->path = arena.Copy(from.path);
  Copy(from.headers, arena, &to->headers);
  to->content_length = from.content_length;
  to->method_id = from.method_id;
  to->version = from.version;
  return to;
}

// "host-shadow:80"
std::string_view WithSuffix(std::string_view authority, base::Arena& arena) {
  const size_t colon = authority.rfind(':');
  const bool has_port = colon != authority.npos && authority.find(']', colon) == authority.npos;
  base::ArenaText text;
  text.Append(arena, has_port ? authority.substr(0, colon) : authority);
  text.Append(arena, "-shadow");
  if (has_port) text.Append(arena, authority.substr(colon));
  return text.view();
}

// Nothing of it is changed.
const config::MirrorPolicy kAsItIs{.host_suffix = false};

}  // namespace

int GrpcStatusNumber(std::string_view text) {
  constexpr int kUnknown = 2;
  int number = kUnknown;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : kUnknown;
}

Mirror::Mirror(WorkerContext& context, upstream::ClusterShard& cluster, const config::MirrorPolicy& policy,
               const Source& source, Mirror* next)
    : PoolWaiter(source.priority),
      context_(context),
      cluster_(&cluster),
      source_stats_(source.stats),
      next_(next),
      arena_(context.worker.blocks()),
      head_(Copy(source.head, arena_)),
      waiting_(context.worker.blocks()),
      most_held_(source.most_held),
      timeout_(source.timeout),
      deadline_(source.deadline),
      timer_(this, [](void* self) { static_cast<Mirror*>(self)->OnTimeout(); }),
      source_ended_(source.end) {
  if (!policy.host.empty()) {
    head_->authority = policy.host;
  } else if (policy.host_suffix) {
    head_->authority = WithSuffix(head_->authority, arena_);
  }
  context_.mirrors.PushBack(*this);
}

Mirror::~Mirror() = default;

void Mirror::Dispose() { context_.mirror_slab.Delete(this); }

void Mirror::Compare(filter::MirrorObserver& observer, filter::StreamContext& stream, ConnectionManagerShard& manager) {
  observer_ = &observer;
  manager_ = event::Kept<ConnectionManagerShard>(&manager);
  compared_since_ = context_.worker.now();
  observer.OnCopy(stream, *head_);
}

void Mirror::Start(const upstream::LaneWish* lane) {
  NamedHosts::Left left;
  NamedHosts names(head_, nullptr, arena_, left);
  const upstream::ClusterShard::Choice choice = cluster_->Choose({.lane = lane, .names = &names});
  const std::shared_ptr<upstream::Host>& host = choice.host;
  serving_ = event::Kept<upstream::ClusterShard>(&choice.cluster);
  if (host == nullptr) {
    serving_->stats().CountStatus(503);
    return End();
  }
  pool_ = serving_->PoolOf(host, UpstreamProtocol(serving_->config(), head_->version), priority(),
                           {.server_name = WantedServerName(serving_->config(), *head_)});
  if (pool_ == nullptr) return End();
  host_ = host.get();
  const upstream::Pool::Result result = pool_->Request(*this);
  switch (result.kind) {
    case upstream::Pool::Result::kReady:
      return Open(*result.stream);
    case upstream::Pool::Result::kQueued:
      queued_ = true;
      return;
    case upstream::Pool::Result::kOverflow:
      return End();
  }
}

void Mirror::Open(codec::ClientStream& stream) {
  queued_ = false;
  upstream_ = &stream;
  began_ = context_.worker.now();
  if (upstream::OutlierMonitor* monitor = host_->outlier_monitor()) monitor->OnConnected(context_.worker.index());
  const bool no_body = source_ended_ && waiting_.empty() && trailers_ == nullptr && head_->content_length <= 0;
  upstream_->SendHead(*head_, no_body);
  if (no_body) {
    SentEnd();
  } else {
    SendWaiting();
  }
}

void Mirror::OnPoolReady(codec::ClientStream& stream, upstream::PooledConnection&) { Open(stream); }

void Mirror::OnPoolFailure(upstream::PoolFailure failure, int) {
  queued_ = false;
  if (failure != upstream::PoolFailure::kOverflow) OnNoAnswer(503);
  End();
}

void Mirror::OnNoAnswer(int status) {
  serving_->stats().CountStatus(status);
  if (upstream::OutlierMonitor* monitor = host_->outlier_monitor()) monitor->OnNoAnswer(context_.worker.index(), status);
}

void Mirror::SendData(const base::Slice& data, bool end) {
  if (over_) return;
  source_ended_ = end;
  if (upstream_ != nullptr && !blocked_ && waiting_.empty()) {
    blocked_ = !upstream_->SendData(data.Share(), end) && !end;
    if (end) SentEnd();
    return;
  }
  if (data.size() > most_held_ || waiting_.size() > most_held_ - data.size()) {
    source_stats_.retry_or_shadow_abandoned.Increment();
    GiveUp();
    return;
  }
  if (!data.empty()) waiting_.Append(data.Share());
  if (upstream_ != nullptr && !blocked_) SendWaiting();
}

void Mirror::SendTrailers(const http::HeaderMap& trailers) {
  if (over_) return;
  source_ended_ = true;
  trailers_ = Copy(trailers, arena_, arena_.New<http::HeaderMap>(arena_));
  if (upstream_ != nullptr && !blocked_) SendWaiting();
}

// All that waits, as far as upstream takes it.
void Mirror::SendWaiting() {
  while (!waiting_.empty() && !blocked_) {
    base::Slice data = waiting_.TakeFront();
    const bool last = source_ended_ && waiting_.empty() && trailers_ == nullptr;
    blocked_ = !upstream_->SendData(std::move(data), last) && !last;
    if (last) return SentEnd();
  }
  if (blocked_ || !source_ended_ || sent_end_) return;
  if (trailers_ != nullptr) {
    upstream_->SendTrailers(*trailers_);
  } else {
    // What it answers to that is nothing to wait for: it is the end.
    static_cast<void>(upstream_->SendData(base::Slice(), true));
  }
  SentEnd();
}

void Mirror::OnSendReady() {
  blocked_ = false;
  SendWaiting();
}

void Mirror::SentEnd() {
  sent_end_ = true;
  if (received_end_) End();
}

void Mirror::OnResponseHead(http::ResponseHead& head, bool end) {
  cluster_->stats().CountStatus(head.status);
  host_->figures(context_.worker.index())
      .Add(head.status >= 500 ? upstream::HostFigures::kRqError : upstream::HostFigures::kRqSuccess);
  if (upstream::OutlierMonitor* monitor = host_->outlier_monitor()) {
    monitor->OnAnswer(context_.worker.index(), OutlierStatus(serving_->config(), *head_, head));
  }
  response_began_ = true;
  if (observer_ != nullptr) {
    answer_.status = head.status;
    answer_.took = context_.worker.now() - compared_since_;
    if (http::IsGrpc(head_->headers)) answer_.grpc_status = GrpcStatusNumber(head.headers.Get(http::HeaderId::kGrpcStatus));
  }
  if (end) ReceivedEnd();
}

void Mirror::OnData(base::Slice, bool end) {
  if (end) ReceivedEnd();
}

void Mirror::OnTrailers(http::HeaderMap& trailers) {
  const std::string_view status = trailers.Get(http::HeaderId::kGrpcStatus);
  if (answer_.grpc_status >= 0 && !status.empty()) answer_.grpc_status = GrpcStatusNumber(status);
  ReceivedEnd();
}

void Mirror::ReceivedEnd() {
  received_end_ = true;
  cluster_->stats().upstream_rq_time.Record(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(context_.worker.now() - began_).count()));
  if (sent_end_) End();
}

void Mirror::OnReset(codec::ResetReason, std::string_view) {
  upstream_ = nullptr;
  serving_->stats().upstream_rq_rx_reset.Increment();
  OnNoAnswer(503);
  host_->figures(context_.worker.index()).Add(upstream::HostFigures::kRqError);
  End();
}

void Mirror::OnTimeout() {
  if (ends_at_deadline_) return GiveUp();  // its host may have been in time, and is not judged by it
  cluster_->stats().upstream_rq_timeout.Increment();
  if (host_ != nullptr) host_->figures(context_.worker.index()).Add(upstream::HostFigures::kRqTimeout);
  if (host_ != nullptr && !response_began_) OnNoAnswer(504);
  GiveUp();
}

void Mirror::LetGo(bool complete, const OwnAnswer& own) {
  let_go_ = true;
  own_ = own;
  if (over_) {
    TellObserver();
    return context_.worker.Dispose(*this);
  }
  if (!complete) return GiveUp();
  base::Duration most = timeout_;
  if (deadline_ != base::MonotonicTime{}) {
    const base::Duration left = deadline_ - context_.worker.now();
    if (left <= base::Duration::zero()) return GiveUp();
    ends_at_deadline_ = most <= base::Duration::zero() || left < most;
    if (ends_at_deadline_) most = left;
  }
  if (most > base::Duration::zero()) context_.worker.SetTimer(timer_, most);
}

void Mirror::GiveUp() {
  if (over_) return;
  if (queued_) {
    queued_ = false;
    pool_->Cancel(*this);
  } else if (upstream_ != nullptr) {
    serving_->stats().upstream_rq_tx_reset.Increment();
    upstream_->Reset(codec::ResetReason::kCancel);
  }
  End();
}

void Mirror::End() {
  over_ = true;
  upstream_ = nullptr;
  ReleaseStream();
  timer_.Cancel();
  waiting_.Clear();
  base::ListNode<MirrorTag>::Unlink();
  if (!let_go_) return;
  TellObserver();
  context_.worker.Dispose(*this);
}

void Mirror::TellObserver() {
  if (observer_ == nullptr) return;
  if (!received_end_) answer_ = {};
  const base::Duration took = own_.status == 0 ? base::Duration::zero() : own_.head_at - compared_since_;
  observer_->OnAnswers({own_.status, own_.grpc_status, took}, answer_);
}

void Mirrors::Start(const route::Entry& entry, WorkerContext& context, const Mirror::Source& source) {
  for (size_t i = 0; i < entry.more->mirrors.size(); ++i) {
    Start(entry.more->mirrors[i], context.FindCluster(entry.more->mirror_clusters[i]), context, source);
  }
}

void Mirrors::Start(std::span<const config::MirrorPolicy> policies, WorkerContext& context, const Mirror::Source& source) {
  for (const config::MirrorPolicy& policy : policies) {
    const auto* const name = std::get_if<std::string>(&policy.cluster);
    Start(policy, name == nullptr ? nullptr : context.FindCluster(*name), context, source);
  }
}

void Mirrors::Start(const config::MirrorPolicy& policy, upstream::ClusterShard* cluster, WorkerContext& context,
                    const Mirror::Source& source) {
  if (policy.fraction && !policy.fraction->Holds(context.random.Next())) return;
  if (const auto* header = std::get_if<http::FieldName>(&policy.cluster)) {
    cluster = context.FindCluster(header->First(source.head).value_or(""));
  }
  if (cluster == nullptr) return;
  first_ = context.mirror_slab.New(context, *cluster, policy, source, first_);
  first_->Start(nullptr);
}

void Mirrors::Start(const filter::MirrorWish& wish, filter::StreamContext& stream, upstream::ClusterShard& cluster,
                    ConnectionManagerShard& manager, const Mirror::Source& source) {
  if (wish.observer != nullptr && !wish.observer->MayCopy(wish)) return;
  first_ = manager.context.mirror_slab.New(manager.context, cluster, kAsItIs, source, first_);
  if (wish.observer != nullptr) first_->Compare(*wish.observer, stream, manager);
  first_->Start(&wish.lane);
}

void Mirrors::SendData(const base::Slice& data, bool end) {
  for (Mirror* mirror = first_; mirror != nullptr; mirror = mirror->next()) mirror->SendData(data, end);
}

void Mirrors::SendTrailers(const http::HeaderMap& trailers) {
  for (Mirror* mirror = first_; mirror != nullptr; mirror = mirror->next()) mirror->SendTrailers(trailers);
}

void Mirrors::LetGo(bool complete, const Mirror::OwnAnswer& own) {
  for (Mirror* mirror = std::exchange(first_, nullptr); mirror != nullptr;) {
    Mirror* const next = mirror->next();
    mirror->LetGo(complete, own);
    mirror = next;
  }
}

}  // namespace pillion::proxy
