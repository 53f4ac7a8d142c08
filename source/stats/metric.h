#pragma once

// What the Registry knows of one metric. Private to source/stats; guarded by the registry's mutex except `cell`
// and `description`, which never change, and `holders`.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/stats/snapshot.h"

namespace pillion::stats {

// There are a hundred of them for each cluster, so what only some have is apart.
struct Metric {
  static constexpr uint32_t kNoCell = UINT32_MAX;

  struct History {
    SparseCounts last;      // the totals at the last roll
    SparseCounts interval;  // between the last two rolls
  };
  struct More {
    struct Source {
      const void* owner;  // a scope's prefix; null: the process
      std::function<uint64_t()> value;
    };
    std::vector<Source> callbacks;  // of those that have the name; the last one's counts
    std::string text;
    bool text_set = false;
    uint64_t reset_base = 0;           // counters: what is subtracted since the last reset
    std::unique_ptr<History> history;  // histograms that were written
    SparseCounts recorded;             // histograms: by Registry::Record()
  };

  [[no_unique_address]] Description description;  // whose padding the next has
  uint32_t references = 0;
  uint32_t cell = kNoCell;            // words from the shard's start
  std::atomic<uint32_t> holders = 1;  // the registry, and snapshots
  std::unique_ptr<More> more;

  void Hold() { holders.fetch_add(1, std::memory_order_relaxed); }
  void LetGo() {
    if (holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  bool has_cell() const { return cell != kNoCell; }
  More& NeedMore() {
    if (more == nullptr) more = std::make_unique<More>();
    return *more;
  }
  bool has_callback() const { return more != nullptr && !more->callbacks.empty(); }
  uint64_t Call() const { return more->callbacks.back().value(); }
};

}  // namespace pillion::stats
