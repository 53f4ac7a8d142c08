#pragma once

// TLS to hosts of one cluster, on one worker.

#include <memory>
#include <optional>
#include <string>

#include "source/config/cluster.h"
#include "source/event/worker.h"
#include "source/net/proxy_head.h"
#include "source/net/transport.h"
#include "source/tls/session_store.h"
#include "source/tls/stats.h"
#include "source/upstream/client_codecs.h"
#include "source/upstream/host.h"
#include "source/upstream/pool.h"

namespace pillion::upstream {

class TlsConnector {
 public:
  TlsConnector(const config::UpstreamHttp& http, const config::UpstreamTls& tls, event::Worker& worker,
               const tls::StatIds& ids, stats::Shard& shard);

  // Whether there is something to connect with; else NotReady() is what fails instead of a connection. It is counted.
  bool ready() const;
  std::unique_ptr<net::Transport> NotReady(const Host& host);
  // TLS over `below`, which leads to `host`; NotReady() where there is nothing any more. `needs`: of a request (auto_sni,
  // filter state). `protocol`: what is to be spoken; none: bytes, which TLS does not know.
  std::unique_ptr<net::Transport> Wrap(std::unique_ptr<net::Transport> below, const Host& host,
                                       const ConnectionNeeds& needs, std::optional<Protocol> protocol);

 private:
  const config::UpstreamHttp& http_;
  const config::UpstreamTls& tls_;
  event::Worker& worker_;
  tls::Stats stats_;
  tls::SessionStore sessions_;
};

// To a host of that name, uncounted and never resumed: for what the process asks for itself, which nobody takes for traffic.
// `tls` null, and no version of the PROXY protocol: `below` itself. `protocol`: as of Wrap(), of its own.
std::unique_ptr<net::Transport> WrapUncounted(const config::UpstreamTls* tls, std::optional<net::ProxyVersion> proxy_version,
                                             const std::string& hostname, std::optional<Protocol> protocol,
                                             event::Worker& worker, std::unique_ptr<net::Transport> below);

}  // namespace pillion::upstream
