#pragma once

// What goes wrong with a subscription, for the log: each thing once until it went well again, and never faster than one line
// a second in the long run, whatever a peer does. What a peer says may be in it: it is cut, and stays one line. Part of who
// subscribes; main thread.

#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>

#include "source/base/clock.h"

namespace pillion::xds {

class Complaints {
 public:
  static constexpr size_t kMostBytes = 1024;  // of a line
  static constexpr int kBurst = 10;           // lines that may come together

  // `clock` outlives it.
  Complaints(const base::Clock& clock, std::function<void(std::string_view line)> say);

  // True: it was said.
  bool Say(std::string_view line);
  // It went well.
  void Reset() { said_.clear(); }

 private:
  static constexpr size_t kRemembered = 32;

  const base::Clock& clock_;
  const std::function<void(std::string_view line)> say_;
  std::deque<uint64_t> said_;  // hashes
  int may_say_ = kBurst;
  base::MonotonicTime filled_;  // up to when may_say_ was filled up
};

}  // namespace pillion::xds
