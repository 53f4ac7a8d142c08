#pragma once

// What connections to a host are made with: what the first match that fits its metadata says, else what the cluster says. A
// host points to its UpstreamTransport, of which there is one for each of them: a pool, which belongs to a host, has one for
// all its connections. Made with the cluster, outlives its hosts.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/config/cluster.h"
#include "source/stats/registry.h"

namespace pillion::upstream {

struct UpstreamTransport {
  size_t index = 0;                                // among the cluster's
  std::string name;                                // of the match; "default"
  std::shared_ptr<const config::UpstreamTls> tls;  // null: plain bytes
  std::optional<net::ProxyVersion> proxy_version;  // a head of the PROXY protocol goes in front
  std::shared_ptr<const net::ProxyTlvs> proxy_tlvs;  // of that; null: none
  std::shared_ptr<const config::InternalUpstream> internal;  // null: an internal listener is told nothing
  stats::CounterId total_match_count;  // hosts that got it
};

class TransportChoice {
 public:
  TransportChoice(const config::Cluster& config, stats::Registry& registry);

  // Main thread: counts it.
  const UpstreamTransport& For(const config::Endpoint& endpoint) const;
  const UpstreamTransport& fallback() const { return transports_.back(); }
  const std::vector<UpstreamTransport>& all() const { return transports_; }
  // Namespaces that were to be passed on and were not there; nothing: no transport passes any on.
  const std::optional<stats::CounterId>& no_metadata() const { return no_metadata_; }

 private:
  const std::vector<config::TransportSocketMatch>& matches_;
  stats::Shard& control_;
  stats::Scope scope_;
  std::optional<stats::CounterId> no_metadata_;
  std::vector<UpstreamTransport> transports_;  // of each match, then the cluster's own
};

}  // namespace pillion::upstream
