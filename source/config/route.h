#pragma once

// The route table as configured. route/ compiles it; the order of routes within a virtual host is their precedence. A later
// version of a table shares the routes and virtual hosts that it has in common with the one before.
// A zero duration means: no such limit.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "source/base/clock.h"
#include "source/base/rare.h"
#include "source/config/filter_config.h"
#include "source/config/hash_policy.h"
#include "source/config/header_edits.h"
#include "source/config/local_replies.h"
#include "source/config/lb_criteria.h"
#include "source/config/metadata.h"
#include "source/config/priority.h"
#include "source/config/rate_limit.h"
#include "source/config/retry_on.h"
#include "source/config/upgrade_choice.h"
#include "source/match/header_matcher.h"
#include "source/match/regex_rewrite.h"
#include "source/match/request_matcher.h"
#include "source/net/proxy_head.h"
#include "source/net/proxy_tlvs.h"

namespace pillion::config {

// Where an answer says when it may be asked for again.
struct RateLimitedBackOff {
  struct ResetHeader {
    http::FieldName name;
    bool is_time = false;  // seconds since 1970; else from now
  };

  std::vector<ResetHeader> headers;  // the first one counts that is there
  base::Duration max{std::chrono::seconds(300)};  // what says more is not heeded
};

struct RetryPolicy {
  uint32_t retry_on = 0;  // bits of RetryOn; 0: the policy only sets the timeouts
  uint32_t num_retries = 1;
  base::Duration per_try_timeout{0};
  base::Duration per_try_idle_timeout{0};
  std::vector<uint16_t> retriable_status_codes;  // with kRetryOnRetriableStatusCodes
  // A host that one of these says is not wanted is looked for another one for, so often:
  uint32_t more_hosts = 1;
  bool avoid_previous_hosts = false;
  bool avoid_canaries = false;
  std::vector<MetadataValue::Struct> avoid_metadata;  // it has all values of one of them
  uint32_t priority_attempts = 0;  // after so many, another priority than theirs; 0: never
  base::Duration back_off_base = std::chrono::milliseconds(25);
  base::Duration back_off_max = std::chrono::milliseconds(250);
  std::optional<RateLimitedBackOff> rate_limited;
  std::vector<match::HeaderMatcher> retriable_headers;          // of answers, with kRetryOnRetriableHeaders
  std::vector<match::HeaderMatcher> retriable_request_headers;  // without one that matches nothing is tried again
};

// Which answers that redirect are followed here.
struct InternalRedirect {
  uint32_t most = 1;
  std::vector<uint16_t> codes = {302};
  bool other_scheme = false;
  bool each_route_once = false;          // from one route another one is gone to once
  bool no_https_from_http = false;
  std::vector<std::vector<std::string>> allowed_routes;  // the next route's name is in each of these lists
  std::vector<http::FieldName> copied;   // fields of the answer that the next request gets
};

// A cluster that gets a copy of requests, whose answers are nobody's business.
struct MirrorPolicy {
  std::variant<std::string, http::FieldName> cluster;
  std::optional<match::RuntimeFraction> fraction;  // none: all
  bool host_suffix = true;
  std::string host;  // instead of the request's; empty: that
};

// The part of the path that the match names (all of it, of a regular expression) becomes this.
struct PrefixRewrite {
  std::string prefix;
};

// Of the path without its query.
using PathRewrite = std::variant<std::monostate, PrefixRewrite, match::RegexRewrite, telemetry::TextFormat>;

// The name of the endpoint that is chosen, where it has one.
struct EndpointHost {};
// What becomes of the path without its query.
struct HostFromPath {
  match::RegexRewrite rewrite;
};
// A literal; the endpoint's; what the request has in a field, if it has that; a text with operators.
using HostRewrite =
    std::variant<std::monostate, std::string, EndpointHost, http::FieldName, HostFromPath, telemetry::TextFormat>;

// The cluster that a field of the request names.
using ClusterHeader = http::FieldName;

struct WeightedClusters {
  struct Choice {
    std::variant<std::string, ClusterHeader> cluster;
    uint32_t weight = 0;
    LbCriteria lb_criteria;  // the route's, and its own before them
    LevelHeaderEdits headers;
    std::optional<std::string> host_rewrite;  // before the route's
    FilterOverrides filter_overrides;         // the same
  };

