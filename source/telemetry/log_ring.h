#pragma once

// Bytes on their way from one worker to the writer thread: a ring with one producer and one consumer, without
// locks. Lines enter whole or not at all. Owned by its LogFile.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace pillion::telemetry {

class LogRing {
 public:
  static constexpr size_t kCapacity = 1 << 20;  // a power of two; resident as far as it was used

  LogRing() : data_(std::make_unique_for_overwrite<char[]>(kCapacity)) {}
  LogRing(const LogRing&) = delete;
  LogRing& operator=(const LogRing&) = delete;

  // The worker: false, and nothing happened, when there is no room for all of `line`.
  [[nodiscard]] bool Append(std::string_view line) {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    if (head + line.size() - known_tail_ > kCapacity) {
      known_tail_ = tail_.load(std::memory_order_acquire);
      if (head + line.size() - known_tail_ > kCapacity) return false;
    }
    const size_t start = head & (kCapacity - 1);
    const size_t first = std::min(line.size(), kCapacity - start);
    std::memcpy(data_.get() + start, line.data(), first);
    std::memcpy(data_.get(), line.data() + first, line.size() - first);
    head_.store(head + line.size(), std::memory_order_release);
    return true;
  }

  // The writer: what is in the ring, in two pieces, the second of which may be empty.
  std::array<std::string_view, 2> Pending() const {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    const size_t size = head_.load(std::memory_order_acquire) - tail;
    const size_t start = tail & (kCapacity - 1);
    const size_t first = std::min(size, kCapacity - start);
    return {std::string_view(data_.get() + start, first), std::string_view(data_.get(), size - first)};
  }
  void Consume(size_t bytes) {
    tail_.store(tail_.load(std::memory_order_relaxed) + bytes, std::memory_order_release);
  }

  // Any thread; old by the time it returns.
  size_t size() const {
    const uint64_t tail = tail_.load(std::memory_order_acquire);
    return head_.load(std::memory_order_acquire) - tail;
  }

 private:
  std::unique_ptr<char[]> data_;
  // Bytes that ever entered and left. Each thread writes one cache line.
  alignas(64) std::atomic<uint64_t> head_{0};
  uint64_t known_tail_ = 0;  // the worker's: at most tail_
  alignas(64) std::atomic<uint64_t> tail_{0};
};

}  // namespace pillion::telemetry
