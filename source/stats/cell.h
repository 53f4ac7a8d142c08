#pragma once

// What the data path writes: a counter, a gauge or a histogram of one worker. A cell has one writing thread, so an
// update is a plain load, add and store (no read-modify-write); any thread may read. A cell lies in its worker's
// shard (shard.h) and is zeroed memory there; it may also be a plain member, in a test or where nothing is
// exported.

#include <atomic>
#include <cstdint>

#include "source/stats/histogram.h"

namespace pillion::stats {
namespace internal {

// The word of a cell. std::atomic_ref instead of std::atomic, so that zeroed memory that nobody has touched is a
// cell.
inline uint64_t Load(const uint64_t& word) {
  return std::atomic_ref<uint64_t>(const_cast<uint64_t&>(word)).load(std::memory_order_relaxed);
}
inline void Store(uint64_t& word, uint64_t value) {
  std::atomic_ref<uint64_t>(word).store(value, std::memory_order_relaxed);
}

}  // namespace internal

// Only grows, and wraps at 2^64.
class Counter {
 public:
  void Add(uint64_t n) { internal::Store(value_, internal::Load(value_) + n); }
  void Increment() { Add(1); }
  uint64_t value() const { return internal::Load(value_); }

 private:
  uint64_t value_ = 0;
};

// Goes up and down; what is exported is the sum over the workers. 63 bits: the lowest says that it was ever
// written.
class Gauge {
 public:
  void Add(int64_t n) { internal::Store(word_, (internal::Load(word_) + (static_cast<uint64_t>(n) << 1)) | 1); }
  void Sub(int64_t n) { Add(-n); }
  void Increment() { Add(1); }
  void Decrement() { Add(-1); }
  void Set(int64_t value) { internal::Store(word_, (static_cast<uint64_t>(value) << 1) | 1); }
  int64_t value() const { return static_cast<int64_t>(internal::Load(word_)) >> 1; }
  bool used() const { return internal::Load(word_) != 0; }

 private:
  uint64_t word_ = 0;
};

class Histogram {
 public:
  void Record(uint64_t value) {
    uint64_t& count = counts_[HistogramLayout::Index(value)];
    internal::Store(count, internal::Load(count) + 1);
    internal::Store(used_, 1);
  }
  // Without a look at all counts: with thousands of clusters most histograms are never written.
  bool used() const { return internal::Load(used_) != 0; }
  void AddTo(BucketCounts& sum) const {
    for (size_t i = 0; i < counts_.size(); ++i) sum[i] += internal::Load(counts_[i]);
  }

 private:
  uint64_t used_ = 0;
  BucketCounts counts_{};
};

}  // namespace pillion::stats
