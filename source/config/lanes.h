#pragma once

// What tells the lanes of a cluster apart (upstream/lanes.h), and where requests go whose lane can not take them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pillion::config {

struct Lanes {
  static constexpr size_t kMostKeys = 4;

  struct Label {
    std::string key;
    std::string value;

    bool operator==(const Label&) const = default;
  };
  // One of both.
  struct Fallback {
    std::vector<std::string> keep;  // of the colour
    std::vector<Label> labels;      // sorted by key, none twice
  };

  std::vector<std::string> keys;  // sorted, 1 to kMostKeys
  std::vector<Label> baseline;    // what its hosts may have
  std::vector<Fallback> fallbacks;
  bool baseline_on_lanes = false;     // where no host of the baseline is healthy
  double min_healthy_percent = 0;     // of a lane's hosts; one host in any case
  uint32_t max_requests_per_host = 0;  // in flight; 0: no bound
};

}  // namespace pillion::config
