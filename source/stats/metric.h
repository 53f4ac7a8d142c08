#pragma once

// What the Registry knows of one metric. Private to source/stats; guarded by the registry's mutex except `cell`
// and `description`, which never change.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/stats/snapshot.h"

namespace pillion::stats {

struct Metric {
  // Few metrics need one.
  struct Kept {
    struct Source {
      const void* owner;  // a scope's prefix; null: the process
      std::function<uint64_t()> value;
    };
    std::vector<Source> callbacks;  // of those that have the name; the last one's counts
    std::string text;
    bool text_set = false;
  };
  // A histogram that was written.
  struct History {
    SparseCounts last;      // the totals at the last roll
    SparseCounts interval;  // between the last two rolls
  };

  Description description;
  uint32_t references = 0;
  uint32_t cell = 0;  // words from the shard's start
  bool has_cell = false;
  uint64_t reset_base = 0;  // counters: what is subtracted since the last reset
  std::unique_ptr<Kept> kept;
  std::unique_ptr<History> history;

  Kept& NeedKept() {
    if (kept == nullptr) kept = std::make_unique<Kept>();
    return *kept;
  }
  bool has_callback() const { return kept != nullptr && !kept->callbacks.empty(); }
  uint64_t Call() const { return kept->callbacks.back().value(); }
};

}  // namespace pillion::stats
