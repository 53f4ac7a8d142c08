#include "source/filters/request_context/request_context.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "source/access/request.h"
#include "source/base/intrusive_list.h"
#include "source/base/number_text.h"
#include "source/base/timer_wheel.h"
#include "source/config/route.h"
#include "source/context/carrier_fields.h"
#include "source/context/extract.h"
#include "source/context/inject.h"
#include "source/context/set_baggage.h"
#include "source/context/timeout.h"
#include "source/filters/request_context/malformed_log.h"
#include "source/filters/request_context/notes.h"
#include "source/filters/request_context/process.h"
#include "source/filters/request_context/terms.h"
#include "source/http/grpc_timeout.h"
#include "source/http/request_id.h"
#include "source/http/syntax.h"
#include "source/stats/tags.h"

namespace pillion::filters::request_context {
namespace {

using context::Carrier;
using context::CarrierSet;
using filter::Step;
using http::HeaderId;
using telemetry::ResponseFlag;

constexpr CarrierSet kTimeLeft = {Carrier::kTimeout};
// In the state of a stream whose route follows redirects: the deadline on the own clock, 0 for none.
constexpr std::string_view kFormer = "pillion.context.deadline";
constexpr std::pair<std::string_view, std::string_view> kTimedOut[] = {{"x-pillion-cancel-reason", "timeout"}};

class RequestContext;

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& shard)
      : settings(config.settings()),
        random(shard.random),
        stats_(shard.stats),
        scope_(shard.registry, stats::Prefix(shard.stat_prefix).Add("context")),
        untrusted(Counter("untrusted")),
        begun(Counter("begun")),
        expired(Counter("expired")),
        too_little_left(Counter("too_little_left")),
        deadline_exceeded(Counter("deadline_exceeded")),
        cancelled(Counter("cancelled")),
        restored(Counter("restored")),
        left_out(Counter("left_out")),
        clock_skewed(Counter("clock_skewed")) {
    for (size_t i = 0; i < context::kCarriers; ++i) {
      malformed[i] = &Counter("malformed." + std::string(context::kCarrierNames[i]));
    }
  }

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;
  filter::HttpFilter* MakeDisabled(filter::StreamContext& stream) override;

  // It has a context from now on, until Leave().
  void Join(RequestContext& request);
  void Leave(RequestContext& request);
  // In between: it had a deadline, and has none now.
  void NoteNoDeadline(const RequestContext& request);
  // Also of a request that follows a redirect: what its head says was written here.
  bool Trusts(filter::StreamContext& stream) const;

  const Settings& settings;
  base::Random& random;

 private:
  void TellOldest();
  stats::Counter& Counter(const std::string& name) { return *stats_.counter(scope_.AddCounter(name)); }

  stats::Shard& stats_;
  stats::Scope scope_;
  ActiveFigures figures_;
  base::IntrusiveList<RequestContext> active_;  // in the order in which their heads came

 public:
  stats::Counter& untrusted;
  stats::Counter& begun;
  stats::Counter& expired;
  stats::Counter& too_little_left;
  stats::Counter& deadline_exceeded;
  stats::Counter& cancelled;
  stats::Counter& restored;
  stats::Counter& left_out;
  stats::Counter& clock_skewed;
  std::array<stats::Counter*, context::kCarriers> malformed;
};

bool FollowsRedirects(const config::Route* route) {
  const auto* const action = route == nullptr ? nullptr : std::get_if<config::RouteAction>(&route->action);
  return action != nullptr && action->internal_redirect.has_value();
}

