#include "source/server/watchdog.h"

#include <gtest/gtest.h>

#include "source/event/worker.h"
#include "source/server/abort_trace.h"
#include "source/server/watchdog_thread.h"
#include "test/support/simulated_clock.h"

namespace pillion::server {
namespace {

using Event = config::Watchdog::Event;
using std::chrono::milliseconds;
using std::chrono::seconds;

class WatchdogTest : public testing::Test {
 protected:
  static constexpr size_t kThreads = 4;

  WatchdogTest() { clock_.Advance(seconds(100)); }

  Watchdog Make(const config::Watchdog& config, uint64_t random = 0) {
    std::vector<const event::Heartbeat*> threads;
    for (const event::Heartbeat& beat : beats_) threads.push_back(&beat);
    return Watchdog(config, threads, random);
  }
  // Looks as often as it should, until `after` is over; what the last look found: "MISS 1, 0", in its own order.
  std::string Watch(Watchdog& watchdog, base::Duration after) {
    std::string text;
    for (base::Duration passed{}; passed < after; passed += watchdog.interval()) {
      clock_.Advance(watchdog.interval());
      for (const Watchdog::Finding& finding : watchdog.Look(clock_.MonotonicNow())) {
        constexpr std::string_view kNames[] = {"MISS", "MEGAMISS", "KILL", "MULTIKILL"};
        text += (text.empty() ? "" : "; ") + std::string(kNames[static_cast<size_t>(finding.event)]);
        for (const Watchdog::Stuck& stuck : finding.threads) text += " " + std::to_string(stuck.thread);
      }
    }
    return text;
  }
  void Begin(size_t thread) { beats_[thread].Begin(clock_.MonotonicNow()); }

