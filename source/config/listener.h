#pragma once

// A listener as configured, with the filter that its connections end in.
// A zero duration means: no such limit.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "source/base/clock.h"
#include "source/base/shared_list.h"
#include "source/config/access_log.h"
#include "source/config/address.h"
#include "source/config/config_source.h"
#include "source/config/connection_options.h"
#include "source/config/filter_config.h"
#include "source/config/header_edits.h"
#include "source/config/http_options.h"
#include "source/config/lb_criteria.h"
#include "source/config/listener_filter.h"
#include "source/config/network_filter.h"
#include "source/config/local_replies.h"
#include "source/config/scoped_routes.h"
#include "source/config/upgrade_choice.h"
#include "source/match/connection_matcher.h"
#include "source/match/ip_range.h"
#include "source/runtime/key.h"

namespace pillion::access {
class MatcherTree;
}

namespace pillion::telemetry {
struct NodeFacts;
}

namespace pillion::config {

struct RouteConfig;

// The end of every HTTP filter chain; proxy/ runs it.
struct RouterFilter {
  bool suppress_envoy_headers = false;  // no x-envoy-* is added
};

// Whose requests are internal.
struct InternalAddresses {
  std::vector<match::IpRange> ranges;
  bool unix_sockets = false;
};

// A way to find the client of a request, where neither the peer nor the end of x-forwarded-for is it.
struct IpDetection {
  enum class By : uint8_t { kHops, kTrusted, kHeader };

  By by = By::kHops;
  uint32_t hops = 0;                    // kHops: of x-forwarded-for, in front of its last one
  std::vector<match::IpRange> trusted;  // kTrusted: its last one that is not of these, where the peer is
  bool appends_peer = false;            // to x-forwarded-for
  std::optional<http::FieldName> header;  // kHeader
  bool may_be_internal = false;           // kHeader
  uint16_t refused_status = 0;            // kHeader, of requests whose client it does not find; 0: they pass
};

enum class EscapedSlashes : uint8_t { kKeep, kReject, kRedirect, kUnescape };

// Which requests are to be traced, by whoever does that; each of ten thousand.
struct TraceSampling {
  uint32_t client = 10000;   // of those that have x-client-trace-id
  uint32_t random = 10000;   // of those that nobody asks it of
  uint32_t overall = 10000;  // of all of these
  bool by_request_id = true;  // x-request-id decides; else nothing is decided here
  bool tells_by_id = true;    // and it tells
};

// What becomes of x-forwarded-client-cert, and what of a client's certificate is said in it.
struct ForwardedClientCert {
  // All but the last one take it away from who has no certificate.
  enum class Mode : uint8_t { kSanitize, kForwardOnly, kAppendForward, kSanitizeSet, kAlwaysForwardOnly };

  Mode mode = Mode::kSanitize;
  bool subject = false;
  bool cert = false;
  bool chain = false;
  bool uri = false;
  bool dns = false;
};

struct HttpConnectionManager {
  enum class Codec : uint8_t { kAuto, kHttp1, kHttp2 };
  enum class ServerHeader : uint8_t { kOverwrite, kAppendIfAbsent, kPassThrough };

  Codec codec = Codec::kAuto;
  std::string stat_prefix;
  // One of the three: the table, where it comes from, or one for each scope.
  std::shared_ptr<const RouteConfig> route_config;
  std::optional<RouteSource> route_source;
  std::shared_ptr<const ScopedRoutes> scoped_routes;
  std::vector<HttpFilter> http_filters;             // in order, before the router
  RouterFilter router;

  HttpOptions options;
  Http1Options http1;
  Http2Options http2;
  uint32_t max_request_headers_kb = 60;

  base::Duration stream_idle_timeout = std::chrono::minutes(5);
  base::Duration request_timeout{0};
  base::Duration request_headers_timeout = std::chrono::minutes(1);
  base::Duration drain_timeout = std::chrono::seconds(5);
  base::Duration delayed_close_timeout = std::chrono::seconds(1);

  std::string server_name = "pillion";
  ServerHeader server_header = ServerHeader::kOverwrite;
  std::string via;  // empty: none is added
  std::string service_cluster;  // where requests shall say who we are (add_user_agent): Node's cluster and id
  std::string service_node;
  bool proxy_100_continue = false;  // false: 100 is answered here and Expect taken off

  bool use_remote_address = false;
  uint32_t xff_num_trusted_hops = 0;
  std::vector<IpDetection> ip_detections;  // in order; instead of the two above
  InternalAddresses internal_addresses;
  std::vector<HeaderMutation> early_mutations;  // of requests, before anything else is done with them
  bool skip_xff_append = false;
  ForwardedClientCert forwarded_client_cert;
  bool append_x_forwarded_port = false;
  bool generate_request_id = true;
  bool preserve_external_request_id = false;
  bool request_id_in_response = false;
  std::optional<TraceSampling> tracing;
  std::string scheme;  // that requests go upstream with, whatever they came with; empty: that
  bool scheme_of_upstream = false;
  bool maps_ipv4_to_ipv6 = false;  // in x-forwarded-for

  // What becomes of the path before anybody looks at it.
  EscapedSlashes escaped_slashes = EscapedSlashes::kKeep;
  bool normalize_path = false;
  bool merge_slashes = false;

  enum class StripPort : uint8_t { kNone, kMatching, kAny };
  StripPort strip_port = StripPort::kNone;  // of Host, before routing
  bool strip_trailing_host_dot = false;

