#include "source/proxy/upstream_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "source/config/priority.h"
#include "source/config/route.h"
#include "source/proxy/forwarding.h"
#include "source/proxy/named_hosts.h"
#include "source/proxy/noted_transport.h"
#include "source/proxy/other_hosts.h"
#include "source/proxy/stream.h"
#include "source/tls/facts.h"
#include "source/upstream/outlier_monitor.h"

namespace pillion::proxy {
namespace {

using telemetry::ResponseFlag;

// With blanks as underscores.
std::string_view Underlined(base::Arena& arena, std::string_view text) {
  char* const copy = static_cast<char*>(arena.Allocate(text.size() + 1, 1));
  for (size_t i = 0; i < text.size(); ++i) copy[i] = text[i] == ' ' ? '_' : text[i];
  return {copy, text.size()};
}

// "<prefix>{<text>}", as RESPONSE_CODE_DETAILS are written.
std::string_view Details(base::Arena& arena, std::string_view prefix, std::string_view text) {
  base::ArenaText details;
  details.Append(arena, prefix);
  details.Append(arena, "{");
  details.Append(arena, Underlined(arena, text));
  details.Append(arena, "}");
  return details.view();
}

// "lane_refused{env=gray,version=v2|unhealthy}". What the labels are the client may have said.
std::string_view LaneDetails(base::Arena& arena, const upstream::LaneWish& wish, upstream::LaneLack lack) {
  if (wish.labels.empty()) return "no_healthy_upstream";
  constexpr std::string_view kLacks[] = {"", "|no_hosts", "|unhealthy", "|full"};
  base::ArenaText text;
  const auto add = [&](std::string_view word) {
    for (const char c : word) {
      const bool plain = c > ' ' && c < 0x7f && c != '{' && c != '}' && c != '|' && c != '"' && c != '\\';
      text.Append(arena, plain ? std::string_view(&c, 1) : "_");
    }
  };
  for (const upstream::Label& label : wish.labels) {
    if (!text.empty()) text.Append(arena, ",");
    add(label.key);
    text.Append(arena, "=");
    add(label.value);
  }
  text.Append(arena, kLacks[static_cast<size_t>(lack)]);
  return Details(arena, "lane_refused", text.view());
}

// What a grpc-status says in terms of HTTP, for those that judge hosts by that.
int HttpStatusOfGrpc(std::string_view status) {
  constexpr std::array<int, 17> kStatuses = {200, 499, 500, 400, 504, 404, 409, 403, 429,
                                             400, 409, 400, 501, 500, 503, 500, 401};
  size_t code = kStatuses.size();
  std::from_chars(status.data(), status.data() + status.size(), code);
  return code < kStatuses.size() ? kStatuses[code] : 500;
}

}  // namespace

upstream::Protocol UpstreamProtocol(const config::Cluster& cluster, http::Version downstream) {
  using Configured = config::UpstreamHttp::Protocol;
  const Configured configured = cluster.http.protocol;
  if (configured == Configured::kAuto) return upstream::Protocol::kAuto;
  const bool http2 = configured == Configured::kHttp2 ||
                     (configured == Configured::kAsDownstream && downstream == http::Version::kHttp2);
  return http2 ? upstream::Protocol::kHttp2 : upstream::Protocol::kHttp1;
}

int OutlierStatus(const config::Cluster& cluster, const http::RequestHead& request, const http::ResponseHead& response) {
  const std::string_view grpc = response.headers.Get(http::HeaderId::kGrpcStatus);
  const int status = !grpc.empty() && http::IsGrpc(request.headers) ? HttpStatusOfGrpc(grpc) : response.status;
  if (cluster.http.errors == nullptr) [[likely]] return status;
  return cluster.http.errors->Matches(response) ? std::max(status, 500) : 200;
}

std::string_view WantedServerName(const config::Cluster& cluster, const http::RequestHead& head) {
  if (!cluster.http.auto_sni) [[likely]] return {};
  std::string_view host = head.authority;
  if (!cluster.http.auto_sni_header.empty()) {
    const http::HeaderField* const field = head.headers.Find(cluster.http.auto_sni_header);
    if (field != nullptr) host = field->value();
  }
  host = host.starts_with('[') ? host.substr(1, host.find(']') - 1) : host.substr(0, host.find(':'));
  char* const lower = static_cast<char*>(head.headers.arena().Allocate(host.size(), 1));
  http::CopyLowerCase(host, lower);
  return {lower, host.size()};
}

UpstreamRequest::UpstreamRequest(Stream& stream, upstream::ClusterShard& cluster, config::Priority priority,
                                 uint32_t number, UpstreamRequest* earlier)
    : PoolWaiter(priority), stream_(stream), cluster_(&cluster), number_(number), earlier_(earlier) {}

UpstreamRequest::~UpstreamRequest() { Cancel(); }

base::Arena& UpstreamRequest::arena() { return stream_.arena(); }

std::optional<UpstreamFailure> UpstreamRequest::Start(bool end) {
  head_ends_ = end;
  began_ = stream_.context().worker.now();
  upstream::PickContext wanted = stream_.WantedHost();
  NamedHosts names(&stream_.request(), stream_.notes(), arena(), stream_.names_left());
  wanted.names = &names;
  if (number_ == 1) {
    wanted.session_host = stream_.session_host();
    wanted.only_session_host = stream_.only_session_host();
  }
  std::optional<OtherHosts> others;
  if (earlier_ != nullptr && stream_.terms().policy != nullptr) [[unlikely]] {
    others.emplace(*stream_.terms().policy, *earlier_);
    others->Ask(wanted);
  }
  const bool as_meant = cluster_->config().discovery == config::Cluster::Discovery::kOriginalDst;
  const auto at_meant = [&]() -> const std::shared_ptr<upstream::Host>& {
    return cluster_->HostAt(stream_.OriginalDestination(cluster_->config()));
  };
  const upstream::ClusterShard::Choice choice =
      as_meant ? upstream::ClusterShard::Choice{*cluster_, at_meant(), 0} : cluster_->Choose(wanted);
  const std::shared_ptr<upstream::Host>& host = choice.host;
  serving_ = event::Kept<upstream::ClusterShard>(&choice.cluster);
  level_ = choice.level;
  lane_outcome_ = choice.lane;
  stream_.set_lane_outcome(choice.lane);
  if (host == nullptr) {
    state_ = State::kOver;
    const bool by_lane = choice.lane.fit == upstream::LaneFit::kRefused && wanted.lane != nullptr;
    return UpstreamFailure{503, "no healthy upstream", ResponseFlag::kNoHealthyUpstream,
                           by_lane ? LaneDetails(arena(), *wanted.lane, choice.lane.lack) : "no_healthy_upstream",
                           AttemptEnd::kOverflow};
  }
  raw_ = stream_.ends_connect();
  const upstream::Protocol protocol =
      raw_ ? upstream::Protocol::kRaw : UpstreamProtocol(serving_->config(), stream_.request().version);
  upstream::ConnectionNeeds needs{.server_name = WantedServerName(serving_->config(), stream_.request())};
  const metadata::Annotations* const notes = host->transport()->tls == nullptr ? nullptr : stream_.notes();
  if (notes != nullptr) [[unlikely]] TakeNotedTransport(notes->filter_state, needs);
  if (serving_->config().names_clients && host->transport()->proxy_version) [[unlikely]] {
    needs.proxy_head = stream_.ProxyHead(*host->transport()->proxy_version, host->transport()->proxy_tlvs.get());
  }
  if (host->transport()->internal != nullptr) [[unlikely]] needs.passed = SharedObjects(stream_.notes(), arena());
  needs.source = stream_.source();
  serving_->PreconnectAhead(protocol, priority(), needs);
  pool_ = serving_->PoolOf(host, protocol, priority(), needs);
  if (pool_ == nullptr) {
    state_ = State::kOver;
    return FailureOf(upstream::PoolFailure::kOverflow, 0);
  }
  host_ = host.get();
  state_ = State::kWaiting;
  const upstream::Pool::Result result = pool_->Request(*this);
  switch (result.kind) {
    case upstream::Pool::Result::kReady:
      Open(*result.stream, *result.connection);
      break;
    case upstream::Pool::Result::kQueued:
      break;
    case upstream::Pool::Result::kOverflow:
      state_ = State::kOver;
      return FailureOf(upstream::PoolFailure::kOverflow, 0);
  }
  return std::nullopt;
}

void UpstreamRequest::Open(codec::ClientStream& stream, upstream::PooledConnection& connection) {
  state_ = State::kOpen;
  upstream_ = &stream;
  connection_ = &connection;
  http2_ = connection.protocol() == upstream::Protocol::kHttp2;
  head_sent_ = stream_.context().worker.now();
  if (upstream::OutlierMonitor* monitor = host_->outlier_monitor()) {
    monitor->OnConnected(stream_.context().worker.index());
  }
  stream_.PrepareUpstreamHead(*this);
  request_ended_ = head_ends_;
  if (head_ends_) request_sent_ = head_sent_;
  connection_id_ = connection.id();
  connect_began_ = connection.begun();
  connect_ended_ = connection.connected();
  served_others_ = connection.requests_served() > 0;
  if (!stream_.manager().manager.logs().empty()) {
    local_address_ = arena().Copy(connection.local_text());
    other_remote_address_ = connection.other_remote_text().empty() ? "" : arena().Copy(connection.other_remote_text());
    tls_ = connection.tls();
  }
  if (!raw_ || !stream_.entry().forward->ended_connect->proxy_version) [[likely]] {
    upstream_->SendHead(stream_.request(), head_ends_);
    return;
  }
  upstream_->SendHead(stream_.request(), false);
  const config::EndedConnect& ended = *stream_.entry().forward->ended_connect;
  const std::string_view head = stream_.ProxyHead(*ended.proxy_version, ended.proxy_tlvs.get());
  // The first bytes: there is room.
  (void)upstream_->SendData(base::Slice::Copy(stream_.context().worker.blocks(), head), head_ends_);
}

void UpstreamRequest::OnPoolReady(codec::ClientStream& stream, upstream::PooledConnection& connection) {
  Open(stream, connection);
  stream_.OnUpstreamOpen();
}

void UpstreamRequest::OnPoolFailure(upstream::PoolFailure failure, int error) {
  state_ = State::kOver;
  Track();
  if (failure != upstream::PoolFailure::kOverflow) {
    CountError();
    TellOutlierMonitor(503);
  }
  stream_.OnUpstreamFailure(*this, FailureOf(failure, error));
}

bool UpstreamRequest::SendData(base::Slice data, bool end) {
  if (end) SentEnd();
  body_sent_ += data.size();
  const bool room = upstream_->SendData(std::move(data), end);
  if (end && response_ended_) EndOfBoth();
  return room;
}

void UpstreamRequest::SendTrailers(const http::HeaderMap& trailers) {
  SentEnd();
  upstream_->SendTrailers(trailers);
  if (response_ended_) EndOfBoth();
}

void UpstreamRequest::PauseReading() {
  if (upstream_ != nullptr) upstream_->PauseReading();
}

void UpstreamRequest::ResumeReading() {
  if (upstream_ != nullptr) upstream_->ResumeReading();
}

void UpstreamRequest::Cancel() {
  if (state_ == State::kWaiting || state_ == State::kOpen) Track();
  switch (state_) {
    case State::kWaiting:
      pool_->Cancel(*this);
      break;
    case State::kOpen:
      if (http2_) serving_->stats().upstream_rq_tx_reset.Increment();
      upstream_->Reset(codec::ResetReason::kCancel);
      ReleaseStream();
      break;
    case State::kIdle:
    case State::kOver:
      break;
  }
  state_ = State::kOver;
  upstream_ = nullptr;
}

void UpstreamRequest::CancelForTimeout(Timeout timeout) {
  upstream::ClusterStats& stats = cluster_->stats();
  switch (timeout) {
    case Timeout::kRequest:
      stats.upstream_rq_timeout.Increment();
      break;
    case Timeout::kTry:
      stats.upstream_rq_per_try_timeout.Increment();
      break;
    case Timeout::kTryIdle:
      stats.upstream_rq_per_try_idle_timeout.Increment();
      break;
    case Timeout::kDuration:
      stats.upstream_rq_max_duration_reached.Increment();
      break;
  }
  const bool waits_for_head = state_ != State::kOver && response_began_ == base::MonotonicTime{};
  if (waits_for_head && timeout != Timeout::kDuration) {
    TellLate();
    if (host_ != nullptr) CountError();
  }
  if (host_ != nullptr) host_->figures(stream_.context().worker.index()).Add(upstream::HostFigures::kRqTimeout);
  Cancel();
}

void UpstreamRequest::TellLate() {
  if (host_ != nullptr && !told_late_) TellOutlierMonitor(504);
  told_late_ = true;
}

void UpstreamRequest::CountError() {
  host_->figures(stream_.context().worker.index()).Add(upstream::HostFigures::kRqError);
}

void UpstreamRequest::OnInformational(http::ResponseHead& head) { stream_.OnUpstreamInformational(head); }

void UpstreamRequest::OnResponseHead(http::ResponseHead& head, bool end) {
  response_began_ = stream_.context().worker.now();
  TellOutlierMonitor(head);
  if (cluster_->stats().sizes) [[unlikely]] TrackHead(head);
  if (serving_->config().load_balancing.reported_weights != nullptr) [[unlikely]] ReadLoad(head.headers);
  if (serving_->config().health_check != nullptr &&
      head.headers.Find("x-envoy-immediate-health-check-fail") != nullptr) [[unlikely]] {
    serving_->cluster().TellImmediateFailure(pool_->host());
  }
  if (stream_.RetryAfter(*this, head)) {
    if (end && request_ended_) {
      EndOfBoth();  // all of it has come: the connection serves others
    } else {
      Cancel();
    }
    return;
  }
  CountResponse(head.status);
  if (end) ReceivedEnd();
  stream_.OnUpstreamHead(*this, head, end);
}

void UpstreamRequest::OnData(base::Slice data, bool end) {
  if (body_began_ == base::MonotonicTime{} && !data.empty()) body_began_ = stream_.context().worker.now();
  body_received_ += data.size();
  if (end) ReceivedEnd();
  stream_.OnUpstreamData(std::move(data), end);
}

void UpstreamRequest::OnTrailers(http::HeaderMap& trailers) {
  if (serving_->config().load_balancing.reported_weights != nullptr) [[unlikely]] ReadLoad(trailers);
  ReceivedEnd();
  stream_.OnUpstreamTrailers(trailers);
}

void UpstreamRequest::OnSendReady() { stream_.OnUpstreamSendReady(); }

void UpstreamRequest::OnReset(codec::ResetReason reason, std::string_view detail) {
  state_ = State::kOver;
  Track();
  upstream_ = nullptr;
  ReleaseStream();
  if (http2_) {
    if (reason == codec::ResetReason::kPeerReset) serving_->stats().upstream_rq_rx_reset.Increment();
    if (reason == codec::ResetReason::kConnectionEnd) serving_->stats().upstream_rq_pending_failure_eject.Increment();
  } else if (reason == codec::ResetReason::kProtocolError) {
    // Of HTTP/2 it may be this stream alone; there the connection tells of its own.
    serving_->stats().upstream_cx_protocol_error.Increment();
  }
  CountError();
  TellOutlierMonitor(503);
  stream_.OnUpstreamFailure(*this, FailureOf(reason, detail));
}

void UpstreamRequest::SentEnd() {
  request_ended_ = true;
  request_sent_ = stream_.context().worker.now();
}

void UpstreamRequest::ReceivedEnd() {
  response_ended_ = true;
  response_got_ = stream_.context().worker.now();
  const base::Duration took = response_got_ - head_sent_;
  cluster_->stats().upstream_rq_time.Record(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  TrackWhole();
  if (request_ended_) EndOfBoth();
}

void UpstreamRequest::EndOfBoth() {
  state_ = State::kOver;
  Track();
  upstream_ = nullptr;
  ReleaseStream();
}

void UpstreamRequest::CountResponse(int status) {
  if (!stream_.is_health_check()) cluster_->stats().CountStatus(status);
  host_->figures(stream_.context().worker.index())
      .Add(status >= 500 ? upstream::HostFigures::kRqError : upstream::HostFigures::kRqSuccess);
}

void UpstreamRequest::TellOutlierMonitor(const http::ResponseHead& head) {
  upstream::OutlierMonitor* const monitor = host_->outlier_monitor();
  if (monitor == nullptr) [[likely]] return;
  monitor->OnAnswer(stream_.context().worker.index(), OutlierStatus(serving_->config(), stream_.request(), head));
}

void UpstreamRequest::TellOutlierMonitor(int status_of_no_answer) {
  upstream::OutlierMonitor* const monitor = host_->outlier_monitor();
  if (monitor == nullptr) [[likely]] return;
  monitor->OnNoAnswer(stream_.context().worker.index(), status_of_no_answer);
}

// Envoy's words, which people's scripts know.
std::string_view UpstreamRequest::ResetText(std::string_view reason) {
  base::ArenaText text;
  text.Append(arena(), "upstream connect error or disconnect/reset before headers. ");
  text.Append(arena(), stream_.attempts() > 1 ? "retried and the latest reset reason: " : "reset reason: ");
  text.Append(arena(), reason);
  return text.view();
}

UpstreamFailure UpstreamRequest::FailureOf(upstream::PoolFailure failure, int error) {
  constexpr std::string_view kPrefix = "upstream_reset_before_response_started";
  switch (failure) {
    case upstream::PoolFailure::kOverflow:
      serving_->CountDrop(false);
      return {.status = 503,
              .body = ResetText("overflow"),
              .flag = ResponseFlag::kUpstreamOverflow,
              .details = "upstream_reset_before_response_started{overflow}",
              .end = AttemptEnd::kOverflow,
              .overloaded = true};
    case upstream::PoolFailure::kConnectTimeout:
      return {.status = 503,
              .body = ResetText("connection timeout"),
              .flag = ResponseFlag::kUpstreamConnectionFailure,
              .details = "upstream_reset_before_response_started{connection_timeout}",
              .end = AttemptEnd::kConnectFailed};
    case upstream::PoolFailure::kConnectFailed:
      break;
  }
  constexpr std::string_view kReason = "remote connection failure";
  base::ArenaText text;
  text.Append(arena(), kReason);
  text.Append(arena(), "|");
  if (pool_ != nullptr && !pool_->failure_text().empty()) {
    text.Append(arena(), pool_->failure_text());
  } else {
    char buffer[128];
    text.Append(arena(), "delayed connect error: ");
    text.Append(arena(), strerror_r(error, buffer, sizeof buffer));
  }
  transport_failure_ = Underlined(arena(), text.view().substr(kReason.size() + 1));
  return {.status = 503,
          .body = ResetText(kReason),
          .flag = ResponseFlag::kUpstreamConnectionFailure,
          .details = Details(arena(), kPrefix, text.view()),
          .end = AttemptEnd::kConnectFailed};
}

UpstreamFailure UpstreamRequest::FailureOf(codec::ResetReason reason, std::string_view detail) {
  const std::string_view prefix = stream_.response_begun() ? "upstream_reset_after_response_started"
                                                             : "upstream_reset_before_response_started";
  const auto failure = [&](int status, std::string_view text, ResponseFlag flag, AttemptEnd end) {
    return UpstreamFailure{.status = status,
                           .body = ResetText(text),
                           .flag = flag,
                           .details = Details(arena(), prefix, text),
                           .end = end};
  };
  switch (reason) {
    case codec::ResetReason::kProtocolError: {
      UpstreamFailure result =
          failure(502, "protocol error", ResponseFlag::kUpstreamProtocolError, AttemptEnd::kReset);
      base::ArenaText text;
      text.Append(arena(), "protocol error|");
      text.Append(arena(), detail);
      result.details = Details(arena(), prefix, text.view());
      return result;
    }
    case codec::ResetReason::kConnectionEnd: {
      constexpr std::string_view kReason = "connection termination";
      UpstreamFailure result = failure(503, kReason, ResponseFlag::kUpstreamConnectionTermination, AttemptEnd::kReset);
      result.stale_connection = served_others_;
      // By TLS 1.3 a server may refuse our certificate when we take the handshake for done.
      if (const std::string_view why = connection_->transport_failure(); !why.empty()) [[unlikely]] {
        base::ArenaText text;
        text.Append(arena(), kReason);
        text.Append(arena(), "|");
        text.Append(arena(), why);
        transport_failure_ = Underlined(arena(), text.view().substr(kReason.size() + 1));
        result.details = Details(arena(), prefix, text.view());
      }
      return result;
    }
    case codec::ResetReason::kRefused:
      return failure(503, "remote refused stream reset", ResponseFlag::kUpstreamRemoteReset, AttemptEnd::kRefused);
    default:
      return failure(503, "remote reset", ResponseFlag::kUpstreamRemoteReset, AttemptEnd::kReset);
  }
}

}  // namespace pillion::proxy
