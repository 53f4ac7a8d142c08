#include "source/expression/catalog.h"

#include <algorithm>

#include "source/expression/edit_distance.h"

namespace pillion::expression {
namespace {

enum class Shape : uint8_t { kText, kInt, kUint, kBool, kTime, kLength, kTexts, kBytesByName, kAnyByName, kAny };

struct Row {
  std::string_view name;
  Attribute id;
  Shape shape;
  bool late = false;
};

using A = Attribute;
using S = Shape;

constexpr Row kRows[] = {
    {"request.path", A::kRequestPath, S::kText},  // with its query
    {"request.url_path", A::kRequestUrlPath, S::kText},
    {"request.host", A::kRequestHost, S::kText},
    {"request.scheme", A::kRequestScheme, S::kText},
    {"request.method", A::kRequestMethod, S::kText},
    {"request.headers", A::kRequestHeaders, S::kTexts},
    {"request.referer", A::kRequestReferer, S::kText},
    {"request.useragent", A::kRequestUserAgent, S::kText},
    {"request.time", A::kRequestTime, S::kTime},
    {"request.id", A::kRequestId, S::kText},
    {"request.protocol", A::kRequestProtocol, S::kText},
    {"request.query", A::kRequestQuery, S::kText},  // without '?'
    {"request.query_parameters", A::kRequestQueryParameters, S::kTexts},
    {"request.cookies", A::kRequestCookies, S::kTexts},
    {"request.size", A::kRequestSize, S::kInt},  // of the body
    {"request.cost", A::kRequestCost, S::kInt},
    {"request.priority", A::kRequestPriority, S::kInt},
    {"request.total_size", A::kRequestTotalSize, S::kInt, true},
    {"request.duration", A::kRequestDuration, S::kLength, true},
    {"response.code", A::kResponseCode, S::kInt, true},
    {"response.code_details", A::kResponseCodeDetails, S::kText, true},
    {"response.grpc_status", A::kResponseGrpcStatus, S::kInt, true},
    {"response.headers", A::kResponseHeaders, S::kTexts, true},
    {"response.trailers", A::kResponseTrailers, S::kTexts, true},
    {"response.size", A::kResponseSize, S::kInt, true},
    {"response.total_size", A::kResponseTotalSize, S::kInt, true},
    {"source.address", A::kSourceAddress, S::kText},  // with the port
    {"source.ip", A::kSourceIp, S::kText},
    {"source.port", A::kSourcePort, S::kInt},
    {"source.principal", A::kSourcePrincipal, S::kText},
    {"destination.address", A::kDestinationAddress, S::kText},
    {"destination.port", A::kDestinationPort, S::kInt},
    {"connection.id", A::kConnectionId, S::kUint},
    {"connection.mtls", A::kConnectionMtls, S::kBool},
    {"connection.requested_server_name", A::kConnectionServerName, S::kText},
    {"connection.tls_version", A::kConnectionTlsVersion, S::kText},
    {"connection.subject_local_certificate", A::kConnectionSubjectLocal, S::kText},
    {"connection.subject_peer_certificate", A::kConnectionSubjectPeer, S::kText},
    {"connection.dns_san_local_certificate", A::kConnectionDnsLocal, S::kText},
    {"connection.dns_san_peer_certificate", A::kConnectionDnsPeer, S::kText},
    {"connection.uri_san_local_certificate", A::kConnectionUriLocal, S::kText},
    {"connection.uri_san_peer_certificate", A::kConnectionUriPeer, S::kText},
    {"connection.sha256_peer_certificate_digest", A::kConnectionDigestPeer, S::kText},
    {"context.tenant", A::kContextTenant, S::kText},
    {"context.baggage", A::kContextBaggage, S::kTexts},
    {"context.flags", A::kContextFlags, S::kInt},
    {"context.payment_path", A::kContextPaymentPath, S::kBool},
    {"context.real_name_check", A::kContextRealNameCheck, S::kBool},
    {"context.request_id", A::kContextRequestId, S::kText},
    {"context.time_left", A::kContextTimeLeft, S::kLength},
    {"metadata.filter_metadata", A::kMetadata, S::kAny},
    {"filter_state", A::kFilterState, S::kBytesByName},
    {"xds.route_name", A::kRouteName, S::kText},
    {"xds.route_metadata.filter_metadata", A::kRouteMetadata, S::kAny},
    {"xds.cluster_name", A::kClusterName, S::kText},
    {"xds.cluster_metadata.filter_metadata", A::kClusterMetadata, S::kAny},
    {"xds.filter_chain_name", A::kFilterChainName, S::kText},
    {"upstream.address", A::kUpstreamAddress, S::kText, true},
    {"upstream.port", A::kUpstreamPort, S::kInt, true},
    {"upstream.request_attempt_count", A::kUpstreamAttempts, S::kUint, true},
    {"upstream.local_address", A::kUpstreamLocalAddress, S::kText, true},
    {"upstream.transport_failure_reason", A::kUpstreamFailure, S::kText, true},
    {"upstream.tls_version", A::kUpstreamTlsVersion, S::kText, true},
    {"upstream.subject_local_certificate", A::kUpstreamSubjectLocal, S::kText, true},
    {"upstream.subject_peer_certificate", A::kUpstreamSubjectPeer, S::kText, true},
    {"upstream.dns_san_local_certificate", A::kUpstreamDnsLocal, S::kText, true},
    {"upstream.dns_san_peer_certificate", A::kUpstreamDnsPeer, S::kText, true},
    {"upstream.uri_san_local_certificate", A::kUpstreamUriLocal, S::kText, true},
    {"upstream.uri_san_peer_certificate", A::kUpstreamUriPeer, S::kText, true},
    {"upstream.sha256_peer_certificate_digest", A::kUpstreamDigestPeer, S::kText, true},
    {"xds.upstream_host_metadata.filter_metadata", A::kUpstreamHostMetadata, S::kAny, true},
    {"response.backend_latency", A::kResponseBackendLatency, S::kLength, true},  // from first byte sent to last received
    {"connection.termination_details", A::kConnectionTermination, S::kText, true},
    {"connection.transport_failure_reason", A::kConnectionFailure, S::kText, true},
    {"response.flags", A::kResponseFlags, S::kInt, true},  // Envoy's bits
    {"upstream.locality.region", A::kUpstreamRegion, S::kText, true},
    {"upstream.locality.zone", A::kUpstreamZone, S::kText, true},
    {"upstream.locality.sub_zone", A::kUpstreamSubZone, S::kText, true},
    {"xds.upstream_host_locality_metadata.filter_metadata", A::kUpstreamLocalityMetadata, S::kAny, true},
    {"xds.virtual_host_name", A::kVirtualHostName, S::kText},
    {"xds.virtual_host_metadata.filter_metadata", A::kVirtualHostMetadata, S::kAny},
    {"xds.listener_metadata.filter_metadata", A::kListenerMetadata, S::kAny},
    {"xds.listener_direction", A::kListenerDirection, S::kInt},  // 1: inbound, 2: outbound
    {"xds.node.id", A::kNodeId, S::kText},
    {"xds.node.cluster", A::kNodeCluster, S::kText},
    {"xds.node.locality.region", A::kNodeRegion, S::kText},
    {"xds.node.locality.zone", A::kNodeZone, S::kText},
    {"xds.node.locality.sub_zone", A::kNodeSubZone, S::kText},
    {"xds.node.metadata", A::kNodeMetadata, S::kAnyByName},
};

Type TypeOf(Shape shape) {
  switch (shape) {
    case Shape::kText:
      return Kind::kString;
    case Shape::kInt:
      return Kind::kInt;
    case Shape::kUint:
      return Kind::kUint;
    case Shape::kBool:
      return Kind::kBool;
    case Shape::kTime:
      return Kind::kTimestamp;
    case Shape::kLength:
      return Kind::kDuration;
    case Shape::kTexts:
      return Type::Map(Kind::kString, Kind::kString);
    case Shape::kBytesByName:
      return Type::Map(Kind::kString, Kind::kBytes);
    case Shape::kAnyByName:
      return Type::Map(Kind::kString, Type());
    case Shape::kAny:
      return Type::Map(Kind::kString, Type::Map(Kind::kString, Type()));
  }
  return {};
}

}  // namespace

const Catalog& Catalog::OfRequests() {
  static const Catalog* const catalog = [] {
    auto* made = new Catalog();
    for (const Row& row : kRows) {
      const bool lookup = row.shape >= Shape::kTexts;  // maps
      made->Add({std::string(row.name), row.id, TypeOf(row.shape), lookup, row.late});
    }
    return made;
  }();
  return *catalog;
}

const Catalog::Entry* Catalog::Find(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

bool Catalog::IsGroup(std::string_view name) const {
  return std::any_of(entries_.begin(), entries_.end(), [name](const Entry& entry) {
    return entry.name.size() > name.size() && entry.name.starts_with(name) && entry.name[name.size()] == '.';
  });
}

std::string Catalog::Members(std::string_view group) const {
  std::string members;
  for (const Entry& entry : entries_) {
    if (!entry.name.starts_with(group) || entry.name.size() <= group.size() || entry.name[group.size()] != '.') continue;
    if (!members.empty()) members += ", ";
    members += entry.name;
  }
  return members;
}

std::string Catalog::Nearest(std::string_view name) const {
  if (name.size() > kLongestName) return {};
  const Entry* nearest = nullptr;
  size_t least = name.size() / 3 + 1;
  for (const Entry& entry : entries_) {
    const size_t distance = EditDistance(name, entry.name);
    if (distance < least) least = distance, nearest = &entry;
  }
  return nearest == nullptr ? std::string() : nearest->name;
}

}  // namespace pillion::expression
