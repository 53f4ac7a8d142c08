#pragma once

// Which metrics there are, their labels, and the buckets of histograms.

#include <optional>
#include <string>
#include <vector>

#include "source/base/clock.h"
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

struct StatsConfig {
  std::vector<StatsTag> tags;
  bool default_tags = true;
  std::optional<StatsMatcher> matcher;  // none: all
  std::vector<HistogramBuckets> buckets;
  base::Duration flush_interval = std::chrono::seconds(5);
};

}  // namespace pillion::config
