#include "source/upstream/tls.h"

#include <utility>

#include "source/config/tls.h"
#include "source/tls/transport.h"

namespace pillion::upstream {

TlsConnector::TlsConnector(const config::UpstreamHttp& http, const config::UpstreamTls& tls, event::Worker& worker,
                           const tls::StatIds& ids, stats::Shard& shard)
    : http_(http), tls_(tls), worker_(worker), stats_(ids, shard), sessions_(tls.max_session_keys) {}

std::unique_ptr<net::Transport> TlsConnector::Wrap(std::unique_ptr<net::Transport> below, const Host& host,
                                                 const std::string& server_name) {
  std::string name = server_name;
  if (name.empty() && tls_.auto_host_sni) name = host.hostname();
  if (name.empty()) name = tls_.sni;
  const bool by_request = http_.auto_san_validation && !server_name.empty();
  std::string expected = by_request || tls_.auto_sni_san_validation ? name : "";
  return std::make_unique<tls::TlsTransport>(worker_, std::move(below),
                                             tls::TransportOptions{.context = tls_.context->current(),
                                                                   .stats = &stats_,
                                                                   .server_name = std::move(name),
                                                                   .expected_dns = std::move(expected),
                                                                   .sessions = &sessions_});
}

std::unique_ptr<net::Transport> WrapForCheck(const config::UpstreamTls* tls, event::Worker& worker,
                                             std::unique_ptr<net::Transport> below) {
  if (tls == nullptr) return below;
  return std::make_unique<tls::TlsTransport>(
      worker, std::move(below), tls::TransportOptions{.context = tls->context->current(), .server_name = tls->sni});
}

}  // namespace pillion::upstream