class RequestContext final : public filter::HttpFilter,
                             public filter::CarriedContext,
                             public base::ListNode<RequestContext> {
 public:
  // `route`: what the route says that the request has as it comes; null: nothing, or that the filter is disabled.
  RequestContext(Shard& shard, const RouteSettings* route, bool trusted)
      : shard_(shard), route_(route), trusted_(trusted), terms_(shard.settings) {}

  Step OnRequestHead(http::RequestHead& head, bool) override;
  void OnAttempt(http::RequestHead& head, const filter::Attempt& attempt) override;
  Step OnResponseHead(http::ResponseHead& head, bool) override {
    const bool tunnel = head.status == 101 || (is_connect_ && head.status >= 200 && head.status < 300);
    if (tunnel && linked() && context_.has_deadline()) ForgetDeadline();
    return Step::kContinue;
  }
  void OnEnd() override;

  std::optional<base::MonotonicTime> deadline() const {
    if (!context_.has_deadline()) return std::nullopt;
    return context_.deadline_at;
  }
  base::MonotonicTime began() const { return stream().began(); }

  // filter::CarriedContext
  const context::Context& context() const override { return context_; }
  bool trusted() const override { return trusted_; }
  bool keeps() const override { return !disabled_; }
  bool SetBaggage(std::span<const context::Baggage::Entry> entries) override;
  void InjectInto(http::HeaderMap& headers, std::span<const context::Baggage::Entry> entries) const override;

 private:
  void Count(const context::Extraction& found);
  // A trace and an id, where there are none; and what others may read of it.
  void Begin(const http::RequestHead& head);
  // Into the head that goes on; how many entries are left out.
  uint32_t Inject(http::RequestHead& head) {
    return context::Inject(context_, {.write = terms_.write, .grpc = grpc_}, stream().worker().now(), head.headers);
  }
  bool remembers() const { return !disabled_ && shard_.settings.correlates && !shard_.settings.outbound; }
  // As it is now, for requests of the application.
  void Remember() {
    const base::MonotonicTime now = stream().worker().now();
    context::CorrelationTable::Ticket former = std::exchange(ticket_, InFlight().Remember(context_, now));
    InFlight().End(former, now);
  }
  // A stranger's fields are replaced before they can choose anything; then the route is chosen, and what it says holds.
  // False: that is to do no more.
  bool ReplaceFields(http::RequestHead& head);
  void NoteMalformed(CarrierSet carriers);
  // True: what the application has not forwarded was added.
  bool Restore();
  // From one route to another, by a redirect.
  void Keep(std::string_view text);
  void TakeDeadline(std::string_view kept, const context::Moment& now);
  // False: it was answered.
  bool Admit();
  void Refuse(stats::Counter& counter, std::string_view body, std::string_view details);
  void OnDeadline();
  void ForgetDeadline();
  context::Moment BeganAt() {
    event::Worker& worker = stream().worker();
    return {stream().began(), worker.wall_now() - (worker.now() - stream().began())};
  }

  Shard& shard_;
  const RouteSettings* route_;
  const bool trusted_;
  Terms terms_;
  bool grpc_ = false;
  bool is_connect_ = false;
  bool attempted_ = false;
  bool told_less_ = false;  // upstream: the route's timeouts end before the deadline
  bool active_ = false;    // it has a context
  bool disabled_ = false;  // by the route that a stranger's request has without his fields
  Notes* notes_ = nullptr;
  context::Context context_;
  context::CorrelationTable::Ticket ticket_;
  base::Timer timer_{this, [](void* self) { static_cast<RequestContext*>(self)->OnDeadline(); }};
};