  test::SimulatedClock clock_;
  event::Heartbeat beats_[kThreads];
};

TEST_F(WatchdogTest, CountsEachTimeOnce) {
  Watchdog watchdog = Make({});
  EXPECT_EQ(watchdog.interval(), milliseconds(100));
  EXPECT_EQ(Watch(watchdog, seconds(5)), "");  // all rest
  Begin(1);
  EXPECT_EQ(Watch(watchdog, milliseconds(200)), "");
  EXPECT_EQ(Watch(watchdog, milliseconds(100)), "MISS 1");
  EXPECT_EQ(Watch(watchdog, milliseconds(700)), "");
  EXPECT_EQ(Watch(watchdog, milliseconds(100)), "MEGAMISS 1");
  EXPECT_EQ(Watch(watchdog, seconds(60)), "");
  EXPECT_EQ(watchdog.misses(), 1u);
  EXPECT_EQ(watchdog.mega_misses(), 1u);
  beats_[1].End();
  Watch(watchdog, milliseconds(100));
  Begin(1);
  Begin(3);
  EXPECT_EQ(Watch(watchdog, milliseconds(300)), "MISS 1 3");
  EXPECT_EQ(watchdog.misses(), 3u);
  EXPECT_EQ(watchdog.counts(1).misses.load(), 2u);
  EXPECT_EQ(watchdog.counts(3).misses.load(), 1u);
  EXPECT_EQ(watchdog.counts(0).misses.load(), 0u);
}

// Turn after turn without a rest is no reason: each begins anew.
TEST_F(WatchdogTest, WhoIsBusyIsNotStuck) {
  Watchdog watchdog = Make({});
  for (int i = 0; i < 100; ++i) {
    Begin(0);
    EXPECT_EQ(Watch(watchdog, milliseconds(100)), "");
  }
}

TEST_F(WatchdogTest, Kills) {
  config::Watchdog config{.kill = seconds(2), .most_kill_jitter = seconds(1)};
  Watchdog soon = Make(config, 0);
  Watchdog late = Make(config, 500'000'000);  // so many nanoseconds of the jitter
  Begin(2);
  EXPECT_EQ(Watch(soon, seconds(2)), "MISS 2; MEGAMISS 2");
  EXPECT_EQ(Watch(soon, milliseconds(100)), "KILL 2");
  EXPECT_EQ(Watch(late, milliseconds(300)), "MISS 2; MEGAMISS 2");
  EXPECT_EQ(Watch(late, milliseconds(200)), "KILL 2");
}

TEST_F(WatchdogTest, KillsWhenSeveralAreStuck) {
  Watchdog two = Make({.multi_kill = seconds(2), .multi_kill_threshold = 10});
  Watchdog most = Make({.multi_kill = seconds(2), .multi_kill_threshold = 70});
  Begin(0);
  Watch(two, seconds(3));
  Begin(1);
  EXPECT_EQ(Watch(two, seconds(2)), "MISS 1; MEGAMISS 1");
  EXPECT_EQ(Watch(two, milliseconds(100)), "MULTIKILL 0 1");  // the longest first
  EXPECT_EQ(Watch(most, milliseconds(100)), "MISS 0 1; MEGAMISS 0 1");
  Begin(3);
  Watch(most, seconds(2));
  EXPECT_EQ(Watch(most, milliseconds(100)), "MULTIKILL 0 1 3");
}

// It was stopped by a signal, say, or the machine was.
TEST_F(WatchdogTest, WhenAllStoodStillNobodyIsToBlame) {
  Watchdog watchdog = Make({.kill = seconds(10)});
  Watch(watchdog, milliseconds(100));
  Begin(0);
  clock_.Advance(seconds(60));
  EXPECT_TRUE(watchdog.Look(clock_.MonotonicNow()).empty());
  beats_[0].End();
  EXPECT_EQ(Watch(watchdog, seconds(1)), "");
  Begin(0);
  clock_.Advance(seconds(60));
  EXPECT_TRUE(watchdog.Look(clock_.MonotonicNow()).empty());
  EXPECT_EQ(Watch(watchdog, milliseconds(100)), "MISS 0; MEGAMISS 0; KILL 0");  // who does not go on after that
}

TEST(WatchdogThreadTest, WatchesTheMainThreadAndWorkers) {
  test::SimulatedClock clock;
  clock.Advance(seconds(100));
  stats::Registry registry(2);
  std::vector<std::function<void()>> posted;  // on the main thread
  event::Worker first(0, clock), second(1, clock);
  config::Bootstrap bootstrap;
  bootstrap.main_watchdog.miss = milliseconds(400);
  WatchdogThread watchdog(bootstrap, clock, registry, [&](std::function<void()> work) { posted.push_back(std::move(work)); },
                          {&first, &second}, 0);
  const auto look = [&](base::Duration after) {
    for (base::Duration passed{}; passed < after; passed += milliseconds(100)) {
      clock.Advance(milliseconds(100));
      EXPECT_EQ(watchdog.Look(clock.MonotonicNow()), clock.MonotonicNow() + milliseconds(100));
    }
  };
  const auto counter = [&](const std::string& name) {
    for (const stats::Snapshot::Number& number : registry.Read().numbers) {
      if (number.description->name() == name) return number.counter;
    }
    return UINT64_MAX;
  };
  for (const char* name : {"main_thread", "workers", "server.main_thread", "server.worker_0", "server.worker_1"}) {
    EXPECT_EQ(counter(std::string(name) + ".watchdog_miss"), 0u) << name;
    EXPECT_EQ(counter(std::string(name) + ".watchdog_mega_miss"), 0u) << name;
  }
  look(milliseconds(200));
  EXPECT_EQ(posted.size(), 1u);  // it is asked, and not again before it has answered
  look(milliseconds(600));
  EXPECT_EQ(posted.size(), 1u);
  EXPECT_EQ(counter("server.main_thread.watchdog_miss"), 1u);
  EXPECT_EQ(counter("main_thread.watchdog_miss"), 1u);
  EXPECT_EQ(counter("workers.watchdog_miss"), 0u);
  posted[0]();
  look(milliseconds(400));
  EXPECT_EQ(posted.size(), 2u);
  posted[1]();
  second.BeginTurn();
  look(milliseconds(300));
  EXPECT_EQ(counter("server.worker_1.watchdog_miss"), 1u);
  EXPECT_EQ(counter("server.worker_0.watchdog_miss"), 0u);
  EXPECT_EQ(counter("workers.watchdog_miss"), 1u);
  second.EndTurn();
  look(seconds(2));
  EXPECT_EQ(counter("workers.watchdog_miss"), 1u);
  EXPECT_EQ(counter("workers.watchdog_mega_miss"), 0u);
}

TEST(AbortTraceDeathTest, TheThreadSaysWhereItStands) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        TraceAborts();
        pthread_setname_np(pthread_self(), "busy_one");
        AbortThread(pthread_self(), base::Duration::zero());
      },
      testing::KilledBySignal(SIGABRT), "aborted: thread busy_one stands at\n.*0x");
}

}  // namespace
}  // namespace pillion::server
