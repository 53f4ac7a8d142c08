// What connections to hosts are made with.

#include "envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.pb.h"
#include "source/config/build.h"
#include "source/config/build_tls.h"

namespace pillion::config {

using ProxyMessage = envoy::extensions::transport_sockets::proxy_protocol::v3::ProxyProtocolUpstreamTransport;

net::ProxyVersion BuildProxyVersion(const envoy::config::core::v3::ProxyProtocolConfig& from) {
  return from.version() == envoy::config::core::v3::ProxyProtocolConfig::V1 ? net::ProxyVersion::kV1
                                                                            : net::ProxyVersion::kV2;
}

UpstreamSocket BuildUpstreamSocket(BuildContext& context, const envoy::config::core::v3::TransportSocket& from,
                                   const std::string& path) {
  UpstreamSocket socket;
  ProxyMessage proxy;
  if (!from.typed_config().UnpackTo(&proxy)) {
    socket.tls = BuildUpstreamTls(context, from, path);
    return socket;
  }
  socket.proxy_version = BuildProxyVersion(proxy.config());
  const std::string inner = FieldPath(path, "typed_config.transport_socket");
  if (proxy.transport_socket().typed_config().Is<ProxyMessage>()) {
    context.errors.Add(FieldPath(inner, "typed_config"),
                       "a second ProxyProtocolUpstreamTransport, expected UpstreamTlsContext or RawBuffer");
    return socket;
  }
  socket.tls = BuildUpstreamTls(context, proxy.transport_socket(), inner);
  return socket;
}

}  // namespace pillion::config
