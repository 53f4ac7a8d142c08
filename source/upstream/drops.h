#pragma once

// Requests to a cluster that were refused instead of sent on: for a breaker, or as the endpoints' drop_overloads say.
// Control planes hear of them (load_report/). Part of a Cluster; a worker writes its own cells (load and store), any thread
// reads.

#include <atomic>
#include <cstdint>
#include <memory>

namespace pillion::upstream {

class Drops {
 public:
  explicit Drops(uint32_t workers) : workers_(workers), cells_(std::make_unique<Cells[]>(workers)) {}

  // On that worker.
  void Count(uint32_t worker, bool for_overload) {
    Add(cells_[worker].all);
    if (for_overload) Add(cells_[worker].for_overload);
  }

  // Over all workers.
  uint64_t all() const { return Sum(&Cells::all); }
  uint64_t for_overload() const { return Sum(&Cells::for_overload); }

 private:
  struct alignas(64) Cells {
    std::atomic<uint64_t> all{0};
    std::atomic<uint64_t> for_overload{0};
  };

  static void Add(std::atomic<uint64_t>& cell) {
    cell.store(cell.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  uint64_t Sum(std::atomic<uint64_t> Cells::*member) const {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < workers_; ++i) sum += (cells_[i].*member).load(std::memory_order_relaxed);
    return sum;
  }

  const uint32_t workers_;
  const std::unique_ptr<Cells[]> cells_;
};

}  // namespace pillion::upstream