  std::vector<Choice> choices;
  uint32_t total_weight = 0;  // never 0
  // A number in this field decides; by chance where there is none.
  base::Rare<http::FieldName> number_header;
};

// How long a stream may last at most.
struct StreamDuration {
  std::optional<base::Duration> limit;     // none: the connection manager's; zero: no limit
  std::optional<base::Duration> grpc_max;  // grpc-timeout is the limit, if less than this; zero: always. None: it is not
  base::Duration grpc_offset{0};           // that it is made shorter by
};

// What follows a CONNECT that ends here goes to the cluster's host as it is.
struct EndedConnect {
  std::optional<net::ProxyVersion> proxy_version;  // behind a head of the PROXY protocol
  std::shared_ptr<const net::ProxyTlvs> proxy_tlvs;  // of that; null: none
  bool allow_post = false;                           // the same for the body of a POST
};

struct RouteAction {
  std::variant<std::string, ClusterHeader, WeightedClusters> cluster;
  uint16_t cluster_not_found_status = 503;
  LbCriteria lb_criteria;  // of hosts within the cluster
  std::vector<HashPolicy> hash_policies;
  PathRewrite path_rewrite;
  HostRewrite host_rewrite;
  bool append_x_forwarded_host = false;
  base::Duration timeout = std::chrono::seconds(15);  // end of request to end of response, all tries inside
  std::optional<base::Duration> idle_timeout;         // none: the connection manager's stream_idle_timeout
  StreamDuration max_stream_duration;
  // Of gRPC, what grpc-timeout says is `timeout`: less the offset, and at most this; zero: as long as it likes.
  std::optional<base::Duration> max_grpc_timeout;
  base::Duration grpc_timeout_offset{0};
  base::Rare<RetryPolicy> retry_policy;
  std::optional<bool> hedges;  // an attempt that takes longer than per_try_timeout goes on beside the next; none: the host's
  base::Rare<InternalRedirect> internal_redirect;
  std::vector<MirrorPolicy> mirrors;
  RateLimitRules rate_limits;
  bool with_host_rate_limits = false;  // those of the virtual host beside them; else where there are none, or a filter says
  std::vector<UpgradeChoice> upgrades;  // before the connection manager's
  std::optional<EndedConnect> ended_connect;  // none: a CONNECT goes on as such
  Priority priority = Priority::kDefault;
};

struct DirectResponse {
  uint16_t status = 200;
  std::string body;
  std::optional<BodyFormat> format;  // of which %LOCAL_REPLY_BODY% is the body; none: that alone
};

struct Redirect {
  uint16_t status = 301;
  std::string scheme;  // empty: as it is; so are the others
  std::string host;
  uint16_t port = 0;
  std::variant<std::monostate, std::string, PrefixRewrite, match::RegexRewrite> path;
  bool strip_query = false;
};

// How much of a request's body is held at most, so that it can be sent again. None: as the connection's buffers.
struct HeldBody {
  uint64_t bytes = 0;
  bool beyond_connection = false;  // may be more than those
};

struct Route {
  std::string name;
  std::string stat_prefix;  // empty: not counted on its own
  match::RequestMatcher match;
  std::variant<RouteAction, Redirect, DirectResponse> action;
  FilterOverrides filter_overrides;
  LevelHeaderEdits headers;
  std::optional<HeldBody> held_body;
  std::shared_ptr<const Metadata> metadata;  // for filters; null: there is none
};

// One entry of `domains`: what a Host is compared with, the star taken off and in lower case. Exact comes first, then
// the longest suffix, the longest prefix, any.
struct Domain {
  enum class Kind : uint8_t { kExact, kSuffix, kPrefix, kAny };

  Kind kind = Kind::kExact;
  std::string text;

  bool operator==(const Domain&) const = default;
};

// Requests of a virtual host that are counted under a name.
struct VirtualCluster {
  std::string name;
  std::vector<match::HeaderMatcher> headers;
};

// Whose requests have to come over TLS; others are redirected.
enum class TlsRequirement : uint8_t { kNone, kExternal, kAll };

struct VirtualHost {
  std::string name;
  std::vector<Domain> domains;  // each unique in the table
  std::vector<std::shared_ptr<const Route>> routes;
  FilterOverrides filter_overrides;  // where the route has none
  LevelHeaderEdits headers;
  std::optional<RetryPolicy> retry_policy;  // of routes that have none
  bool hedges = false;                      // of routes that do not say
  std::optional<HeldBody> held_body;        // the same
  std::vector<MirrorPolicy> mirrors;        // the same
  RateLimitRules rate_limits;
  TlsRequirement require_tls = TlsRequirement::kNone;
  std::vector<VirtualCluster> virtual_clusters;
  std::shared_ptr<const Metadata> metadata;  // for logs; null: there is none
  bool request_attempt_count = false;       // x-envoy-attempt-count goes upstream
  bool response_attempt_count = false;      // and downstream
};

struct RouteConfig {
  std::string name;
  std::vector<std::shared_ptr<const VirtualHost>> virtual_hosts;
  FilterOverrides filter_overrides;  // where neither route nor virtual host has any
  bool ignore_port_in_host_matching = false;
  bool ignore_path_parameters = false;  // in the path, where routes are chosen by it
  std::optional<http::FieldName> host_header;  // chooses the virtual host instead of the authority, where it is there
  std::vector<http::FieldName> internal_only_headers;  // taken off requests that are not internal
  LevelHeaderEdits headers;
  std::vector<MirrorPolicy> mirrors;  // where neither route nor virtual host has any
  // The order in which levels edit: the table, ..., the choice of a weighted cluster, or the other way round.
  bool most_specific_edits_last = false;
};

}  // namespace pillion::config
