#pragma once

// What watches the changes that a control plane makes. Part of the model; the defaults are those of an empty message.

#include <cstdint>
#include <optional>
#include <string>

#include "source/base/clock.h"
#include "source/config/config_source.h"

namespace pillion::config {

struct Guard {
  // Both must be passed.
  struct ErrorRatio {
    double most_rise = 0.05;  // of 1
    double most_factor = 1;

    bool operator==(const ErrorRatio&) const = default;
  };
  struct P99 {
    double most_factor = 2;
    base::Duration least_rise = std::chrono::milliseconds(100);

    bool operator==(const P99&) const = default;
  };
  struct BreakerOpens {
    uint64_t most_rise = 10;

    bool operator==(const BreakerOpens&) const = default;
  };

  base::Duration window = std::chrono::seconds(30);
  uint64_t least_requests = 100;
  // One of them at the least.
  std::optional<ErrorRatio> error_ratio;
  std::optional<P99> p99;
  std::optional<BreakerOpens> breaker_opens;
  bool clusters = true;
  bool endpoints = false;  // they change all the time, and those of a moment ago may be gone
  bool listeners = true;
  bool routes = true;
  bool filters = true;

  bool operator==(const Guard&) const = default;
};

// One that a control plane gives.
struct PushedGuard {
  std::string name;
  Feed feed;
};

}  // namespace pillion::config
