#include "source/proxy/requester.h"

#include <sys/socket.h>

#include <charconv>
#include <optional>

#include "source/config/route.h"
#include "source/http/syntax.h"
#include "source/proxy/forwarded_client_cert.h"
#include "source/proxy/ip_detection.h"

namespace pillion::proxy {
namespace {

using http::HeaderId;

// Only internal requests may have these.
constexpr http::HeaderIdSet kForInternal = {
    HeaderId::kXEnvoyRetriableStatusCodes,        HeaderId::kXEnvoyRetriableHeaderNames,
    HeaderId::kXEnvoyRetryOn,                     HeaderId::kXEnvoyRetryGrpcOn,
    HeaderId::kXEnvoyMaxRetries,                  HeaderId::kXEnvoyUpstreamAltStatName,
    HeaderId::kXEnvoyUpstreamRqTimeoutMs,         HeaderId::kXEnvoyUpstreamRqPerTryTimeoutMs,
    HeaderId::kXEnvoyUpstreamRqTimeoutAltResponse, HeaderId::kXEnvoyExpectedRqTimeoutMs,
    HeaderId::kXEnvoyForceTrace,                  HeaderId::kXEnvoyIpTags,
    HeaderId::kXEnvoyOriginalUrl,                 HeaderId::kXEnvoyHedgeOnPerTryTimeout,
};

// What a proxy in front of us may say, but nobody at the edge.
constexpr http::HeaderIdSet kForHops = {
    HeaderId::kXEnvoyDecoratorOperation,
    HeaderId::kXEnvoyDownstreamServiceCluster,
    HeaderId::kXEnvoyDownstreamServiceNode,
    HeaderId::kXEnvoyOriginalPath,
    HeaderId::kXEnvoyOriginalHost,
};

const http::FieldName kForwardedFor("x-forwarded-for");

bool IsInternal(const Requester& requester, const config::InternalAddresses& internal, const net::Address& peer) {
  if (requester.is_peer && peer.family() == AF_UNIX) return internal.unix_sockets;
  if (internal.ranges.empty()) return false;
  const std::optional<match::IpAddress> address = match::IpAddress::Parse(requester.ip);
  if (!address) return false;
  for (const match::IpRange& range : internal.ranges) {
    if (range.Contains(*address)) return true;
  }
  return false;
}

void AppendForwardedFor(http::HeaderMap& headers, std::string_view ip, bool maps_ipv4) {
  base::ArenaText list;
  if (const auto before = kForwardedFor.All(headers); before && !before->empty()) {
    list.Append(headers.arena(), *before);
    list.Append(headers.arena(), ",");
  }
  if (maps_ipv4 && ip.find(':') == ip.npos) list.Append(headers.arena(), "::ffff:");
  list.Append(headers.arena(), ip);
  headers.Set(HeaderId::kXForwardedFor, list.view());
}

void SetForwarded(http::RequestHead& head, const config::HttpConnectionManager& config, const Sender& sender) {
  if (sender.secured) head.scheme = "https";  // HTTP/2 may say anything
  const bool trusted = !config.use_remote_address || config.xff_num_trusted_hops > 0;
  if (!trusted || !head.headers.Has(HeaderId::kXForwardedProto)) {
    head.headers.Set(HeaderId::kXForwardedProto, head.scheme);
  } else {
    const std::string_view told = head.headers.Get(HeaderId::kXForwardedProto);
    for (const std::string_view scheme : {"http", "https"}) {
      if (http::EqualsIgnoreCase(told, scheme)) head.scheme = scheme;
    }
  }
  if (!config.scheme.empty()) {
    head.scheme = config.scheme;
    head.headers.Set(HeaderId::kXForwardedProto, config.scheme);
  }
  if (!config.append_x_forwarded_port || (trusted && head.headers.Has(HeaderId::kXForwardedPort))) return;
  char text[5];
  const char* const end = std::to_chars(text, text + sizeof text, sender.local_port).ptr;
  head.headers.Set(HeaderId::kXForwardedPort, head.headers.arena().Copy({text, static_cast<size_t>(end - text)}));
}

}  // namespace

Requester Identify(http::RequestHead& head, const config::HttpConnectionManager& config, const config::RouteConfig* table,
                   const Sender& sender) {
  http::HeaderMap& headers = head.headers;
  const net::Address& peer = sender.address;
  const uint32_t hops = config.xff_num_trusted_hops;
  const std::optional<std::string_view> list = kForwardedFor.All(headers);
  std::optional<std::string_view> named;
  bool nobody_between;
  bool appends_peer = config.use_remote_address && !config.skip_xff_append;
  uint16_t refused_status = 0;
  if (config.use_remote_address) {  // then the peer is the first of the hops
    nobody_between = !list;
    if (list && hops > 0) named = ForwardedAddress(*list, hops - 1);
  } else if (!config.ip_detections.empty()) [[unlikely]] {
    const DetectedIp found = DetectIp(head, config.ip_detections, sender);
    named = found.ip;
    nobody_between = found.may_be_internal;
    appends_peer = found.appends_peer;
    refused_status = found.refused_status;
  } else {
    if (list) named = ForwardedAddress(*list, hops);
    nobody_between = named && hops == 0 && list->find(',') == std::string_view::npos;
  }
  Requester requester;
  if (named) requester = {.ip = *named, .is_peer = false};
  requester.refused_status = refused_status;
  const bool needs_ip = config.use_remote_address || !config.internal_addresses.ranges.empty();
  if (requester.is_peer && needs_ip) requester.ip = sender.ip();
  if (appends_peer && peer.family() != AF_UNIX && !peer.is_internal()) {
    AppendForwardedFor(headers, sender.ip(), config.maps_ipv4_to_ipv6);
  }
  SetForwarded(head, config, sender);

  SetForwardedClientCert(headers, config.forwarded_client_cert.mode, sender.client_cert_element);
  headers.Remove(HeaderId::kXEnvoyInternal);
  requester.internal = nobody_between && IsInternal(requester, config.internal_addresses, peer);
  requester.edge = config.use_remote_address && !requester.internal;
  if (requester.internal) {
    headers.Add(HeaderId::kXEnvoyInternal, "true");
    return requester;
  }
  headers.Remove(kForInternal);
  if (table != nullptr) {
    for (const http::FieldName& name : table->internal_only_headers) headers.Remove(name.text());
  }
  if (requester.edge) {
    headers.Remove(kForHops);
    if (!requester.ip.empty()) headers.Set(HeaderId::kXEnvoyExternalAddress, requester.ip);
  }
  return requester;
}

}  // namespace pillion::proxy
