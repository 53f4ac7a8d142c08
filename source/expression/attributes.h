#pragma once

// What expressions, and the decisions that are made with them (limits, access, grey rules), may know of a request: a narrow
// view by names, behind which HTTP stands, a line protocol in tests, or Kafka. Who asks never sees the protocol.
//
// Names are looked up once, when an expression is compiled (catalog.h); a request is asked by number. An implementation is a
// view, too: it is made for one request, on its worker, and asked only while that lives. Asking may happen any number of
// times and changes nothing but the arena.

#include <cstdint>
#include <string_view>

#include "source/base/arena.h"
#include "source/expression/value.h"
#include "source/http/header_names.h"

namespace pillion::expression {

// Those that every protocol may have. Names, types and meanings: catalog.cc.
enum class Attribute : uint16_t {
  kRequestPath,
  kRequestUrlPath,
  kRequestHost,
  kRequestScheme,
  kRequestMethod,
  kRequestHeaders,
  kRequestReferer,
  kRequestUserAgent,
  kRequestTime,
  kRequestId,
  kRequestProtocol,
  kRequestQuery,
  kRequestQueryParameters,
  kRequestCookies,
  kRequestSize,
  kRequestCost,
  kRequestPriority,
  kRequestTotalSize,
  kRequestDuration,
  kResponseCode,
  kResponseCodeDetails,
  kResponseGrpcStatus,
  kResponseHeaders,
  kResponseTrailers,
  kResponseSize,
  kResponseTotalSize,
  kSourceAddress,
  kSourceIp,
  kSourcePort,
  kSourcePrincipal,
  kDestinationAddress,
  kDestinationPort,
  kConnectionId,
  kConnectionMtls,
  kConnectionServerName,
  kConnectionTlsVersion,
  kConnectionSubjectLocal,
  kConnectionSubjectPeer,
  kConnectionDnsLocal,
  kConnectionDnsPeer,
  kConnectionUriLocal,
  kConnectionUriPeer,
  kConnectionDigestPeer,
  kContextTenant,
  kContextBaggage,
  kContextFlags,
  kContextPaymentPath,
  kContextRealNameCheck,
  kContextRequestId,
  kContextTimeLeft,
  kMetadata,
  kFilterState,
  kRouteName,
  kRouteMetadata,
  kClusterName,
  kClusterMetadata,
  kFilterChainName,
  kUpstreamAddress,
  kUpstreamPort,
  kUpstreamAttempts,
  kUpstreamLocalAddress,
  kUpstreamFailure,
  kUpstreamTlsVersion,
  kUpstreamSubjectLocal,
  kUpstreamSubjectPeer,
  kUpstreamDnsLocal,
  kUpstreamDnsPeer,
  kUpstreamUriLocal,
  kUpstreamUriPeer,
  kUpstreamDigestPeer,
  kUpstreamHostMetadata,
  kResponseBackendLatency,
  kConnectionTermination,
  kConnectionFailure,
  kResponseFlags,  // from here on: what surrounds a request
  kUpstreamRegion,
  kUpstreamZone,
  kUpstreamSubZone,
  kUpstreamLocalityMetadata,
  kVirtualHostName,
  kVirtualHostMetadata,
  kListenerMetadata,
  kListenerDirection,
  kNodeId,
  kNodeCluster,
  kNodeRegion,
  kNodeZone,
  kNodeSubZone,
  kNodeMetadata,
  kFirstOther,  // numbers from here on are for catalogs of their own
};

// The name of an entry.
struct Key {
  std::string_view text;
  http::HeaderId id = http::HeaderId::kUnknown;
  bool is_field_name = false;  // the text is in lower case, and `id` is what a field of that name has

  // What can be said of it in advance.
  static Key Of(std::string_view text) { return {text, http::FindHeaderId(text), !http::HasUpperCase(text)}; }
};

class Attributes {
 public:
  // What the catalog's type says, or Missing(). Texts live as long as the request, or `arena`. Not of maps that are looked
  // into (kLookup).
  virtual Value Get(Attribute which, base::Arena& arena) const = 0;
  // An entry of a map; Error(kNoSuchKey) where it has none of that name. Several fields of one name are their values,
  // joined by commas.
  virtual Value Find(Attribute map, const Key& key, base::Arena& arena) const = 0;
  // The names of all entries, each once, as a list of strings: bounded by what a request may have.
  virtual Value Keys(Attribute map, base::Arena& arena) const = 0;

  static Value Missing() { return Value::Error(ErrorCode::kNoSuchAttribute); }

  // For decisions that need no expression. Empty: there is none, or it is no text.
  std::string_view Text(Attribute which, base::Arena& arena) const {
    const Value value = Get(which, arena);
    return value.Is(Kind::kString) ? value.text() : std::string_view();
  }
  // Who is on the other end, by a certificate that somebody who is trusted vouches for.
  std::string_view Principal(base::Arena& arena) const { return Text(Attribute::kSourcePrincipal, arena); }
  std::string_view SourceAddress(base::Arena& arena) const { return Text(Attribute::kSourceAddress, arena); }
  std::string_view Tenant(base::Arena& arena) const { return Text(Attribute::kContextTenant, arena); }
  std::string_view Baggage(std::string_view key, base::Arena& arena) const {
    const Value value = Find(Attribute::kContextBaggage, {key}, arena);
    return value.Is(Kind::kString) ? value.text() : std::string_view();
  }
  // What the request costs whoever serves it: 1, unless a filter has said otherwise.
  uint64_t Cost(base::Arena& arena) const {
    const Value value = Get(Attribute::kRequestCost, arena);
    return value.Is(Kind::kInt) && value.int_value() >= 0 ? static_cast<uint64_t>(value.int_value()) : 1;
  }
  // 0 is the most important; `otherwise` where nobody has said.
  int64_t Priority(base::Arena& arena, int64_t otherwise) const {
    const Value value = Get(Attribute::kRequestPriority, arena);
    return value.Is(Kind::kInt) ? value.int_value() : otherwise;
  }

 protected:
  ~Attributes() = default;
};

// Has none at all.
class NoAttributes final : public Attributes {
 public:
  Value Get(Attribute, base::Arena&) const override { return Missing(); }
  Value Find(Attribute, const Key&, base::Arena&) const override { return Missing(); }
  Value Keys(Attribute, base::Arena&) const override { return Missing(); }
};

}  // namespace pillion::expression
