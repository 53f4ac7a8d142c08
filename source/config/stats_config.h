#pragma once

// Which metrics there are, their labels, and the buckets of histograms.

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "source/base/clock.h"
#include "source/config/address.h"
#include "source/match/regex.h"
#include "source/match/string_matcher.h"

namespace pillion::config {

// With a regex the value is found in the metric's name, else it is `fixed_value`; with neither, `name` is a label that
// pillion has of itself.
struct StatsTag {
  std::string name;
  std::optional<match::Regex> regex;
  std::optional<std::string> fixed_value;
};

struct HistogramBuckets {
  match::StringMatcher names;
  std::vector<double> bounds;  // ascending, each once
};

// Names that are listed are exported, or are not.
struct StatsMatcher {
  bool include = false;
  std::vector<match::StringMatcher> names;
};

// Who is told metrics by gRPC (StreamMetrics).
struct MetricsService {
  std::string cluster;
  std::string authority;
  std::vector<std::pair<std::string, std::string>> metadata;
  bool deltas = false;     // counters, and histograms: what came since the last time
  bool labels = false;     // are taken out of names
  bool summaries = true;   // of histograms
  bool histograms = true;  // themselves
  size_t batch = 0;        // metrics in a message; 0: all
};

// A statsd or DogStatsD: datagrams to an address, or a connection to a host of a cluster; or such a service, of which the
// other members say nothing.
struct StatsSink {
  std::variant<Address, std::string, MetricsService> to;
  std::string prefix = "envoy";
  size_t most_bytes = 0;  // of a datagram that holds several metrics; less than two take: one each
  bool tags = false;      // labels behind the values
};

struct StatsConfig {
  std::vector<StatsTag> tags;
  bool default_tags = true;
  std::optional<StatsMatcher> matcher;  // none: all
  std::vector<HistogramBuckets> buckets;
  std::vector<StatsSink> sinks;
  base::Duration flush_interval = std::chrono::seconds(5);
  bool flush_on_admin = false;  // when somebody looks, instead
};

}  // namespace pillion::config