Step RequestContext::OnRequestHead(http::RequestHead& head, bool) {
  // Not null: an answer that redirects was followed, and what the head says was written here.
  const metadata::FilterState::Object* const former = stream().annotations().filter_state.Find(kFormer);
  const bool trusted = trusted_;
  if (trusted && route_ != nullptr) terms_.Take(*route_);
  active_ = true;
  grpc_ = http::IsGrpc(head.headers);
  is_connect_ = head.method_id == http::Method::kConnect;
  base::Arena& arena = stream().arena();
  const context::Moment began = BeganAt();
  const CarrierSet read = former == nullptr ? terms_.read : terms_.read - kTimeLeft;
  context::CarrierFields fields(head.headers, grpc_);
  context::Extraction found;
  context::Extract(head.headers, fields, read, began, found);
  Count(found);
  context_ = found.context;
  if (!found.malformed.empty()) NoteMalformed(found.malformed);
  if (former != nullptr) {
    TakeDeadline(former->text, began);
  } else if (!trusted) {
    shard_.untrusted.Increment();
    context::ReplaceAtEdge(context_, shard_.settings.edge, began, arena);
  }
  const bool restored = trusted && former == nullptr && Restore();
  Begin(head);
  if (!trusted && !ReplaceFields(head)) {
    // What was kept of a stranger's (`edge`) others may take away, such as a colour.
    disabled_ = true;
    stream().Carry(*this);
    return Step::kContinue;
  }
  if (!found.malformed.empty() && terms_.rejects_malformed) {
    SendReply({.status = 400, .body = "malformed request context", .details = "request_context_malformed"});
    return Step::kPause;
  }
  if (terms_.max_deadline) context::CapDeadline(context_, *terms_.max_deadline, began);
  if (!Admit()) return Step::kPause;
  if (trusted) {
    const base::MonotonicTime now = stream().worker().now();
    shard_.left_out.Add(context::Inject(context_, terms_.write, now, fields, head.headers));
  } else {
    Inject(head);
  }
  if (remembers()) ticket_ = InFlight().Remember(context_, stream().worker().now());
  if (context_.has_deadline()) {
    stream().worker().SetTimer(timer_, context::TimeLeft(context_, stream().worker().now()));
    stream().KeepDeadline(context_.deadline_at);
  }
  if (trusted && (!found.malformed.empty() || restored || stream().routes_by_notes())) stream().ChooseRoute();
  shard_.Join(*this);
  stream().Carry(*this);
  const int64_t deadline = context_.has_deadline() ? context_.deadline_at.time_since_epoch().count() : 0;
  if (FollowsRedirects(stream().route())) Keep(base::NumberText(deadline, arena));
  return Step::kContinue;
}

void RequestContext::Begin(const http::RequestHead& head) {
  base::Arena& arena = stream().arena();
  if (!context_.trace_id) shard_.begun.Increment();
  context::BeginTrace(context_, shard_.random);
  if (context_.request_id.empty()) {
    // Whether the request is traced was decided for the id that it had.
    const char mark = http::TraceMarkOf(head.headers.Get(HeaderId::kXRequestId));
    context_.request_id = http::MakeRequestId(arena, shard_.random, mark);
  }
  notes_ = arena.New<Notes>(context_, stream());
  stream().annotations().metadata.SetLater(arena, Notes::kSpace, *notes_);
}

bool RequestContext::SetBaggage(std::span<const context::Baggage::Entry> entries) {
  const auto adds = [](const context::Baggage::Entry& entry) { return !entry.value().empty(); };
  if (disabled_ && std::ranges::any_of(entries, adds)) return false;
  base::Arena& arena = stream().arena();
  CarrierSet carriers = terms_.write;
  if (remembers()) carriers.Add(Carrier::kVctx);  // the form in which it is remembered
  uint32_t left_out = 0;
  if (!context::SetBaggage(context_, entries, carriers, arena, left_out)) return false;
  shard_.left_out.Add(left_out + Inject(stream().request()));
  if (remembers()) Remember();
  notes_->NoteBaggage(arena, stream().annotations().metadata);
  if (stream().routes_by_notes()) stream().ChooseRoute();
  return true;
}

// What is encoded is the head's own already.
void RequestContext::InjectInto(http::HeaderMap& headers, std::span<const context::Baggage::Entry> entries) const {
  base::Arena& arena = headers.arena();
  context::Context told = context_;
  told.origin = nullptr;
  told.request_id = arena.Copy(told.request_id);
  told.tenant = arena.Copy(told.tenant);
  told.tracestate = arena.Copy(told.tracestate);
  uint32_t left_out = 0;
  told.baggage.Set(entries, arena, left_out);
  left_out += context::Inject(told, {.write = terms_.write, .grpc = grpc_}, stream().worker().now(), headers);
  shard_.left_out.Add(left_out);
}

