#pragma once

// Asks hosts whether they are well on the control thread, so that neither traffic nor the main thread waits for it. On the
// main thread.

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "source/client/control_thread.h"
#include "source/health/probe.h"
#include "source/health/prober.h"

namespace pillion::health {

class CheckThread final : public Prober {
 public:
  // `thread` outlives it.
  explicit CheckThread(client::ControlThread& thread) : thread_(thread) {}
  // Sessions may outlive it; they hear nothing more.
  ~CheckThread() override;

  std::unique_ptr<Session> Open(const Target& target) override;

 private:
  class RemoteSession;
  using Probes = absl::flat_hash_map<uint64_t, std::unique_ptr<Probe>>;

  client::ControlThread& thread_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);       // main thread
  uint64_t next_id_ = 0;                                                   // main thread
  const std::shared_ptr<Probes> probes_ = std::make_shared<Probes>();      // the control thread's
};

}  // namespace pillion::health
