#pragma once

// The thread that asks hosts whether they are well, so that neither traffic nor the main thread waits for it. Made and
// ended by the main thread; runs from the first session on.

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "source/base/clock.h"
#include "source/codec/http2/memory_pool.h"
#include "source/event/epoll_loop.h"
#include "source/event/worker.h"
#include "source/health/probe.h"
#include "source/health/prober.h"
#include "source/net/socket.h"

namespace pillion::health {

class CheckThread final : public Prober {
 public:
  // Runs work on the main thread; called on this one.
  using PostToMain = std::function<void(std::function<void()> work)>;

  CheckThread(const base::Clock& clock, PostToMain post);
  // Sessions may outlive it; they hear nothing more.
  ~CheckThread() override;

  std::unique_ptr<Session> Open(const Target& target) override;

 private:
  class RemoteSession;

  const PostToMain post_;
  event::Worker worker_;
  event::EpollLoop loop_;
  net::SocketConnector connector_;
  codec::http2::MemoryPool http2_memory_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // main thread
  uint64_t next_id_ = 0;                                              // main thread
  absl::flat_hash_map<uint64_t, std::unique_ptr<Probe>> probes_;      // the thread's
  std::thread thread_;
};

}  // namespace pillion::health
