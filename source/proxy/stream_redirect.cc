#include <algorithm>

#include "source/config/route.h"
#include "source/http/syntax.h"
#include "source/proxy/stream.h"
#include "source/proxy/target.h"

// Answers that redirect and are followed here (internal_redirect_policy): the request goes through filters and routing
// once more, with another target. Not from inside the old attempt's call, so in a timer's.

namespace pillion::proxy {
namespace {

using http::HeaderId;

struct Target {
  std::string_view scheme;
  std::string_view authority;
  std::string_view path;
};

// An absolute http or https URL; its fragment is nobody's but the client's.
std::optional<Target> ParseLocation(std::string_view text, base::Arena& arena) {
  text = text.substr(0, text.find('#'));
  const size_t colon = text.find("://");
  if (colon == text.npos) return std::nullopt;
  Target target;
  for (const std::string_view scheme : {"http", "https"}) {
    if (http::EqualsIgnoreCase(text.substr(0, colon), scheme)) target.scheme = scheme;
  }
  const std::string_view rest = text.substr(colon + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  target.authority = rest.substr(0, end);
  base::ArenaText path;
  if (end == rest.size() || rest[end] == '?') path.Append(arena, "/");
  path.Append(arena, rest.substr(end));
  target.path = path.view();
  if (target.scheme.empty() || !http::IsAuthority(target.authority) || !http::IsTarget(target.path)) return std::nullopt;
  target.authority = arena.Copy(target.authority);
  return target;
}

std::string_view UrlOf(const http::RequestHead& head, base::Arena& arena) {
  base::ArenaText url;
  url.Append(arena, head.scheme);
  url.Append(arena, "://");
  url.Append(arena, head.authority);
  url.Append(arena, head.path);
  return url.view();
}

}  // namespace

bool Stream::FollowRedirect(const http::ResponseHead& head) {
  const config::InternalRedirect& policy = *route_->forward->internal_redirect;
  if (tunnel_ || std::find(policy.codes.begin(), policy.codes.end(), head.status) == policy.codes.end()) return false;
  upstream::ClusterStats& stats = upstream_->cluster().stats();
  if (!Redirect(policy, head)) {
    stats.upstream_internal_redirect_failed_total.Increment();
    return false;
  }
  stats.upstream_internal_redirect_succeeded_total.Increment();
  // Each of them has its line.
  if (!manager().manager.logs().empty()) {
    telemetry::RequestRecord record;
    Describe(record);
    record.response_code = static_cast<uint64_t>(head.status);
    record.response_code_details = "internal_redirect";
    for (const auto& log : manager().manager.logs()) log->Log(context().worker.index(), record);
  }
  // That answer is what the copies are compared with.
  if (!mirrors_.empty()) {
    const int grpc = is_grpc_ ? GrpcStatusNumber(head.headers.Get(HeaderId::kGrpcStatus)) : -1;
    mirrors_.LetGo(true, {head.status, grpc, context().worker.now()});
  }
  EndTryTimeouts();
  route_deadline_ = kept_deadline_ = {};
  redirecting_ = true;
  context().worker.SetTimer(retry_timer_, base::Duration::zero());
  return true;
}

// Makes the request what the answer asks for, or leaves it as it is.
bool Stream::Redirect(const config::InternalRedirect& policy, const http::ResponseHead& answer) {
  HttpStats& stats = manager().stats;
  http::RequestHead& head = *request_;
  const std::string_view location = answer.headers.Get(HeaderId::kLocation);
  // What is still coming, or was not kept, can't be sent again.
  if (location.empty() || !request_passed_ || !keeps_for_redirect_) return false;
  const std::optional<Target> target = ParseLocation(location, arena_);
  if (!target) {
    stats.passthrough_internal_redirect_bad_location.Increment();
    return false;
  }
  if (!policy.other_scheme && target->scheme != head.scheme) {
    stats.passthrough_internal_redirect_unsafe_scheme.Increment();
    return false;
  }
  if (redirects_ >= policy.most) {
    stats.passthrough_internal_redirect_too_many_redirects.Increment();
    return false;
  }
  const Target before{head.scheme, head.authority, head.path};
  const std::string_view url = UrlOf(head, arena_);
  const auto take = [&head](const Target& to) {
    head.scheme = to.scheme;
    head.authority = to.authority;
    head.path = to.path;
  };
  take(*target);
  const bool good = NormalizePath(head, manager().manager.config()) == PathVerdict::kGood;
  event::Kept<RoutesShard> routes = routes_;
  if (manager_->scopes != nullptr) [[unlikely]] {
    const LiveRoutes* scope = nullptr;
    routes = RoutesOfScope(scope);
  }
  const route::Entry* const next = good && routes ? routes->table().Match(head, random_, Facts()) : nullptr;
  if (next == nullptr) {
    (good ? stats.passthrough_internal_redirect_no_route : stats.passthrough_internal_redirect_bad_location).Increment();
    take(before);
    return false;
  }
  if (!MayRedirectTo(policy, *next, before.scheme)) {
    stats.passthrough_internal_redirect_predicate.Increment();
    take(before);
    return false;
  }
  if (routes.get() != routes_.get()) KeepRoutes(std::move(routes));
  passages_ = new (arena_.Allocate(sizeof(Passage), alignof(Passage))) Passage{route_->route, next->route, passages_};
  for (const http::FieldName& name : policy.copied) {
    head.headers.RemoveIf([&](const http::HeaderField& field) { return name.Is(field); });
    for (const http::HeaderField& field : answer.headers) {
      if (name.Is(field)) head.headers.Add(field.id, field.name(), field.value());
    }
  }
  head.headers.Set(HeaderId::kXEnvoyOriginalUrl, url);
  if (answer.status == 303 && head.method_id != http::Method::kGet && head.method_id != http::Method::kHead) {
    // RFC 9110, 15.4.4.
    head.method = "GET";
    head.method_id = http::Method::kGet;
    head.headers.Remove(HeaderId::kContentLength);
    head.content_length = http::kNoContentLength;
    replay_body_.Clear();
    request_trailers_ = nullptr;
  }
  return true;
}

bool Stream::MayRedirectTo(const config::InternalRedirect& policy, const route::Entry& next,
                           std::string_view scheme_before) const {
  if (policy.no_https_from_http && scheme_before == "http" && request_->scheme == "https") return false;
  for (const std::vector<std::string>& allowed : policy.allowed_routes) {
    if (std::find(allowed.begin(), allowed.end(), next.route->name) == allowed.end()) return false;
  }
  if (!policy.each_route_once) return true;
  for (const Passage* passage = passages_; passage != nullptr; passage = passage->earlier) {
    if (passage->from == route_->route && passage->to == next.route) return false;
  }
  return true;
}

void Stream::StartAnew() {
  redirecting_ = false;
  ++redirects_;
  if (chain_ != nullptr) {
    chain_->End();
    chain_->~HttpChain();
    chain_ = nullptr;
  }
  // Of the filters that are gone.
  carried_context_ = nullptr;
  lane_wish_ = forced_wish_;
  mirror_wish_ = nullptr;
  session_host_ = {};
  only_session_host_ = false;
  // Of the route that was left; the next one may have no policies.
  hash_.reset();
  new_cookies_ = nullptr;
  former_ = new (arena_.Allocate(sizeof(Former), alignof(Former))) Former{newest_, former_};
  upstream_ = newest_ = nullptr;
  hedged_ = false;
  names_left_ = {};
  host_replaced_ = false;
  other_cluster_ = {};
  request_passed_ = routed_ = false;
  waiting_body_.Clear();
  const std::string body = replay_body_.ToString();
  replay_body_.Clear();
  http::HeaderMap* const trailers = std::exchange(request_trailers_, nullptr);
  const bool no_body = body.empty() && trailers == nullptr;
  ChooseRoute();
  FilterRequest(no_body);
  constexpr size_t kPiece = 16000;
  for (std::string_view left = body; !left.empty() && !finished_;) {
    const std::string_view piece = left.substr(0, kPiece);
    left.remove_prefix(piece.size());
    base::Slice data = base::Slice::Copy(context().worker.blocks(), piece);
    const bool end = left.empty() && trailers == nullptr;
    if (chain_ != nullptr) {
      chain_->request().TakeData(std::move(data), end);
    } else {
      OnRequestDataPassed(std::move(data), end);
    }
  }
  if (trailers != nullptr && !finished_) {
    chain_ != nullptr ? chain_->request().TakeTrailers(*trailers) : OnRequestTrailersPassed(*trailers);
  }
  ArmTimer();
}

}  // namespace pillion::proxy
