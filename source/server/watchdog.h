#pragma once

// Sees which of some threads are stuck, and what is to be done about it. No thread and no clock of its own: the time is
// handed in. Used by one thread; the counts may be read by any.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "source/config/watchdog.h"
#include "source/event/heartbeat.h"

namespace pillion::server {

class Watchdog {
 public:
  struct Stuck {
    size_t thread;  // its index
    base::Duration so_long;
  };
  struct Finding {
    config::Watchdog::Event event;
    std::vector<Stuck> threads;  // that it is about, the longest first
  };
  // Of one thread.
  struct Counts {
    std::atomic<uint64_t> misses = 0;
    std::atomic<uint64_t> mega_misses = 0;
  };

  // `threads` outlive it. `random` decides on the jitter.
  Watchdog(const config::Watchdog& config, std::vector<const event::Heartbeat*> threads, uint64_t random);

  // How often it should look.
  base::Duration interval() const { return interval_; }

  // In the order in which they are to be dealt with. A miss and a mega miss are found once for each time that a thread is
  // stuck, the others at each look. A look that itself comes far too late finds nothing: all of the process stood still.
  std::vector<Finding> Look(base::MonotonicTime now);

  const Counts& counts(size_t thread) const { return *counts_[thread]; }
  uint64_t misses() const;
  uint64_t mega_misses() const;

 private:
  // What was found of a thread.
  struct Seen {
    base::MonotonicTime since;  // that it is about
    bool miss = false;
    bool mega_miss = false;
  };

  const config::Watchdog config_;
  const std::vector<const event::Heartbeat*> threads_;
  base::Duration kill_;      // with its jitter
  base::Duration interval_;
  base::MonotonicTime last_;  // look; zero: there was none
  std::vector<Seen> seen_;
  std::vector<std::unique_ptr<Counts>> counts_;
};

}  // namespace pillion::server
