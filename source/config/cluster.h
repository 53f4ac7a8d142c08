#pragma once

// A cluster as configured: where requests may go and how connections to it are made. What outlives a configuration
// (hosts with their load, pools, breakers) lives in upstream/ under the cluster's name.
// A zero duration means: no such limit.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "source/base/clock.h"
#include "source/config/address.h"
#include "source/config/circuit_breaker.h"
#include "source/config/config_source.h"
#include "source/config/connection_options.h"
#include "source/config/health_check.h"
#include "source/config/http_options.h"
#include "source/config/load_balancing.h"
#include "source/config/metadata.h"
#include "source/config/name_resolution.h"
#include "source/config/outlier_detection.h"
#include "source/config/priority.h"
#include "source/config/transport_socket.h"
#include "source/match/answer_matcher.h"

namespace pillion::config {

struct RouteOverrides;

// What the configuration, or a control plane, says of an endpoint's health.
enum class EndpointHealth : uint8_t { kUnknown, kHealthy, kUnhealthy, kDraining, kTimeout, kDegraded };

struct Endpoint {
  std::variant<Address, DnsTarget> target;  // DnsTarget where names are resolved only
  // Of the same host, IP addresses as `target` then is; null: none. The first of all that connects is taken.
  std::shared_ptr<const std::vector<Address>> additional_addresses;
  std::string hostname;
  uint32_t weight = 1;
  uint32_t priority = 0;  // 0 is the highest; no gaps within a cluster
  Locality locality;
  uint32_t locality_weight = 0;  // 0: none is given, and where it matters nothing goes there
  EndpointHealth health = EndpointHealth::kUnknown;
  std::shared_ptr<const Metadata> metadata;           // null: none
  std::shared_ptr<const Metadata> locality_metadata;  // null: none
  std::shared_ptr<const EndpointCheck> check;  // null: as the cluster says
};

struct UpstreamHttp {
  enum class Protocol : uint8_t { kHttp1, kHttp2, kAsDownstream, kAuto };

  Protocol protocol = Protocol::kHttp1;
  HttpOptions options;
  Http1Options http1;  // used where the protocol can be HTTP/1
  Http2Options http2;  // used where the protocol can be HTTP/2
  bool auto_sni = false;             // the request's host is the name that TLS asks for
  bool auto_san_validation = false;  // and that the certificate must be of
  std::string auto_sni_header;       // where the request has it: instead of its host; in lower case
  std::shared_ptr<const match::AnswerMatcher> errors;  // what counts as one of a host; null: 500 and above
  std::shared_ptr<const RouteOverrides> route_overrides;  // null: none
};

// In which order the addresses of a host that has several are tried.
struct HappyEyeballs {
  enum class Family : uint8_t { kOfFirstAddress, kV4, kV6 };

  Family first = Family::kOfFirstAddress;
  uint32_t count = 1;  // >= 1; of that family, before one of the other
};

// How an ORIGINAL_DST cluster finds where a connection was meant to go.
struct OriginalDstCluster {
  std::optional<MetadataPath> metadata;  // what filters noted there is asked first
  std::string header;  // of the request, in lower case, is asked then; empty: only the connection
  std::optional<uint16_t> port;  // in place of the one that was meant
  base::Duration cleanup_interval = std::chrono::seconds(5);
};

// Between two times, at random, of which the later one doubles with each failure.
struct DnsBackOff {
  base::Duration base{0};
  base::Duration max{0};
};

// What is measured of a cluster's requests beside what is of all.
struct TrackedStats {
  bool timeout_budgets = false;  // which part of their timeouts they take
  bool sizes = false;            // of heads and bodies, both ways
  bool endpoints = false;        // the figures of each host
};

// How much more connections take than there is to do: for one stream, so many that they could take. 1: no more.
struct Preconnect {
  double per_host = 1;    // of a host's connections
  double predictive = 1;  // of all of a cluster's, those to the hosts that are next in turn
};

struct Cluster {
  enum class Discovery : uint8_t { kStatic, kStrictDns, kLogicalDns, kOriginalDst, kEds, kAggregate };
  enum class DnsFamily : uint8_t { kAuto, kV4Only, kV6Only, kV4Preferred, kAll };

  std::string name;
  std::string stat_name;  // alt_stat_name, else the name; ':' replaced by '_'
  Discovery discovery = Discovery::kStatic;
  std::vector<Endpoint> endpoints;
  AssignmentPolicy assignment_policy;
  std::string service_name;                 // of an EDS cluster: whose assignment it takes
  Feed eds;                                 // the same: where that comes from
  std::vector<std::string> members;         // of an aggregate: the clusters that requests go to
  std::vector<TransportSocketMatch> transport_matches;  // the first that fits a host is used instead

  LoadBalancing load_balancing;
  Preconnect preconnect;

  base::Duration connect_timeout = std::chrono::seconds(5);  // never zero
  uint32_t per_connection_buffer_limit = 1024 * 1024;        // bytes
  std::array<CircuitBreaker, 2> circuit_breakers;            // by Priority
  std::array<std::optional<uint32_t>, 2> max_connections_per_host;  // by Priority
  UpstreamHttp http;
  std::shared_ptr<const UpstreamTls> tls;  // null: plain bytes
  std::optional<net::ProxyVersion> proxy_version;  // as in TransportSocketMatch
  std::shared_ptr<const net::ProxyTlvs> proxy_tlvs;
  std::shared_ptr<const InternalUpstream> internal;
  bool names_clients = false;                      // some host gets such a head
  std::optional<TcpKeepalive> tcp_keepalive;
  HappyEyeballs happy_eyeballs;
  BindOptions bind;
  std::shared_ptr<const HealthCheck> health_check;  // null: none
  bool ignore_health_on_host_removal = false;
  bool ignore_new_hosts_until_first_check = false;
  bool wait_for_warm = true;  // its first checks, before listening
  std::shared_ptr<const OutlierDetection> outlier_detection;  // null: none

  std::shared_ptr<const Metadata> metadata;  // for texts with operators; null: none
  bool close_on_membership_change = false;   // all connections, when hosts come or go
  bool close_on_health_failure = false;      // those to a host that its checks, or requests, find to be ill
  TrackedStats tracked;

  base::Duration dns_refresh_rate = std::chrono::seconds(5);
  base::Duration dns_jitter{0};  // at most, added to the time until a name is asked again
  std::optional<DnsBackOff> dns_back_off;  // after answers that failed; none: from the refresh rate up to a minute
  OriginalDstCluster original_dst;

  std::shared_ptr<const NameResolution> name_resolution;  // null: DNS, as resolv.conf says

  bool respect_dns_ttl = false;
  DnsFamily dns_family = DnsFamily::kAuto;

  const CircuitBreaker& circuit_breaker(Priority priority) const {
    return circuit_breakers[static_cast<size_t>(priority)];
  }
};

}  // namespace pillion::config
