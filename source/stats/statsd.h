#pragma once

// Metrics as statsd and DogStatsD take them, a line each: `<prefix>.<name>:<value>|<type>`. Counters are told by how much
// they have grown since the last time, gauges as they are. Of a histogram the last interval is told as timers, each
// bucket by its middle with the rate at which it would have been sampled: statsd counts it as often as there were values.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "source/stats/snapshot.h"

namespace pillion::stats {

class StatsdLines {
 public:
  // `tags`: labels are taken out of names and told behind the value, as DogStatsD has them; else names are whole.
  StatsdLines(std::string prefix, bool tags) : prefix_(std::move(prefix)), tags_(tags) {}

  // Each without a line's end.
  void Write(const Snapshot& snapshot, const std::function<void(std::string_view line)>& take);

 private:
  // Prefix, name and, behind the value, the tags.
  struct Name {
    std::string front;
    std::string back;
  };
  Name NameOf(const Description& description, const Rules& rules) const;

  const std::string prefix_;
  const bool tags_;
  absl::flat_hash_map<std::string, uint64_t> sent_;  // counters, as they were told last
};

}  // namespace pillion::stats
