#include <algorithm>

#include "source/base/number_text.h"
#include "source/config/route.h"
#include "source/config/route_overrides.h"
#include "source/http/grpc_timeout.h"
#include "source/overload/state.h"
#include "source/proxy/forwarding.h"
#include "source/proxy/noted_destination.h"
#include "source/proxy/request_hash.h"
#include "source/proxy/stream.h"
#include "source/proxy/subset_criteria.h"
#include "source/proxy/target.h"
#include "source/route/header_edits.h"
#include "source/route/rewrite.h"

// What the route that was chosen makes of the heads of a request and its response.

namespace pillion::proxy {

std::string_view Stream::downstream_remote_address() {
  if (requester_.is_peer) return connection_.remote_text();
  const bool v6 = requester_.ip.find(':') != std::string_view::npos;
  base::ArenaText text;
  text.Append(arena_, v6 ? "[" : "");
  text.Append(arena_, requester_.ip);
  text.Append(arena_, v6 ? "]:0" : ":0");
  return text.view();
}

std::optional<net::Address> Stream::OriginalDestination(const config::Cluster& cluster) {
  if (annotations_ != nullptr) [[unlikely]] {
    const std::optional<std::string_view> noted = NotedDestination(cluster.original_dst, *annotations_);
    if (noted) return net::Address::IpAndPort(*noted);
  }
  const std::string& name = cluster.original_dst.header;
  const http::HeaderField* field = name.empty() ? nullptr : request_->headers.Find(name);
  return field != nullptr ? net::Address::IpAndPort(field->value()) : connection_.original_destination();
}

std::string_view Stream::ProxyHead(net::ProxyVersion version, const net::ProxyTlvs* tlvs) {
  return arena_.Copy(connection_.ProxyHead(version, tlvs));
}

void Stream::EditEarly() {
  telemetry::RequestRecord record;
  Describe(record);
  route::ApplyHeaderMutations(manager().manager.config().early_mutations, record, request_->headers);
  is_grpc_ = http::IsGrpc(request_->headers);
}

bool Stream::TakeHead() {
  if (connection_.IsMisdirected(request_->authority)) [[unlikely]] {
    SendLocalReply(421, "", telemetry::ResponseFlag::kCount, "misdirected_request");
    return false;
  }
  if (const int status = requester_.refused_status; status != 0) [[unlikely]] {
    SendLocalReply(status, "", telemetry::ResponseFlag::kCount, "rejecting_because_detection_failed");
    return false;
  }
  // The answer to it would show the sender what proxies have added to the request.
  if (request_->method_id == http::Method::kTrace) {
    SendLocalReply(405, "", telemetry::ResponseFlag::kCount, "trace_not_allowed");
    return false;
  }
  return true;
}

bool Stream::TakePath() {
  switch (NormalizePath(*request_, manager().manager.config())) {
    case PathVerdict::kGood:
      return true;
    case PathVerdict::kRefused:
      manager().stats.downstream_rq_failed_path_normalization.Increment();
      SendLocalReply(400, "", telemetry::ResponseFlag::kCount, "path_normalization_failed");
      return false;
    case PathVerdict::kRedirected:
      break;
  }
  manager().stats.downstream_rq_redirected_with_normalized_path.Increment();
  const std::pair<std::string_view, std::string_view> location = {"location", request_->path};
  SendReply({.status = 307, .details = "path_normalization_failed", .headers = {&location, 1}});
  return false;
}

void Stream::EnterScope() {
  if (!scopes_) scopes_ = manager_->scopes->now;
  const LiveRoutes* scope = nullptr;
  event::Kept<RoutesShard> routes = RoutesOfScope(scope);
  if (scope == scope_) return;
  scope_ = scope;
  KeepRoutes(std::exchange(routes_, std::move(routes)));
}

// Of the scope that it is in already they stay the same, whatever has come meanwhile.
event::Kept<RoutesShard> Stream::RoutesOfScope(const LiveRoutes*& scope) {
  scope = scopes_ ? scopes_->Find(manager().manager.config().scoped_routes->key, *request_) : nullptr;
  if (scope == scope_) return routes_;
  return scope == nullptr ? event::Kept<RoutesShard>() : scope->now;
}

void Stream::KeepRoutes(event::Kept<RoutesShard> routes) {
  if (routes) former_routes_ = arena_.New<FormerRoutes>(std::move(routes), former_routes_);
}

void Stream::ChooseRoute() {
  if (manager_->scopes != nullptr) [[unlikely]] EnterScope();
  route_ = routes_ ? routes_->table().Match(*request_, random_, Facts()) : nullptr;
  destination_ = {};
  if (route_ == nullptr || route_->forward == nullptr) return;
  if (!other_cluster_.empty()) [[unlikely]] return SendTo(other_cluster_);
  destination_ = ChooseDestination(*route_, *request_, random_, context());
}

void Stream::SendTo(std::string_view cluster) {
  other_cluster_ = cluster;
  if (route_ == nullptr || route_->forward == nullptr) return;
  destination_ = {};
  destination_.cluster_name = cluster;
  destination_.cluster = event::Kept<upstream::ClusterShard>(context().FindCluster(cluster));
}

void Stream::ApplyRoute() {
  HashRequest();
  terms_ = TermsOf(*route_, &destination_.cluster->config(), *request_);
  SetAttemptFields(1);
  telemetry::RequestRecord record;
  if (EditsRequest(*route_, destination_)) Describe(record);
  const bool keep_original = !manager().manager.config().router.suppress_envoy_headers;
  EditRequest(*route_, destination_, record, keep_original, *request_);
}

// Of the request as it came.
void Stream::HashRequest() {
  const config::Cluster& cluster = destination_.cluster->config();
  const config::RouteOverrides* const overrides = cluster.http.route_overrides.get();
  const bool by_cluster = overrides != nullptr && !overrides->hash_policies.empty();
  if (!by_cluster && !route_->Has(route::Entry::kHashes)) return;
  const std::vector<config::HashPolicy>& policies =
      by_cluster ? overrides->hash_policies : route_->forward->hash_policies;
  if (!cluster.load_balancing.hashes() && cluster.discovery != config::Cluster::Discovery::kAggregate) return;
  HashRequester requester{.ip = requester_.ip, .notes = annotations_};
  if (requester_.is_peer && requester.ip.empty()) requester.ip = connection_.remote_ip();
  if (MakesCookies(policies)) {
    requester.peer = connection_.remote_text();
    requester.local = connection_.local_text();
  }
  new_cookies_ = arena_.New<http::HeaderMap>(arena_);
  hash_ = HashOf(policies, *request_, requester, *new_cookies_);
}

config::LbCriteriaView Stream::NotedCriteria(const config::LbCriteria& criteria) {
  return MergeCriteria(criteria.view(), annotations_->metadata, arena_);
}

void Stream::RefuseForOverload(bool end) {
  if (end) CompleteRequest();
  manager().stats.downstream_rq_overload_close.Increment();
  const std::pair<std::string_view, std::string_view> field = {"x-envoy-local-overloaded", "true"};
  const bool tell = manager().manager.config().tells_overload;
  SendReply({.status = 503,
             .body = "envoy overloaded",
             .flag = telemetry::ResponseFlag::kOverloadTerminated,
             .details = "overload",
             .headers = {&field, tell ? 1u : 0u}});
}

bool Stream::DropForOverload() {
  if (manager().overload != nullptr && manager().overload->RefusesForwarding(random())) [[unlikely]] {
    manager().stats.rq_overload_local_reply.Increment();
    SendLocalReply(503, "envoy overloaded", telemetry::ResponseFlag::kOverloadTerminated, "overload");
    return true;
  }
  upstream::ClusterShard& cluster = *destination_.cluster;
  const match::Fraction& drop = cluster.hosts().drop;
  if (drop.numerator == 0) [[likely]] return false;
  const bool all = drop.numerator >= drop.denominator;
  if (!drop.Holds(context().random.Next())) return false;
  cluster.CountDrop(true);
  cluster.stats().CountStatus(503);
  const std::pair<std::string_view, std::string_view> field = {
      all ? "x-envoy-unconditional-drop-overload" : "x-envoy-drop-overload", "true"};
  const bool tell = !manager().manager.config().router.suppress_envoy_headers;
  SendReply({.status = 503,
             .body = all ? "unconditional drop overload" : "drop overload",
             .flag = all ? telemetry::ResponseFlag::kUnconditionalDropOverload : telemetry::ResponseFlag::kDropOverload,
             .details = all ? "unconditional_drop_overload" : "drop_overload",
             .headers = {&field, tell ? 1u : 0u}});
  return true;
}

void Stream::SetAttemptFields(uint32_t number) {
  const base::Duration timeout = terms_.AttemptTimeout(TimeLeft());
  PrepareAttempt(*request_, manager().manager.config(), timeout);
  if (terms_.tells_grpc_timeout && timeout > base::Duration::zero()) [[unlikely]] {
    request_->headers.Set(http::HeaderId::kGrpcTimeout, http::GrpcTimeoutText(timeout, arena_));
  }
  if (!route_->Has(route::Entry::kCountsAttempts)) return;
  request_->headers.Set(http::HeaderId::kXEnvoyAttemptCount, base::NumberText(number, arena_));
}

void Stream::LimitDuration() {
  static constexpr config::StreamDuration kNone;
  const bool has_own = route_->Has(route::Entry::kLimitsDuration);
  const config::StreamDuration& configured = has_own ? route_->forward->max_stream_duration : kNone;
  const std::optional<base::Duration> grpc = http::ParseGrpcTimeout(request_->headers.Get(http::HeaderId::kGrpcTimeout));
  base::Duration limit = configured.limit.value_or(manager().manager.config().options.max_stream_duration);
  const bool by_client = grpc && configured.grpc_max;
  // A filter that keeps the caller's deadline has written what is left of it.
  const bool is_kept = kept_deadline_ != base::MonotonicTime{};
  const base::Duration past = is_kept ? context().worker.now() - started_ : base::Duration::zero();
  if (by_client) {
    limit = past + *grpc;
    if (*configured.grpc_max > base::Duration::zero()) limit = std::min(limit, *configured.grpc_max);
    limit = std::max(limit - configured.grpc_offset, base::Duration::zero());
  }
  duration_deadline_ = {};
  if (!by_client && limit <= base::Duration::zero()) return;
  if (by_client && IsKept(started_ + limit)) return;
  duration_deadline_ = started_ + limit;
  if (!grpc) return;
  // The server need not work longer than somebody waits.
  const base::Duration left = std::max(limit - past, base::Duration::zero());
  request_->headers.Set(http::HeaderId::kGrpcTimeout, http::GrpcTimeoutText(left, arena_));
}

size_t Stream::MostHeld() {
  const size_t connection = manager().manager.listener().per_connection_buffer_limit;
  if (!route_->Has(route::Entry::kHoldsBody)) return connection;
  const std::optional<config::HeldBody>& held = route_->more->held_body;
  return held->beyond_connection ? held->bytes : std::min<size_t>(held->bytes, connection);
}

void Stream::UseHostOf(const UpstreamRequest& attempt) {
  const bool keep_original = !manager().manager.config().router.suppress_envoy_headers;
  if (UseEndpointHost(*route_, attempt.host()->hostname(), keep_original, host_replaced_, *request_)) {
    host_replaced_ = true;
  }
}

void Stream::EditResponseHead(http::ResponseHead& head) {
  if (route_ == nullptr) return;
  if (new_cookies_ != nullptr) {
    for (const http::HeaderField& cookie : *new_cookies_) head.headers.Add(cookie.name(), cookie.value());
  }
  if (EditsResponse(*route_, destination_)) {
    telemetry::RequestRecord record;
    Describe(record);
    record.response = &head;
    record.response_code = static_cast<uint64_t>(head.status);
    EditResponse(*route_, destination_, record, head);
  }
  if (route_->Has(route::Entry::kTellsAttempts) && upstream_ != nullptr) {
    head.headers.Set(http::HeaderId::kXEnvoyAttemptCount, base::NumberText(attempts(), arena_));
  }
}

void Stream::SendRedirect(const config::Redirect& redirect) {
  manager().stats.rq_direct_response.Increment();  // as Envoy does, beside the counter that it documents
  manager().stats.rq_redirect.Increment();
  const std::pair<std::string_view, std::string_view> location = {
      "location", route::RedirectLocation(redirect, route_->route->match, *request_)};
  SendReply({.status = redirect.status, .details = "direct_response", .headers = {&location, 1}});
}

}  // namespace pillion::proxy