bool RequestContext::ReplaceFields(http::RequestHead& head) {
  // Whoever is behind may take the request for a call of gRPC all the same.
  if (!grpc_) head.headers.Remove(http::HeaderIdSet{HeaderId::kVctxBin, HeaderId::kGrpcTimeout});
  shard_.left_out.Add(Inject(head));
  const filter::FilterPart part = ChooseRoute();
  if (part.absent) return false;
  // Within another filter it stands in that one's place, of which the route says something else.
  const auto* const of_route = dynamic_cast<const RouteConfig*>(part.config);
  if (of_route == nullptr) return true;
  const RouteSettings& route = of_route->settings();
  terms_.Take(route);
  return !route.disabled;
}

void RequestContext::Count(const context::Extraction& found) {
  found.malformed.ForEach([&](Carrier carrier) { shard_.malformed[static_cast<size_t>(carrier)]->Increment(); });
  if (std::chrono::abs(found.clock_skew) > context::kShownClockSkew) shard_.clock_skewed.Increment();
  shard_.left_out.Add(found.left_out);
}

bool RequestContext::Restore() {
  using Outcome = context::CorrelationTable::Outcome;
  if (!shard_.settings.correlates || !shard_.settings.outbound) return false;
  const Outcome outcome = InFlight().Restore(context_, stream().worker().now(), stream().arena());
  if (outcome != Outcome::kRestored && outcome != Outcome::kPartly) return false;
  shard_.restored.Increment();
  return true;
}

void RequestContext::Keep(std::string_view text) {
  (void)stream().annotations().filter_state.Set(stream().arena(), kFormer, text, false);
}

// Time left counts from the first byte, which was long before the head was written; and the route may have shortened it.
void RequestContext::TakeDeadline(std::string_view kept, const context::Moment& now) {
  int64_t at = 0;
  std::from_chars(kept.data(), kept.data() + kept.size(), at);
  context_.deadline = 0;
  if (at != 0) context::CapDeadlineAt(context_, base::MonotonicTime(base::Duration(at)), now);
}

// The route's own timeouts shorten what is told, never what holds here: they are for the stream to keep.
void RequestContext::OnAttempt(http::RequestHead& head, const filter::Attempt& attempt) {
  attempted_ = true;
  if (!context_.has_deadline()) return;
  const event::Worker& worker = stream().worker();
  base::Duration left = attempt.time_left > base::Duration::zero() ? attempt.time_left : context::kLongestTimeout;
  if (grpc_) left = std::min(left, http::ParseGrpcTimeout(head.headers.Get(HeaderId::kGrpcTimeout)).value_or(left));
  if (left + context::kDeadlineTolerance < context::TimeLeft(context_, worker.now())) {
    told_less_ = true;
  } else if (!told_less_) {
    return context::InjectTimeLeft(context_, grpc_, worker.now(), head.headers);
  }
  context::Context told = context_;
  context::CapDeadline(told, left, {worker.now(), worker.wall_now()});
  context::InjectDeadline(told, {.write = terms_.write, .grpc = grpc_}, worker.now(), head.headers);
}

// For logs: what else happened stands there as well.
void RequestContext::NoteMalformed(CarrierSet carriers) {
  base::ArenaText names;
  carriers.ForEach([&](Carrier carrier) {
    if (!names.empty()) names.Append(stream().arena(), ",");
    names.Append(stream().arena(), context::kCarrierNames[static_cast<size_t>(carrier)]);
  });
  (void)stream().annotations().metadata.SetKept(stream().arena(), Notes::kSpace, "malformed",
                                                metadata::Value::Text(names.view()));
  LogMalformed(names.view(), stream().AccessRequest(), stream().downstream_remote_address(), stream().worker().now());
}

