// What connections to hosts are made with.

#include "envoy/extensions/transport_sockets/internal_upstream/v3/internal_upstream.pb.h"
#include "envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.pb.h"
#include "source/config/build.h"
#include "source/config/build_tls.h"
#include "source/config/text.h"

namespace pillion::config {

using ProxyMessage = envoy::extensions::transport_sockets::proxy_protocol::v3::ProxyProtocolUpstreamTransport;
using InternalMessage = envoy::extensions::transport_sockets::internal_upstream::v3::InternalUpstreamTransport;

namespace {

std::shared_ptr<const InternalUpstream> BuildInternal(BuildContext& context, const InternalMessage& from,
                                                      const std::string& path) {
  const auto internal = std::make_shared<InternalUpstream>();
  for (int i = 0; i < from.passthrough_metadata_size(); ++i) {
    const auto& source = from.passthrough_metadata(i);
    const std::string kind = FieldPath(ElementPath(FieldPath(path, "passthrough_metadata"), i), "kind");
    if (!source.kind().has_host() && !source.kind().has_cluster()) {
      context.errors.Add(kind, "connections serve many requests: expected host or cluster");
    }
    internal->metadata.push_back({.of_host = source.kind().has_host(), .name = source.name()});
  }
  return internal;
}

}  // namespace

net::ProxyVersion BuildProxyVersion(const envoy::config::core::v3::ProxyProtocolConfig& from) {
  return from.version() == envoy::config::core::v3::ProxyProtocolConfig::V1 ? net::ProxyVersion::kV1
                                                                            : net::ProxyVersion::kV2;
}

net::TlvTypes BuildTlvTypes(const envoy::config::core::v3::ProxyProtocolPassThroughTLVs& from) {
  net::TlvTypes types;
  if (from.match_type() == envoy::config::core::v3::ProxyProtocolPassThroughTLVs::INCLUDE_ALL) return types.set();
  for (const uint32_t type : from.tlv_type()) types.set(type & 0xff);
  return types;
}

std::shared_ptr<const net::ProxyTlvs> BuildProxyTlvs(BuildContext& context,
                                                     const envoy::config::core::v3::ProxyProtocolConfig& from,
                                                     const std::string& path) {
  const std::string field = FieldPath(path, "added_tlvs");
  if (!from.has_pass_through_tlvs() && from.added_tlvs_size() == 0) return nullptr;
  if (from.version() == envoy::config::core::v3::ProxyProtocolConfig::V1) {
    context.errors.Add(FieldPath(path, from.has_pass_through_tlvs() ? "pass_through_tlvs" : "added_tlvs"),
                       "there are TLVs in version V2 only");
  }
  auto tlvs = std::make_shared<net::ProxyTlvs>();
  if (from.has_pass_through_tlvs()) tlvs->passes = BuildTlvTypes(from.pass_through_tlvs());
  size_t size = 0;
  for (const auto& entry : from.added_tlvs()) size += net::kTlvHead + entry.value().size();
  if (size > net::kMostAddedTlvBytes) {
    context.errors.Add(field, Concat(size, " bytes in all, expected at most ", net::kMostAddedTlvBytes));
    return tlvs;
  }
  for (int i = 0; i < from.added_tlvs_size(); ++i) {
    const uint8_t type = from.added_tlvs(i).type() & 0xff;
    if (tlvs->added_types.test(type)) {
      context.errors.Add(FieldPath(ElementPath(field, i), "type"),
                         Concat(uint32_t{type}, " has been there before, expected each type once"));
    }
    tlvs->added_types.set(type);
    net::AppendTlv(tlvs->added, type, from.added_tlvs(i).value());
  }
  return tlvs;
}

UpstreamSocket BuildUpstreamSocket(BuildContext& context, const envoy::config::core::v3::TransportSocket& from,
                                   const std::string& path) {
  UpstreamSocket socket;
  InternalMessage internal;
  if (from.typed_config().UnpackTo(&internal)) {
    const std::string place = FieldPath(path, "typed_config");
    const std::string within = FieldPath(place, "transport_socket");
    if (internal.transport_socket().typed_config().Is<InternalMessage>()) {
      context.errors.Add(FieldPath(within, "typed_config"),
                         "a second InternalUpstreamTransport, expected UpstreamTlsContext, RawBuffer or "
                         "ProxyProtocolUpstreamTransport");
      return socket;
    }
    socket = BuildUpstreamSocket(context, internal.transport_socket(), within);
    socket.internal = BuildInternal(context, internal, place);
    return socket;
  }
  ProxyMessage proxy;
  if (!from.typed_config().UnpackTo(&proxy)) {
    socket.tls = BuildUpstreamTls(context, from, path);
    return socket;
  }
  socket.proxy_version = BuildProxyVersion(proxy.config());
  socket.proxy_tlvs = BuildProxyTlvs(context, proxy.config(), FieldPath(path, "typed_config.config"));
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
