#pragma once

// The thread that watches all others, by the bootstrap's watchdogs: counts what is stuck, says so in the log, and ends the
// process where it is told to: the thread that is stuck gets SIGABRT, and writes where it stands before it ends; where it
// can't, this one ends the process. Workers are watched by the turns that they are in, and are never woken for it; the main
// thread is asked for an answer. Made, started and destroyed by the main thread.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "source/base/clock.h"
#include "source/config/model.h"
#include "source/event/worker.h"
#include "source/server/watchdog.h"
#include "source/stats/registry.h"

namespace pillion::server {

class WatchdogThread {
 public:
  // Runs work on the main thread; called on any.
  using PostToMain = std::function<void(std::function<void()> work)>;

  // All that is given outlives it, but the workers need to live up to Stop() only.
  WatchdogThread(const config::Bootstrap& bootstrap, const base::Clock& clock, stats::Registry& registry, PostToMain post,
                 const std::vector<event::Worker*>& workers, uint64_t seed);
  WatchdogThread(const WatchdogThread&) = delete;
  WatchdogThread& operator=(const WatchdogThread&) = delete;
  ~WatchdogThread();

  void Start();
  // Nothing is watched from then on. No matter if nothing was.
  void Stop();

  // What its thread does each time, and when the next time is; for tests.
  base::MonotonicTime Look(base::MonotonicTime now);

 private:
  struct Group {
    Watchdog watchdog;
    const config::Watchdog& config;
    std::vector<std::string> names;  // of its threads
    std::vector<const event::Heartbeat*> threads;
    base::MonotonicTime next;  // look
  };

  void Run();
  void AskMain(base::MonotonicTime now);
  void Register(stats::Registry& registry, const char* name, const Watchdog& watchdog);
  static void Act(const Group& group, const Watchdog::Finding& finding);

  const base::Clock& clock_;
  const PostToMain post_;
  const std::shared_ptr<event::Heartbeat> main_ = std::make_shared<event::Heartbeat>();  // since it was asked
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<std::unique_ptr<stats::Scope>> scopes_;
  std::mutex mutex_;  // guards stopped_
  std::condition_variable wake_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace pillion::server