bool RequestContext::Admit() {
  if (!context_.has_deadline()) return true;
  const base::Duration left = context::TimeLeft(context_, stream().worker().now());
  if (left <= base::Duration::zero()) {
    Refuse(shard_.expired, "the deadline of the request has passed", "request_context_expired");
    return false;
  }
  if (left < terms_.min_useful) {
    Refuse(shard_.too_little_left, "too little time is left for the request", "request_context_too_little_time_left");
    return false;
  }
  return true;
}

void RequestContext::Refuse(stats::Counter& counter, std::string_view body, std::string_view details) {
  counter.Increment();
  context_.cancel_reason = context::CancelReason::kTimeout;
  constexpr int kDeadlineExceeded = 4;
  SendReply({.status = 504,
             .body = body,
             .flag = attempted_ ? ResponseFlag::kUpstreamRequestTimeout : ResponseFlag::kDurationTimeout,
             .details = details,
             .grpc_status = kDeadlineExceeded,
             .headers = kTimedOut,
             .grpc_trailers = true});
}

void RequestContext::OnDeadline() {
  Refuse(shard_.deadline_exceeded, "the deadline of the request has passed", "request_context_deadline_exceeded");
}

// A tunnel stands: it may last, and so may what the application asks for because of it.
void RequestContext::ForgetDeadline() {
  timer_.Cancel();
  context_.deadline = 0;
  shard_.NoteNoDeadline(*this);
  if (remembers()) Remember();
}

void RequestContext::OnEnd() {
  if (!active_) return;
  timer_.Cancel();
  shard_.Leave(*this);
  InFlight().End(ticket_, stream().worker().now() + shard_.settings.grace);
  const context::CancelReason reason = ReasonOf(context_, stream().flags());
  if (reason == context_.cancel_reason) return;
  if (reason == context::CancelReason::kCancel) shard_.cancelled.Increment();
  context_.cancel_reason = reason;
  // It may have been noted before.
  (void)stream().annotations().metadata.SetKept(stream().arena(), Notes::kSpace, "cancel_reason",
                                                metadata::Value::Text(NameOf(reason)));
}

void Shard::Join(RequestContext& request) {
  const bool first = active_.empty();
  active_.PushBack(request);
  figures_.Add(request.deadline().has_value(), 1);
  if (first) TellOldest();
}

void Shard::Leave(RequestContext& request) {
  if (!request.linked()) return;  // it was answered before it could join
  const bool first = &active_.front() == &request;
  request.Unlink();
  figures_.Add(request.deadline().has_value(), uint64_t{0} - 1);
  if (first) TellOldest();
}

void Shard::NoteNoDeadline(const RequestContext& request) {
  figures_.Add(true, uint64_t{0} - 1);
  figures_.Add(false, 1);
  if (&active_.front() == &request) TellOldest();
}

void Shard::TellOldest() {
  if (active_.empty()) return figures_.SetNoOldest();
  figures_.SetOldest(active_.front().began(), active_.front().deadline());
}

bool Shard::Trusts(filter::StreamContext& stream) const {
  const metadata::Annotations* const notes = stream.notes();
  const bool follows = notes != nullptr && notes->filter_state.Find(kFormer) != nullptr;
  return follows || settings.trust.Takes(stream.AccessRequest().connection);
}

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  const RouteSettings* const route = RouteConfig::Of(override_config);
  if (route != nullptr && route->disabled) return MakeDisabled(stream);
  return stream.arena().New<RequestContext>(*this, route, Trusts(stream));
}

// A stranger may have chosen that route: by his fields, or his path.
filter::HttpFilter* Shard::MakeDisabled(filter::StreamContext& stream) {
  if (Trusts(stream)) return nullptr;
  return stream.arena().New<RequestContext>(*this, nullptr, false);
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::request_context
