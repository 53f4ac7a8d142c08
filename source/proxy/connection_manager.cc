#include "source/proxy/connection_manager.h"

#include <algorithm>

#include "source/config/route.h"
#include "source/http/syntax.h"
#include "source/upstream/http2_options.h"

namespace pillion::proxy {
namespace {

codec::http1::UnderscoreAction Http1Underscores(config::HeadersWithUnderscores action) {
  switch (action) {
    case config::HeadersWithUnderscores::kAllow:
      return codec::http1::UnderscoreAction::kAllow;
    case config::HeadersWithUnderscores::kDropHeader:
      return codec::http1::UnderscoreAction::kDropField;
    case config::HeadersWithUnderscores::kRejectRequest:
      return codec::http1::UnderscoreAction::kReject;
  }
  return codec::http1::UnderscoreAction::kReject;
}

codec::http2::Underscores Http2Underscores(config::HeadersWithUnderscores action) {
  switch (action) {
    case config::HeadersWithUnderscores::kAllow:
      return codec::http2::Underscores::kAllow;
    case config::HeadersWithUnderscores::kDropHeader:
      return codec::http2::Underscores::kDropField;
    case config::HeadersWithUnderscores::kRejectRequest:
      return codec::http2::Underscores::kRejectMessage;
  }
  return codec::http2::Underscores::kRejectMessage;
}

codec::http1::ServerOptions MakeHttp1(const config::HttpConnectionManager& config, size_t buffer_limit, bool secure) {
  codec::http1::ServerOptions options;
  options.secure = secure;
  options.limits.max_head_bytes = size_t{config.max_request_headers_kb} * 1024;
  options.limits.max_headers = config.options.max_headers_count;
  options.limits.headers_with_underscores = Http1Underscores(config.options.headers_with_underscores);
  options.limits.enable_trailers = config.http1.enable_trailers;
  options.limits.keep_spelling = config.http1.keep_spelling;
  options.names = config.http1.names;
  options.accept_http_10 = config.http1.accept_http_10;
  options.default_host = config.http1.default_host_for_http_10;
  options.output_high_watermark = buffer_limit;
  return options;
}

codec::http2::Options MakeHttp2(const config::HttpConnectionManager& config, size_t buffer_limit) {
  codec::http2::Options options = upstream::Http2Options(config.http2, config.options, buffer_limit);
  options.max_header_list_bytes = config.max_request_headers_kb * 1024;
  options.extended_connect = config.http2.extended_connect;
  options.headers_with_underscores = Http2Underscores(config.options.headers_with_underscores);
  return options;
}

std::shared_ptr<LiveRoutes> LiveRoutesOf(const ConnectionManager& manager, WorkerContext& context, stats::Shard& shard) {
  if (manager.config().scoped_routes != nullptr) return std::make_shared<LiveRoutes>();
  if (manager.routes() == nullptr) return context.RoutesAt(manager.routes_id());
  return std::make_shared<LiveRoutes>(LiveRoutes{event::Kept(new RoutesShard(manager.routes(), context.worker, shard))});
}

std::shared_ptr<LiveScopes> LiveScopesOf(const ConnectionManager& manager, WorkerContext& context, stats::Shard& shard) {
  if (manager.config().scoped_routes == nullptr) return nullptr;
  if (manager.scopes() == nullptr) return context.ScopesAt(manager.scopes_id());
  return std::make_shared<LiveScopes>(LiveScopes{event::Kept(new ScopesShard(manager.scopes(), context, shard))});
}

// Of those that have tables of their own.
std::shared_ptr<const Scopes> MakeScopes(const config::ScopedRoutes& scoped, const References& references,
                                         stats::Registry& registry) {
  std::vector<Scopes::Scope> scopes;
  for (const std::shared_ptr<const config::Scope>& scope : scoped.scopes) {
    scopes.push_back({.name = scope->name,
                      .key = scope->key,
                      .own = std::make_shared<const Routes>(scope->table, references.clusters, registry)});
  }
  return std::make_shared<const Scopes>(std::move(scopes));
}

}  // namespace

ConnectionManager::ConnectionManager(std::shared_ptr<const config::Listener> listener,
                                     const config::FilterChain& chain,
                                     const References& references, stats::Registry& registry, AccessLogs logs,
                                     const ConnectionManager* former)
    : listener_(std::move(listener)),
      chain_(chain),
      config_(std::get<config::HttpConnectionManager>(chain.terminal)),
      routes_(config_.route_config == nullptr ? nullptr
              : former != nullptr && former->config_.route_config == config_.route_config
                  ? former->routes_
                  : std::make_shared<const Routes>(config_.route_config, references.clusters, registry)),
      routes_id_(config_.route_source ? references.routes(*config_.route_source) : 0),
      scopes_(config_.scoped_routes == nullptr || config_.scoped_routes->source ? nullptr
              : former != nullptr && former->config_.scoped_routes == config_.scoped_routes
                  ? former->scopes_
                  : MakeScopes(*config_.scoped_routes, references, registry)),
      scopes_id_(config_.scoped_routes != nullptr && config_.scoped_routes->source
                     ? references.scopes(*config_.scoped_routes)
                     : 0),
      http1_(MakeHttp1(config_, output_limit(), false)),
      secure_http1_(MakeHttp1(config_, output_limit(), true)),
      http2_(MakeHttp2(config_, output_limit())),
      stat_ids_(registry, config_.stat_prefix),
      registry_(registry),
      logs_(std::move(logs)) {}

ConnectionManagerShard::ConnectionManagerShard(std::shared_ptr<const ConnectionManager> from, WorkerContext& context,
                                               stats::Shard& shard)
    : event::Shared(context.worker),
      shared(std::move(from)),
      manager(*shared),
      context(context),
      overload(manager.listener().bypasses_overload ? nullptr : context.overload),
      stats(manager.stat_ids(), shard),
      routes(LiveRoutesOf(manager, context, shard)),
      scopes(LiveScopesOf(manager, context, shard)) {
  const stats::Prefix prefix = HttpPrefix(manager.config().stat_prefix);
  bool in_front = true;
  for (const config::HttpFilter& filter : manager.config().http_filters) {
    const filter::ShardContext shard_context{context.worker, context.random, manager.registry(), shard,
                                             prefix,         context,        context,        filter.name};
    const auto& config = static_cast<const filter::HttpFilterConfig&>(*filter.config);
    std::unique_ptr<filter::HttpFilterShard> made = config.MakeShard(shard_context);
    in_front = in_front && made->gate() != nullptr;
    filter::HttpGate* const gate = in_front ? made->gate() : nullptr;
    filters.push_back({&filter, config.hooks(), config.feature(), std::move(made), gate});
  }
}

size_t ConnectionManager::output_limit() const {
  return std::min<size_t>(listener_->per_connection_buffer_limit, kLargestOutput);
}

bool ConnectionManager::AllowsUpgrade(std::string_view protocol, const config::RouteAction* route) const {
  const auto find = [&](const std::vector<config::UpgradeChoice>& choices) {
    return std::find_if(choices.begin(), choices.end(),
                        [&](const auto& choice) { return http::EqualsIgnoreCase(choice.type, protocol); });
  };
  if (route != nullptr) {
    const auto choice = find(route->upgrades);
    if (choice != route->upgrades.end()) return choice->enabled;
  }
  const auto choice = find(config_.upgrades);
  return choice != config_.upgrades.end() && choice->enabled;
}

}  // namespace pillion::proxy