  std::vector<UpgradeChoice> upgrades;
  LocalReplies local_replies;
  bool tells_overload = false;  // by x-envoy-local-overloaded, where a request is refused for it
  std::vector<AccessLog> access_logs;
};

struct Tunneling;

struct TcpProxy {
  struct WeightedCluster {
    std::string name;
    uint32_t weight;
    LbCriteria lb_criteria;  // of hosts within the cluster
  };

  std::string stat_prefix;
  std::vector<WeightedCluster> clusters;  // at least one
  LbCriteria lb_criteria;                 // where a server name is the cluster's
  bool hashes_source_ip = false;          // in clusters that choose by a hash
  std::string hashes_object;              // the same: of this name in the filter state; empty: of none
  base::Duration idle_timeout = std::chrono::hours(1);
  base::Duration max_connection_duration{0};
  uint32_t max_connect_attempts = 1;
  std::shared_ptr<const Tunneling> tunneling;  // null: connections go to hosts as they are
  std::vector<AccessLog> access_logs;
  // Further lines: when a connection has come, when it is connected, and every so often.
  bool logs_start = false;
  bool logs_connected = false;
  base::Duration log_interval{0};
};

// Sends back what comes.
struct Echo {};

struct DownstreamTls;

using ChainEnd = std::variant<HttpConnectionManager, TcpProxy, Echo, MissingFilter>;

struct FilterChain {
  // A network filter whose configuration comes apart from the listener.
  struct Discovered {
    size_t index = 0;  // of `filters`; that behind the last of them is the one that ends the chain
    std::shared_ptr<const FilterSource> source;
    uint64_t came = 0;  // a digest of what has come for it; 0: nothing has
  };

  std::string name;
  std::shared_ptr<const Metadata> metadata;  // for logs; null: there is none
  std::shared_ptr<const DownstreamTls> tls;  // null: plain bytes
  bool has_server_names = false;             // of its own: for clients that ask for one of them
  base::Duration handshake_timeout = std::chrono::seconds(15);
  std::vector<NetworkFilter> filters;  // in order, before the one that ends the chain
  ChainEnd terminal;
  std::vector<Discovered> discovered;  // in order
  uint64_t digest = 0;          // of all that it and its listener, but for the other chains, were configured with
  uint64_t given_digest = 0;    // that without what has come for its filters; 0: nothing has
  uint64_t filters_digest = 0;  // of its filters

  const std::vector<AccessLog>& access_logs() const;  // of the terminal filter
  // What has come for the network filter at that index; 0: nothing, or it does not come apart.
  uint64_t came(size_t index) const;
  // It is `other`, as it was configured: what has come for its filters may be something else.
  bool IsGivenAs(const FilterChain& other) const;
};

enum class TrafficDirection : uint8_t { kUnspecified, kInbound, kOutbound };

struct Listener {
  std::string name;  // unique; the address's text where none is configured
  std::shared_ptr<const Metadata> metadata;  // for logs; null: there is none
  std::shared_ptr<const telemetry::NodeFacts> node;  // who has it; never null once it is built
  Address address;
  std::vector<Address> additional_addresses;
  bool bind_to_port = true;       // false: has no socket
  bool internal = false;          // has none, and is reached by its name; `address` is an InternalAddress then
  bool use_original_dst = false;  // hands redirected connections to the listener that they were meant for
  TrafficDirection direction = TrafficDirection::kUnspecified;
  std::string stat_prefix;  // the address as stats name it ("127.0.0.1_80") where none is configured
  uint32_t per_connection_buffer_limit = 1024 * 1024;  // bytes
  std::optional<uint32_t> tcp_backlog;                 // none: net.core.somaxconn
  uint32_t fast_open_queue = 0;                        // 0: no TCP fast open
  bool transparent = false;                            // IP_TRANSPARENT
  bool freebind = false;                               // IP_FREEBIND
  std::vector<SocketOption> socket_options;
  bool exact_balance = false;          // a connection goes to the worker that has the fewest
  bool drains_when_unhealthy = true;   // after /healthcheck/fail
  // How many connections there may be: of this listener, of all; null: it does not count.
  std::shared_ptr<const runtime::Key> connection_limit;
  std::shared_ptr<const runtime::Key> global_connection_limit;
  bool bypasses_overload = false;      // nothing of it is given up for want of resources
  bool enable_reuse_port = true;                       // false: one socket, shared by the workers
  uint32_t max_accepts_per_event = 64;                 // so that new connections don't starve the others

  std::vector<ListenerFilter> listener_filters;
  base::Duration listener_filters_timeout = std::chrono::seconds(15);
  bool continue_on_listener_filters_timeout = false;  // false: the connection is closed

  base::SharedList<FilterChain> filter_chains;  // at least one; the default one last, where there is one
  match::ConnectionMatcher chain_matcher;  // gives an index of filter_chains
  // Not null: it chooses instead; its actions are indices of filter_chains, and what it has none for gets default_chain.
  std::shared_ptr<const access::MatcherTree> chain_tree;
  std::optional<uint32_t> default_chain;

  std::vector<AccessLog> access_logs;  // one line a connection

  // This without what has come for its filters; null: nothing has. The same but for filters and chains, and kept by what
  // lives longer than this: of each of many versions it would keep all chains.
  std::shared_ptr<const Listener> given = nullptr;
};

}  // namespace pillion::config
