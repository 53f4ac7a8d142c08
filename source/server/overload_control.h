#pragma once

// The overload manager of the process: watches resources, and has the workers do what is to be done at once. What depends
// on a connection or a request they find in the state themselves. Made before the workers, whose state it has; outlives
// them.

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "source/config/overload.h"
#include "source/event/asio_timers.h"
#include "source/overload/state.h"
#include "source/overload/watch.h"
#include "source/server/worker_thread.h"
#include "source/stats/registry.h"

namespace pillion::server {

class OverloadControl final : private overload::WatchEvents {
 public:
  // All outlive it; `workers` may be filled later. `connections`: those of clients.
  OverloadControl(std::shared_ptr<const config::Overload> config, const std::atomic<uint64_t>& connections,
                  boost::asio::io_context& io, stats::Registry& registry,
                  const std::vector<std::unique_ptr<WorkerThread>>& workers);

  // An error says what cannot be watched here.
  absl::Status Prepare();
  // When the workers run.
  void Start();
  // Before the workers end.
  void Stop();

  const overload::State& state() const { return state_; }

 private:
  // overload::WatchEvents
  void OnDegree(config::OverloadEffect effect, double before, double now) override;
  void OnMonitorFailed(const std::string& resource, const absl::Status& why) override;
  void OnShrinkHeap() override;

  const std::shared_ptr<const config::Overload> config_;
  const std::atomic<uint64_t>& connections_;
  stats::Registry& registry_;
  const std::vector<std::unique_ptr<WorkerThread>>& workers_;
  event::AsioTimers timers_;
  overload::State state_;
  std::unique_ptr<overload::Watch> watch_;
};

}  // namespace pillion::server
