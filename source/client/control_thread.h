#pragma once

// The thread of the connections that the process makes for itself, beside the workers and the main thread. Made and ended by
// the main thread; runs from the first work on.

#include <functional>
#include <thread>

#include "source/base/clock.h"
#include "source/codec/http2/memory_pool.h"
#include "source/event/epoll_loop.h"
#include "source/event/worker.h"
#include "source/net/socket.h"

namespace pillion::client {

// What all connections of a thread share; outlives them.
struct ThreadParts {
  event::Worker& worker;
  net::Connector& connector;
  codec::http2::MemoryPool& http2_memory;
};

class ControlThread {
 public:
  using Work = std::function<void()>;
  // Runs work on the main thread; called on this one.
  using PostToMain = std::function<void(Work work)>;

  ControlThread(const base::Clock& clock, PostToMain post);
  ControlThread(const ControlThread&) = delete;
  ControlThread& operator=(const ControlThread&) = delete;
  // What was posted before is done first; connections that are left must be among that, ended.
  ~ControlThread();

  // Main thread: runs `work` on this one.
  void Post(Work work);
  const PostToMain& post_to_main() const { return post_; }
  const ThreadParts& parts() const { return parts_; }

 private:
  const PostToMain post_;
  event::Worker worker_;
  event::EpollLoop loop_;
  net::SocketConnector connector_;
  codec::http2::MemoryPool http2_memory_;
  const ThreadParts parts_;
  std::thread thread_;
};

}  // namespace pillion::client
