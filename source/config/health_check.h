#pragma once

// How the hosts of a cluster are asked whether they are well. Zero durations of jitter mean none.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "source/base/clock.h"
#include "source/config/address.h"
#include "source/http/field_name.h"
#include "source/match/string_matcher.h"

namespace pillion::config {

// From `start`, to below `end`.
struct StatusRange {
  int64_t start;
  int64_t end;
};

// A field that is added to the request, its name in lower case.
struct CheckHeader {
  std::string name;
  std::string value;
  bool append = true;  // false: in place of what there is
};

struct HttpHealthCheck {
  std::string host;  // empty: the cluster's name
  std::string path;
  std::string method = "GET";
  bool http2 = false;
  std::vector<CheckHeader> add;
  std::vector<http::FieldName> remove;
  std::vector<StatusRange> expected_statuses;   // never empty
  std::vector<StatusRange> retriable_statuses;  // one of them alone does not make a host unhealthy
  std::string send;
  std::vector<std::string> receive;  // pieces that must be in the body, in this order
  size_t response_buffer = 1024;     // bytes of the body that are looked at; 0: all
  std::optional<match::StringMatcher> service_name;  // of x-envoy-upstream-healthchecked-cluster
};

struct TcpHealthCheck {
  std::string send;
  std::vector<std::string> receive;  // pieces that must come, in this order
};

struct GrpcHealthCheck {
  std::string service_name;
  std::string authority;  // empty: the cluster's name
  std::vector<CheckHeader> add;
};

struct HealthCheck {
  base::Duration timeout{0};
  base::Duration interval{0};
  base::Duration initial_jitter{0};
  base::Duration interval_jitter{0};
  uint32_t interval_jitter_percent = 0;
  uint32_t unhealthy_threshold = 1;
  uint32_t healthy_threshold = 1;
  // While the cluster has had no traffic.
  base::Duration no_traffic_interval = std::chrono::seconds(60);
  base::Duration no_traffic_healthy_interval = std::chrono::seconds(60);
  base::Duration unhealthy_interval{0};
  // While a change of health still needs further results.
  base::Duration unhealthy_edge_interval{0};
  base::Duration healthy_edge_interval{0};
  bool reuse_connection = true;
  std::string event_log;  // a path; empty: none
  bool always_log_failures = false;
  std::variant<HttpHealthCheck, TcpHealthCheck, GrpcHealthCheck> how;
};

// What an endpoint says of its checks.
struct EndpointCheck {
  bool disabled = false;
  uint16_t port = 0;  // 0: the endpoint's own
  std::string hostname;
  std::optional<Address> address;  // instead of the endpoint's

  bool operator==(const EndpointCheck&) const = default;
};

}  // namespace pillion::config
