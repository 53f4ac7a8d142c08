#pragma once

// Who gives a part of the configuration while the process runs: a control plane, a file, an agent. Plain values: those that
// are equal share a stream.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "source/base/clock.h"
#include "source/config/path_source.h"

namespace pillion::config {

// How often it is asked something at most.
struct RateLimit {
  uint32_t max_tokens = 100;  // at once
  double fill_rate = 10;      // a second, more than 0

  bool operator==(const RateLimit&) const = default;
};

// A control plane.
struct ApiSource {
  enum class Protocol : uint8_t { kStateOfTheWorld, kDelta, kRest };

  // Bytes of an answer where the configuration says nothing: more than all clusters and hosts of a large mesh, and a bound
  // of what a control plane that has gone mad can make a process hold.
  static constexpr size_t kMostMessage = 256 * 1024 * 1024;
  static constexpr size_t kLongestMessage = 0x7fff'ffff;  // that can be read at all

  Protocol protocol = Protocol::kStateOfTheWorld;
  bool aggregated = false;  // all kinds of resources come on one stream: ADS
  std::string cluster;
  std::optional<RateLimit> rate_limit;
  // Of gRPC:
  std::string authority;
  std::vector<std::pair<std::string, std::string>> metadata;
  size_t max_message = kMostMessage;  // bytes
  bool node_once = false;             // only the first message of a stream says who asks
  // Of REST:
  base::Duration refresh_delay{0};
  base::Duration request_timeout = std::chrono::seconds(1);

  bool operator==(const ApiSource&) const = default;
};

// The agent of Bootstrap::workload_api. It gives secrets only.
struct WorkloadApiSource {
  bool operator==(const WorkloadApiSource&) const = default;
};

// `ads` of a configuration is the ApiSource of the bootstrap's ads_config; `self` the source of what it stands in.
using ConfigSource = std::variant<PathSource, ApiSource, WorkloadApiSource>;

// A source, and how long what needs it waits for its first answer; zero: for ever.
struct Feed {
  ConfigSource source;
  base::Duration initial_fetch_timeout = std::chrono::seconds(15);

  bool operator==(const Feed&) const = default;
};

// A route table that comes apart from its listener (RDS).
struct RouteSource {
  std::string name;
  Feed feed;

  bool operator==(const RouteSource&) const = default;
};

// A layer of the runtime that comes while the process runs (RTDS).
struct RuntimeSource {
  size_t layer;  // of Bootstrap::runtime_layers
  std::string name;
  Feed feed;
};

}  // namespace pillion::config
