#pragma once

// An http_connection_manager: what the HTTP connections of one filter chain have in common. ConnectionManager is its
// part for the whole process, immutable; ConnectionManagerShard the part of one worker.

#include <memory>
#include <optional>

#include "source/codec/http1/options.h"
#include "source/codec/http2/options.h"
#include "source/config/listener.h"
#include "source/event/shared.h"
#include "source/filter/http_gate.h"
#include "source/proxy/listener_connection.h"
#include "source/proxy/routes.h"
#include "source/proxy/scopes.h"
#include "source/proxy/stats.h"
#include "source/proxy/worker_context.h"
#include "source/route/table.h"

namespace pillion::proxy {

class ConnectionManager {
 public:
  // `chain` ends in a manager, and outlives it. `former`: whose table it shares, where it is the same; null: none.
  ConnectionManager(std::shared_ptr<const config::Listener> listener, const config::FilterChain& chain,
                    const References& references, stats::Registry& registry, AccessLogs logs,
                    const ConnectionManager* former = nullptr);

  const config::HttpConnectionManager& config() const { return config_; }
  const config::Listener& listener() const { return *listener_; }
  const config::FilterChain& chain() const { return chain_; }
  const std::string& chain_name() const { return chain_.name; }
  // Its own table; null: one that comes apart from it, or many; the one as what WorkerContext has under routes_id().
  const std::shared_ptr<const Routes>& routes() const { return routes_; }
  uint64_t routes_id() const { return routes_id_; }
  // Where it chooses them by scope, which is config().scoped_routes, these; null: those that come apart from it, as what
  // WorkerContext has under scopes_id().
  const std::shared_ptr<const Scopes>& scopes() const { return scopes_; }
  uint64_t scopes_id() const { return scopes_id_; }
  // `secure`: of a connection by TLS, which carries https.
  const codec::http1::ServerOptions& http1(bool secure) const { return secure ? secure_http1_ : http1_; }
  const codec::http2::Options& http2() const { return http2_; }
  const HttpStatIds& stat_ids() const { return stat_ids_; }
  stats::Registry& registry() const { return registry_; }
  const AccessLogs& logs() const { return logs_; }

  // What a connection may have waiting to be sent: the configured limit, or what keeps a fast peer busy if that is less.
  size_t output_limit() const;

  // True for a protocol that an Upgrade may ask for. `route` may be null.
  bool AllowsUpgrade(std::string_view protocol, const config::RouteAction* route) const;

 private:
  static constexpr size_t kLargestOutput = 256 * 1024;

  const std::shared_ptr<const config::Listener> listener_;
  const config::FilterChain& chain_;
  const config::HttpConnectionManager& config_;
  const std::shared_ptr<const Routes> routes_;
  const uint64_t routes_id_;
  const std::shared_ptr<const Scopes> scopes_;
  const uint64_t scopes_id_;
  const codec::http1::ServerOptions http1_;
  const codec::http1::ServerOptions secure_http1_;
  const codec::http2::Options http2_;
  const HttpStatIds stat_ids_;
  stats::Registry& registry_;
  const AccessLogs logs_;
};

// One filter of the chain, before the router.
struct ChainFilter {
  const config::HttpFilter* config;
  uint32_t hooks;
  std::optional<filter::Feature> feature;
  std::unique_ptr<filter::HttpFilterShard> shard;
  filter::HttpGate* gate;  // the shard, where only gates stand before it, and it is one; else null
};

// Connections and streams keep it: one that is no longer configured ends with the last of them.
struct ConnectionManagerShard final : event::Shared {
  ConnectionManagerShard(std::shared_ptr<const ConnectionManager> manager, WorkerContext& context, stats::Shard& shard);

  const std::shared_ptr<const ConnectionManager> shared;
  const ConnectionManager& manager;  // that one
  WorkerContext& context;
  const overload::State* const overload;  // null: nothing is given up for want of resources
  HttpStats stats;
  const std::shared_ptr<LiveRoutes> routes;  // none, where there are scopes
  const std::shared_ptr<LiveScopes> scopes;  // null: there are none
  std::vector<ChainFilter> filters;  // in the order of the configuration
};

}  // namespace pillion::proxy
