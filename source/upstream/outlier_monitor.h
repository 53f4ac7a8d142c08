#pragma once

// What the requests of all workers say of one host, for the OutlierDetector of its cluster. Workers add to it without
// a lock: each has counts of its own, and only failures in a row are counted over all of them. Made by the main thread
// before any worker knows the host; lives as long as the host, or a report that is under way.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "source/config/outlier_detection.h"

namespace pillion::upstream {

class OutlierMonitor : public std::enable_shared_from_this<OutlierMonitor> {
 public:
  // Told on a worker's thread when there were so many failures in a row.
  using Report = std::function<void(const std::shared_ptr<OutlierMonitor>&, config::OutlierKind)>;

  OutlierMonitor(std::shared_ptr<const config::OutlierDetection> config, std::shared_ptr<const Report> report,
                 uint32_t workers)
      : config_(std::move(config)),
        report_(std::move(report)),
        workers_(workers),
        counts_(std::make_unique<WorkerCounts[]>(workers)) {}
  OutlierMonitor(const OutlierMonitor&) = delete;
  OutlierMonitor& operator=(const OutlierMonitor&) = delete;

  // The workers, each with its own index. An answer of that status; of gRPC, what stands for its status in HTTP.
  void OnAnswer(uint32_t worker, int status);
  // A connection is there; of TCP nothing will be heard but that.
  void OnConnected(uint32_t worker);
  void OnTcpConnected(uint32_t worker);
  // No answer: the connect failed, or the request was reset (503), or nothing came in time (504).
  void OnNoAnswer(uint32_t worker, int status);

  // Main thread.
  struct Counts {
    uint64_t requests = 0;
    uint64_t successes = 0;
  };
  enum Origin : uint8_t { kExternal, kLocal, kOrigins };
  Counts Sum(Origin origin) const;
  void ResetConsecutive(config::OutlierKind kind);

 private:
  struct Cell {
    std::atomic<uint64_t> value = 0;
    void Increment() { value.store(value.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
    uint64_t Read() const { return value.load(std::memory_order_relaxed); }
  };
  struct alignas(64) WorkerCounts {
    std::array<Cell, kOrigins> requests;
    std::array<Cell, kOrigins> successes;
  };
  // Failures in a row. Successes, which are many, only read it while it is zero.
  class Consecutive {
   public:
    // True for the failure that makes them `most`.
    bool Add(uint32_t most) { return count_.fetch_add(1, std::memory_order_relaxed) + 1 == most; }
    void Reset() {
      if (count_.load(std::memory_order_relaxed) != 0) count_.store(0, std::memory_order_relaxed);
    }

   private:
    std::atomic<uint32_t> count_ = 0;
  };

  void Count(uint32_t worker, Origin origin, bool success);
  void ReportOf(config::OutlierKind kind) { (*report_)(shared_from_this(), kind); }

  const std::shared_ptr<const config::OutlierDetection> config_;
  const std::shared_ptr<const Report> report_;
  const uint32_t workers_;
  const std::unique_ptr<WorkerCounts[]> counts_;
  Consecutive server_errors_;
  Consecutive gateway_failures_;
  Consecutive local_failures_;
};

}  // namespace pillion::upstream
