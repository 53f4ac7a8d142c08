#pragma once

// The cells of one worker. Owned by the Registry and as old as it. Cells never move; those of different workers
// never share a page. Memory comes zeroed from the system in chunks and is resident only once it is written, so
// that metrics which nobody touches cost address space and nothing else.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "source/stats/cell.h"

namespace pillion::stats {

struct Metric;

// A registered metric of one kind. Valid until the Registry's Release() for it. Null: not registered.
template <typename Cell>
struct Id {
  Metric* metric = nullptr;
};
using CounterId = Id<Counter>;
using GaugeId = Id<Gauge>;
using HistogramId = Id<Histogram>;

class Shard {
 public:
  Shard() = default;
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  ~Shard();

  // Where this worker counts. Any thread may ask; only the worker's thread may write to what it gets. Ask once, at
  // configuration time, and keep the pointer: it stays good until the metric is released.
  Counter* counter(CounterId id) { return static_cast<Counter*>(At(Cell(id.metric))); }
  Gauge* gauge(GaugeId id) { return static_cast<Gauge*>(At(Cell(id.metric))); }
  Histogram* histogram(HistogramId id) { return static_cast<Histogram*>(At(Cell(id.metric))); }

 private:
  friend class Registry;

  static constexpr int kChunkBits = 14;  // 16,384 words, 128 KiB
  static constexpr uint32_t kChunkWords = uint32_t{1} << kChunkBits;
  static constexpr size_t kMaxChunks = 4096;

  static uint32_t Cell(const Metric* metric);

  void* At(uint32_t cell) const {
    return chunks_[cell >> kChunkBits].load(std::memory_order_acquire) + (cell & (kChunkWords - 1));
  }
  [[nodiscard]] bool MapChunk(size_t index);

  std::array<std::atomic<uint64_t*>, kMaxChunks> chunks_{};
};

}  // namespace pillion::stats
