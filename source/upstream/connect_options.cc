#include "source/upstream/connect_options.h"

#include "source/upstream/address.h"

namespace pillion::upstream {

std::optional<net::ConnectOptions> ConnectOptionsOf(const config::Cluster& cluster) {
  const config::BindOptions& bind = cluster.bind;
  if (!cluster.tcp_keepalive && bind.source_addresses.empty() && !bind.freebind && bind.socket_options.empty()) {
    return std::nullopt;
  }
  net::ConnectOptions options{.freebind = bind.freebind};
  if (const auto& keepalive = cluster.tcp_keepalive) {
    options.keepalive = {
        .probes = keepalive->probes, .time_s = keepalive->time_s, .interval_s = keepalive->interval_s};
  }
  for (const config::SocketAddress& source : bind.source_addresses) options.sources.push_back(SystemAddress(source));
  for (const config::SocketOption& option : bind.socket_options) {
    options.socket_options.push_back({.level = option.level,
                                      .name = option.name,
                                      .value = option.value,
                                      .when = option.state == config::SocketOption::State::kBound
                                                  ? net::SocketOption::When::kBound
                                                  : net::SocketOption::When::kPrebind});
  }
  return options;
}

}  // namespace pillion::upstream
