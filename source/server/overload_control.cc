#include "source/server/overload_control.h"

#include <malloc.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "source/server/log.h"

namespace pillion::server {

OverloadControl::OverloadControl(std::shared_ptr<const config::Overload> config,
                                 const std::atomic<uint64_t>& connections, boost::asio::io_context& io,
                                 stats::Registry& registry, const std::vector<std::unique_ptr<WorkerThread>>& workers)
    : config_(std::move(config)),
      connections_(connections),
      registry_(registry),
      workers_(workers),
      timers_(io),
      state_(config_) {}

absl::Status OverloadControl::Prepare() {
  std::vector<std::unique_ptr<overload::Monitor>> monitors;
  for (const config::OverloadResource& resource : config_->resources) {
    auto monitor = overload::MakeMonitor(resource, connections_);
    if (!monitor.ok()) {
      const std::string why(monitor.status().message());
      return absl::UnavailableError(absl::StrCat("overload_manager: resource monitor \"", resource.name, "\": ", why));
    }
    monitors.push_back(*std::move(monitor));
  }
  overload::WatchEvents& events = *this;
  watch_ = std::make_unique<overload::Watch>(config_, std::move(monitors), state_, registry_, timers_, events);
  return absl::OkStatus();
}

void OverloadControl::Start() { watch_->Start(); }

void OverloadControl::Stop() { watch_.reset(); }

void OverloadControl::OnDegree(config::OverloadEffect effect, double before, double now) {
  const bool was_whole = before >= 1;
  const bool is_whole = now >= 1;
  if (was_whole != is_whole) {
    Log("main").info("{} {}", config::OverloadEffectName(effect), is_whole ? "begins" : "ends");
  }
  for (const std::unique_ptr<WorkerThread>& worker : workers_) {
    if (effect == config::OverloadEffect::kReduceTimeouts) worker->Rescale();
    if (effect == config::OverloadEffect::kStopAcceptingConnections && was_whole != is_whole) {
      worker->PauseAccepting(is_whole);
    }
  }
}

void OverloadControl::OnMonitorFailed(const std::string& resource, const absl::Status& why) {
  Log("main").info("resource monitor \"{}\": {}", resource, std::string(why.message()));
}

void OverloadControl::OnShrinkHeap() {
  for (const std::unique_ptr<WorkerThread>& worker : workers_) worker->Trim();
  malloc_trim(0);
}

}  // namespace pillion::server
