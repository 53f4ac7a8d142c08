#include "source/proxy/stream.h"

#include "source/config/route.h"
#include "source/config/route_overrides.h"
#include "source/overload/state.h"
#include "source/proxy/forwarding.h"
#include "source/proxy/local_reply.h"
#include "source/proxy/target.h"

namespace pillion::proxy {
namespace {

using telemetry::ResponseFlag;

// A stream that has lived so long was not made to be reset (CVE-2023-44487).
constexpr base::Duration kLongLived = std::chrono::seconds(1);

int64_t Milliseconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// The body of the answer to a request that can't be understood.
std::string_view ErrorText(const codec::RequestError& error) {
  if (error.detail == "missing_host_header" || error.detail == "path_normalization_failed") return "";
  switch (error.status) {
    case 400:
      return "Bad Request";
    case 408:
      return "request timeout";
    case 413:
      return "Payload Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 426:
      return "Upgrade Required";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 505:
      return "HTTP Version Not Supported";
  }
  return "";
}

}  // namespace

Stream& Stream::Make(DownstreamConnection& connection, codec::ServerStream& downstream) {
  return *connection.manager()->context.streams.New(connection, downstream);
}

Stream::Stream(DownstreamConnection& connection, codec::ServerStream& downstream)
    : connection_(connection),
      manager_(connection.manager()),
      routes_(manager_->routes->now),
      downstream_(&downstream),
      arena_(context().worker.blocks()),
      retry_timer_(this, [](void* self) { static_cast<Stream*>(self)->TryAgain(); }),
      waiting_body_(context().worker.blocks()),
      replay_body_(context().worker.blocks()),
      timer_(this, [](void* self) { static_cast<Stream*>(self)->OnTimer(); }),
      random_(context().random.Next()),
      started_(context().worker.now()),
      started_wall_(context().worker.wall_now()) {
  HttpStats& stats = manager().stats;
  stats.downstream_rq_total.Increment();
  stats.downstream_rq_active.Increment();
  (connection.version() == http::Version::kHttp2 ? stats.downstream_rq_http2_total : stats.downstream_rq_http1_total)
      .Increment();
  const config::HttpConnectionManager& config = manager().manager.config();
  SetIdleTimeout(config.stream_idle_timeout);
  const auto deadline = [&](base::Duration timeout) {
    return timeout > base::Duration::zero() ? started_ + timeout : base::MonotonicTime{};
  };
  idle_deadline_ = deadline(idle_timeout_);
  head_deadline_ = deadline(config.request_headers_timeout);
  request_deadline_ = deadline(config.request_timeout);
  duration_deadline_ = deadline(config.options.max_stream_duration);
  ArmTimer();
}

Stream::~Stream() {
  const auto destroy = [](UpstreamRequest* last) {
    for (UpstreamRequest* attempt = last; attempt != nullptr;) {
      UpstreamRequest* const earlier = attempt->earlier();
      attempt->~UpstreamRequest();
      attempt = earlier;
    }
  };
  destroy(newest_);
  for (; former_ != nullptr; former_ = former_->earlier) destroy(former_->last);
  if (chain_ != nullptr) chain_->~HttpChain();
  for (FormerRoutes* former = former_routes_; former != nullptr;) {
    FormerRoutes* const earlier = former->earlier;
    former->~FormerRoutes();
    former = earlier;
  }
}

void Stream::Dispose() {
  if (static_cast<base::ListNode<LineDueTag>&>(*this).linked()) Log();  // its connection was not written any more
  context().streams.Delete(this);
}

// --- from downstream ---------------------------------------------------------------------------------------------

void Stream::OnRequestHead(http::RequestHead& head, bool end) {
  request_ = &head;
  is_grpc_ = http::IsGrpc(head.headers);
  head_deadline_ = {};
  request_state_ = RequestState::kBody;
  if (manager().overload != nullptr && manager().overload->RefusesRequest(random())) [[unlikely]] {
    return RefuseForOverload(end);
  }
  const config::HttpConnectionManager& config = manager().manager.config();
  if (!config.early_mutations.empty()) [[unlikely]] EditEarly();
  NormalizeAuthority(head, config, connection_.transport().local_address().port());
  if (manager_->scopes != nullptr) [[unlikely]] EnterScope();
  net::Transport& transport = connection_.transport();
  requester_ = Identify(head, config, routes_ ? &routes_->table().config() : nullptr,
                        {.address = transport.remote_address(),
                         .ip = [this] { return connection_.remote_ip(); },
                         .local_port = transport.local_address().port(),
                         .secured = connection_.secured(),
                         .client_cert_element = connection_.client_cert_element()});
  PrepareRequest(head, config, requester_, context());
  // A gRPC server may insist on it, and not every client says so.
  if (is_grpc_ && !head.headers.Has(http::HeaderId::kTe)) head.headers.Add(http::HeaderId::kTe, "trailers");
  if (end) CompleteRequest();

  if (!TakeHead() || !TakePath()) return;
  if (connection_.has_notes()) [[unlikely]] connection_.CopyNotes(arena_, annotations());
  ChooseRoute();
  const bool connects = route_ != nullptr && route_->Has(route::Entry::kConnects);
  if ((connects || !head.upgrade.empty()) && !StartUpgrade(connects ? "connect" : head.upgrade)) return;
  FilterRequest(end);
}

void Stream::OnRequestHeadPassed(bool end) {
  const http::RequestHead& head = *request_;
  routed_ = true;
  if (head.path == "*") [[unlikely]] {
    manager().stats.downstream_rq_non_relative_path.Increment();
    SendLocalReply(404, "", ResponseFlag::kCount, "absolute_path_rejected");
    return;
  }
  manager().stats.rq_total.Increment();
  const bool has_path = !head.path.empty() && head.path.front() == '/';
  if (route_ == nullptr || !(has_path || route_->Has(route::Entry::kConnects))) {
    manager().stats.no_route.Increment();
    SendLocalReply(404, "", ResponseFlag::kNoRouteFound, "route_not_found");
    return;
  }
  if (route_->forward == nullptr) {
    if (const config::DirectResponse* direct = route_->direct()) return SendDirectResponse(*direct);
    return SendRedirect(*route_->redirect());
  }
  if (!destination_.cluster) {
    manager().stats.no_cluster.Increment();
    SendLocalReply(route_->forward->cluster_not_found_status, "", ResponseFlag::kNoClusterFound, "cluster_not_found");
    return;
  }
  if (DropForOverload()) return;
  if (route_->Has(route::Entry::kIdleTimeout)) SetIdleTimeout(*route_->forward->idle_timeout);
  LimitDuration();
  TouchIdle();
  StartForwarding(end);
  ArmTimer();
}

bool Stream::StartUpgrade(std::string_view protocol) {
  const config::RouteAction* const forward = route_ == nullptr ? nullptr : route_->forward;
  if (!manager().manager.AllowsUpgrade(protocol, forward)) {
    manager().stats.downstream_rq_ws_on_non_ws_route.Increment();
    SendLocalReply(403, "", ResponseFlag::kCount, "upgrade_failed");
    return false;
  }
  tunnel_ = true;
  return true;
}

void Stream::StartForwarding(bool end) {
  has_body_ = !end;
  if (!routes_->stats.empty()) [[unlikely]] route_counts_ = routes_->stats.Find(*route_, *request_);
  ApplyRoute();
  const bool mirrors =
      route_->Has(route::Entry::kMirrors) || destination_.cluster->config().http.route_overrides != nullptr;
  if (mirrors || mirror_wish_ != nullptr) [[unlikely]] StartMirrors(end);
  request_passed_ = end;
  const bool send_continue = !end && TakeExpectation();
  retry_.emplace(terms_);
  keeps_for_redirect_ = route_->Has(route::Entry::kFollowsRedirects);
  if (request_state_ == RequestState::kComplete) StartRouteTimeout();
  StartAttempt();
  if (end || finished_) return;
  if (send_continue) SendContinue();
  if (!upstream_->is_open()) PauseRequest(kOtherSide);
}

void Stream::StartMirrors(bool end) {
  if (tunnel_ || turned_off_.Has(filter::Feature::kMirror)) return;
  const Mirror::Source source{.head = *request_,
                              .end = end,
                              .priority = route_->priority,
                              .timeout = terms_.timeout > base::Duration::zero() ? terms_.timeout : idle_timeout_,
                              .deadline = kept_deadline_,
                              .most_held = MostHeld(),
                              .stats = destination_.cluster->stats()};
  const config::RouteOverrides* const overrides = destination_.cluster->config().http.route_overrides.get();
  if (overrides != nullptr && !overrides->mirrors.empty()) {
    mirrors_.Start(overrides->mirrors, context(), source);
  } else if (route_->Has(route::Entry::kMirrors)) {
    mirrors_.Start(*route_, context(), source);
  }
  if (mirror_wish_ == nullptr) return;
  const std::string_view name = mirror_wish_->cluster;
  upstream::ClusterShard* const cluster = name.empty() ? destination_.cluster.get() : context().FindCluster(name);
  if (cluster != nullptr) mirrors_.Start(*mirror_wish_, *this, *cluster, manager(), source);
}

bool Stream::TakeExpectation() {
  if (!request_->expect_continue || manager().manager.config().proxy_100_continue) return false;
  request_->expect_continue = false;
  return true;
}

void Stream::SendContinue() {
  auto* head = arena_.New<http::ResponseHead>(arena_);
  head->status = 100;
  downstream_->SendInformational(*head);
}

void Stream::SendDirectResponse(const config::DirectResponse& direct) {
  manager().stats.rq_direct_response.Increment();
  std::string_view body = direct.body;
  if (direct.format) {
    telemetry::RequestRecord record;
    Describe(record);
    record.response_code = direct.status;
    record.local_reply_body = body;
    body = FormatBody(*direct.format, record, arena_);
    reply_type_ = direct.format->content_type;
  }
  SendLocalReply(direct.status, body, ResponseFlag::kCount, "direct_response");
}

void Stream::OnData(base::Slice data, bool end) {
  if (finished_) return;
  request_bytes_ += data.size();
  TouchIdle();
  if (end) CompleteRequest();
  if (finished_) return;
  if (chain_ != nullptr) {
    chain_->request().TakeData(std::move(data), end);
  } else {
    OnRequestDataPassed(std::move(data), end);
  }
}

void Stream::OnRequestDataPassed(base::Slice data, bool end) {
  request_passed_ = end;
  if (upstream_ == nullptr) return;
  if (!mirrors_.empty()) [[unlikely]] mirrors_.SendData(data, end);
  HoldForRetry(data);
  if (!upstream_->is_open()) {
    // Not open yet: OnUpstreamOpen() goes on. Or over, and TryAgain() sends what is held.
    if (!data.empty() && !upstream_->is_over()) waiting_body_.Append(std::move(data));
    if (!end) PauseRequest(kOtherSide);
    return;
  }
  if (!upstream_->SendData(std::move(data), end) && !end) {
    manager().stats.downstream_flow_control_paused_reading_total.Increment();
    PauseRequest(kOtherSide);
  }
  if (end && terms_.hedges && !finished_) StartLateTry();
  if (end && tunnel_ && response_state_ == ResponseState::kComplete) Finish();
}

void Stream::OnTrailers(http::HeaderMap& trailers) {
  if (finished_) return;
  CompleteRequest();
  if (finished_) return;
  if (chain_ != nullptr) {
    chain_->request().TakeTrailers(trailers);
  } else {
    OnRequestTrailersPassed(trailers);
  }
}

void Stream::OnRequestTrailersPassed(http::HeaderMap& trailers) {
  request_passed_ = true;
  if (upstream_ == nullptr) return;
  if (!mirrors_.empty()) [[unlikely]] mirrors_.SendTrailers(trailers);
  request_trailers_ = &trailers;  // another attempt needs them again
  if (!upstream_->is_open()) return;
  upstream_->SendTrailers(trailers);
  if (terms_.hedges && !finished_) StartLateTry();
}

void Stream::CompleteRequest() {
  if (request_state_ == RequestState::kComplete) return;
  request_state_ = RequestState::kComplete;
  request_ended_ = context().worker.now();
  request_deadline_ = {};
  if (upstream_ == nullptr) return;
  StartRouteTimeout();
  ArmTimer();
}

void Stream::OnReset(codec::ResetReason reason, std::string_view detail) {
  if (finished_) return;
  downstream_ = nullptr;
  manager().stats.downstream_rq_rx_reset.Increment();
  switch (reason) {
    case codec::ResetReason::kConnectionEnd:
      flags_.Set(ResponseFlag::kDownstreamConnectionTermination);
      details_ = connection_.cut_short() ? "downstream_local_disconnect" : "downstream_remote_disconnect";
      break;
    case codec::ResetReason::kProtocolError:
      flags_.Set(ResponseFlag::kDownstreamProtocolError);
      details_ = detail;
      break;
    default:
      flags_.Set(ResponseFlag::kDownstreamRemoteReset);
      details_ = "http2.remote_reset";
      // Callers that give up when their deadline has passed are no flood.
      if (context().worker.now() - started_ >= kLongLived) connection_.ForgiveReset();
  }
  Finish();
}

void Stream::OnRequestError(const codec::RequestError& error) {
  if (finished_) return;
  if (error.head != nullptr) request_ = error.head;
  request_state_ = RequestState::kComplete;
  manager().stats.downstream_cx_protocol_error.Increment();
  SendLocalReply(error.status, ErrorText(error), ResponseFlag::kDownstreamProtocolError, error.detail);
}

void Stream::OnSendReady() { ResumeResponse(kOtherSide); }

void Stream::PauseRequest(Reason reason) {
  if (request_paused_ == 0 && downstream_ != nullptr && request_state_ != RequestState::kComplete) {
    downstream_->PauseReading();
  }
  request_paused_ |= reason;
}

void Stream::ResumeRequest(Reason reason) {
  if (finished_ || (request_paused_ & reason) == 0) return;
  request_paused_ &= ~reason;
  if (request_paused_ == 0 && downstream_ != nullptr && request_state_ != RequestState::kComplete) {
    downstream_->ResumeReading();
  }
}

// --- the end -----------------------------------------------------------------------------------------------------

void Stream::Finish() {
  if (finished_) return;
  finished_ = true;
  downstream_ = nullptr;
  timer_.Cancel();
  retry_timer_.Cancel();
  CancelAttempts();
  if (!mirrors_.empty()) [[unlikely]] mirrors_.LetGo(request_passed_, OwnAnswer());
  if (chain_ != nullptr) chain_->End();
  if (!manager().manager.logs().empty()) connection_.LogWhenWritten(*this);
  if (context().traffic != nullptr) [[unlikely]] CountTraffic(*context().traffic);
  if (route_counts_.route != nullptr) [[unlikely]] CountRoute(*route_counts_.route);
  if (route_counts_.virtual_cluster != nullptr) [[unlikely]] CountRoute(*route_counts_.virtual_cluster);
  HttpStats& stats = manager().stats;
  stats.downstream_rq_active.Decrement();
  stats.downstream_rq_time.Record(static_cast<uint64_t>(Milliseconds(context().worker.now() - started_)));
  if (counted_upgrade_) stats.downstream_cx_upgrades_active.Decrement();
  connection_.OnStreamFinished();
  context().worker.Dispose(*this);
}

}  // namespace pillion::proxy
