#pragma once

// That a guard went back, and how it is said.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/xds/kind.h"

namespace pillion::guard {

struct Return {
  // What could not be put back.
  struct Failure {
    std::string what;
    std::string error;
    bool given_up = false;  // else it is tried again
  };

  base::WallTime time;
  std::string reason;              // with its numbers
  base::Duration after;            // the change
  std::vector<std::string> whats;  // that changed: "cluster \"pay\""
  std::vector<std::string> removed;  // those of them that were taken away
  std::vector<Failure> failures;   // of these; without those that could be put back later
  size_t put_back = 0;
  // Since when the newest of what is there again had been there; nothing: all that was put back was new.
  std::optional<base::WallTime> content;
};

constexpr size_t kMostNamed = 10;  // of the resources of one

// "cluster \"pay\""
std::string What(xds::Kind kind, const std::string& name);
// "8 s"
std::string Seconds(base::Duration duration);
// "12:03:11Z"
std::string Clock(base::WallTime time);
// The first kMostNamed: "a, b and 3 more"
std::string Names(const std::vector<std::string>& whats);
// Those of `back` that are as they were before.
std::vector<std::string> Returned(const Return& back);
// "error ratio 0.2 % -> 34 % in 8 s after cluster "pay" changed: returned to the content of 12:03:11Z"
std::string Line(const Return& back);

}  // namespace pillion::guard
