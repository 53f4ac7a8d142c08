#pragma once

// When threads count as stuck, and what is done then.

#include <cstdint>
#include <vector>

#include "source/base/clock.h"

namespace pillion::config {

struct Watchdog {
  enum class Event : uint8_t { kMiss, kMegaMiss, kKill, kMultiKill };
  // The thread is sent SIGABRT; the process ends in any case when it has had so long for that.
  struct Abort {
    Event on;
    base::Duration wait = std::chrono::seconds(5);
  };

  base::Duration miss = std::chrono::milliseconds(200);
  base::Duration mega_miss = std::chrono::seconds(1);
  base::Duration kill{0};  // zero: never; the same of multi_kill
  base::Duration most_kill_jitter{0};
  base::Duration multi_kill{0};
  double multi_kill_threshold = 0;  // percent of the threads, at least two
  std::vector<Abort> aborts;        // beside those on kKill and kMultiKill, which end the process anyway
};

}  // namespace pillion::config
