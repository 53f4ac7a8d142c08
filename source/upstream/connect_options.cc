#include "source/upstream/connect_options.h"

#include "source/net/own_source.h"
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

net::ConnectOptions ConnectOptionsFrom(std::string_view source, const net::ConnectOptions* options) {
  net::ConnectOptions own = options == nullptr ? net::ConnectOptions() : *options;
  const std::optional<net::OwnSource> from = net::OwnSource::Parse(source);
  if (!from) return own;
  own.mark = from->mark;
  own.foreign_source = from->address;
  return own;
}

}  // namespace pillion::upstream
