#include "source/server/watchdog_thread.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "source/server/abort_trace.h"
#include "source/server/log.h"

namespace pillion::server {
namespace {

constexpr base::Duration kAbortWait = std::chrono::seconds(5);

std::string_view NameOf(config::Watchdog::Event event) {
  using enum config::Watchdog::Event;
  switch (event) {
    case kMiss:
      return "MISS";
    case kMegaMiss:
      return "MEGAMISS";
    case kKill:
      return "KILL";
    case kMultiKill:
      return "MULTIKILL";
  }
  return "";
}

}  // namespace

WatchdogThread::WatchdogThread(const config::Bootstrap& bootstrap, const base::Clock& clock, stats::Registry& registry,
                               PostToMain post, const std::vector<event::Worker*>& workers, uint64_t seed)
    : clock_(clock), post_(std::move(post)) {
  main_->Attach();
  const auto add = [&](const config::Watchdog& config, std::vector<std::string> names,
                       const std::vector<const event::Heartbeat*>& threads) -> Watchdog& {
    groups_.push_back(std::unique_ptr<Group>(
        new Group{Watchdog(config, threads, seed), config, std::move(names), threads, base::MonotonicTime()}));
    return groups_.back()->watchdog;
  };
  std::vector<const event::Heartbeat*> heartbeats;
  std::vector<std::string> names;
  for (event::Worker* worker : workers) {
    heartbeats.push_back(&worker->heartbeat());
    names.push_back(fmt::format("worker_{}", worker->index()));
  }
  const Watchdog& main = add(bootstrap.main_watchdog, {"main_thread"}, {main_.get()});
  const Watchdog& all = add(bootstrap.worker_watchdog, std::move(names), heartbeats);
  Register(registry, "main_thread", main);
  Register(registry, "workers", all);
  const auto one = [&](stats::Prefix prefix, const Watchdog& watchdog, size_t thread) {
    const Watchdog::Counts& counts = watchdog.counts(thread);
    stats::Scope& scope = *scopes_.emplace_back(std::make_unique<stats::Scope>(registry, prefix));
    scope.AddCounterCallback("watchdog_miss", [&counts] { return counts.misses.load(std::memory_order_relaxed); });
    scope.AddCounterCallback("watchdog_mega_miss", [&counts] { return counts.mega_misses.load(std::memory_order_relaxed); });
  };
  one(stats::Prefix("server").Add("main_thread"), main, 0);
  for (size_t i = 0; i < workers.size(); ++i) one(stats::Prefix("server").AddWorker(workers[i]->index()), all, i);
}

WatchdogThread::~WatchdogThread() { Stop(); }

void WatchdogThread::Register(stats::Registry& registry, const char* name, const Watchdog& watchdog) {
  stats::Scope& scope = *scopes_.emplace_back(std::make_unique<stats::Scope>(registry, stats::Prefix(name)));
  scope.AddCounterCallback("watchdog_miss", [&watchdog] { return watchdog.misses(); });
  scope.AddCounterCallback("watchdog_mega_miss", [&watchdog] { return watchdog.mega_misses(); });
}

void WatchdogThread::Start() {
  TraceAborts();
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "watchdog");
}

void WatchdogThread::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void WatchdogThread::Run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    lock.unlock();
    const base::MonotonicTime next = Look(clock_.MonotonicNow());
    lock.lock();
    wake_.wait_until(lock, next, [this] { return stopped_; });
  }
}

base::MonotonicTime WatchdogThread::Look(base::MonotonicTime now) {
  base::MonotonicTime next = base::MonotonicTime::max();
  for (const std::unique_ptr<Group>& group : groups_) {
    if (now >= group->next) {
      for (const Watchdog::Finding& finding : group->watchdog.Look(now)) Act(*group, finding);
      group->next = now + group->watchdog.interval();
      if (group->threads.front() == main_.get()) AskMain(now);
    }
    next = std::min(next, group->next);
  }
  return next;
}

void WatchdogThread::AskMain(base::MonotonicTime now) {
  if (main_->busy_since()) return;
  main_->Begin(now);
  post_([main = main_] { main->End(); });
}

void WatchdogThread::Act(const Group& group, const Watchdog::Finding& finding) {
  using enum config::Watchdog::Event;
  const Watchdog::Stuck& first = finding.threads.front();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(first.so_long).count();
  if (finding.event == kMegaMiss) {
    Log("main").warn("{} has been at the same thing for {} ms, or has no processor", group.names[first.thread], ms);
  }
  const auto abort = std::ranges::find(group.config.aborts, finding.event, &config::Watchdog::Abort::on);
  const bool kills = finding.event == kKill || finding.event == kMultiKill;
  if (!kills && abort == group.config.aborts.end()) return;
  const base::Duration wait = abort == group.config.aborts.end() ? kAbortWait : abort->wait;
  // Who is stuck may hold the log, and nobody could say so: then the system ends the process.
  alarm(2 * static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(wait).count()) + 1);
  Log("main").critical("watchdog {}: {} has been stuck for {} ms{}: the process is ended", NameOf(finding.event),
                       group.names[first.thread], ms,
                       finding.threads.size() > 1 ? fmt::format(", and {} more", finding.threads.size() - 1) : "");
  const std::optional<pthread_t> thread = group.threads[first.thread]->thread();
  AbortThread(thread.value_or(pthread_self()), wait);
}

}  // namespace pillion::server
