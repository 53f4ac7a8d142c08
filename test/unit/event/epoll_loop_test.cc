#include "source/event/epoll_loop.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <numeric>
#include <thread>
#include <vector>

namespace pillion::event {
namespace {

struct Seen final : ReadinessEvents {
  std::vector<Readiness> events;
  void OnReady(Readiness readiness) override { events.push_back(readiness); }
};

// A loop on its own thread.
class Thread {
 public:
  explicit Thread(uint32_t index) : worker(index, clock), loop(worker), thread_([this] { loop.Run(); }) {}
  ~Thread() {
    loop.Stop();
    thread_.join();
  }

  base::SystemClock clock;
  Worker worker;
  EpollLoop loop;

 private:
  std::thread thread_;
};

TEST(EpollLoop, EdgesTellTheWholeStateOnce) {
  base::SystemClock clock;
  Worker worker(0, clock);
  EpollLoop loop(worker);
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  Seen seen;
  ASSERT_EQ(loop.Add(pair[0], seen), 0);

  loop.Turn();  // as soon as it is added
  ASSERT_EQ(seen.events.size(), 1u);
  EXPECT_TRUE(seen.events[0].writable);
  EXPECT_FALSE(seen.events[0].readable);
  EXPECT_FALSE(seen.events[0].hangup);

  ASSERT_EQ(write(pair[1], "x", 1), 1);
  loop.Turn();
  ASSERT_EQ(seen.events.size(), 2u);
  EXPECT_TRUE(seen.events[1].readable);

  // Not read: not told again, until something else happens.
  worker.Post([] {});
  loop.Turn();
  EXPECT_EQ(seen.events.size(), 2u);

  close(pair[1]);
  loop.Turn();
  ASSERT_EQ(seen.events.size(), 3u);
  EXPECT_TRUE(seen.events[2].readable);
  EXPECT_TRUE(seen.events[2].hangup);
  close(pair[0]);
}

TEST(EpollLoop, RefusesADescriptorThatCannotBeWatched) {
  base::SystemClock clock;
  Worker worker(0, clock);
  EpollLoop loop(worker);
  Seen seen;
  EXPECT_EQ(loop.Add(-1, seen), EBADF);
}

TEST(EpollLoop, TimersFireNeverEarly) {
  base::SystemClock clock;
  Worker worker(0, clock);
  EpollLoop loop(worker);
  struct Fired {
    Worker& worker;
    base::MonotonicTime at{};
  } fired{worker};
  base::Timer timer(&fired, [](void* self) {
    static_cast<Fired*>(self)->at = static_cast<Fired*>(self)->worker.now();
  });
  worker.RunTurn();
  const base::MonotonicTime deadline = worker.now() + std::chrono::milliseconds(20);
  worker.timers().Set(timer, deadline);
  while (timer.armed()) loop.Turn();
  EXPECT_GE(fired.at, deadline);
}

TEST(EpollLoop, PostsBetweenTwoLoops) {
  Thread a(0), b(1);
  constexpr int kRounds = 10'000;
  std::promise<int> done;
  struct Bounce {
    Thread& a;
    Thread& b;
    std::promise<int>& done;
    int count = 0;
    void To(bool to_a) {
      (to_a ? a : b).worker.Post([this, to_a] {
        if (++count == kRounds) {
          done.set_value(count);
        } else {
          To(!to_a);
        }
      });
    }
  } bounce{a, b, done};
  bounce.To(true);
  EXPECT_EQ(done.get_future().get(), kRounds);
}

TEST(EpollLoop, PostsFromManyThreadsAreAllRun) {
  std::atomic<int> ran = 0;
  constexpr int kThreads = 4;
  constexpr int kEach = 5000;
  std::promise<void> all;
  Thread target(0);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        target.worker.Post([&] {
          if (++ran == kThreads * kEach) all.set_value();
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  all.get_future().get();
  EXPECT_EQ(ran, kThreads * kEach);
}

TEST(EpollLoop, TurnsAreCounted) {
  base::SystemClock clock;
  Worker worker(0, clock);
  EpollLoop loop(worker);
  stats::Histogram duration, delay;
  const auto count = [](const stats::Histogram& histogram) {
    stats::BucketCounts counts{};
    histogram.AddTo(counts);
    return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
  };
  worker.Post([] {});
  loop.Turn();
  EXPECT_EQ(count(duration), 0u);
  loop.set_stats({.duration = &duration, .delay = &delay});
  worker.Post([] {});
  loop.Turn();  // does not wait
  EXPECT_EQ(count(duration), 1u);
  EXPECT_EQ(count(delay), 0u);
  base::Timer timer(&worker, [](void*) {});
  uint64_t turns = 1;
  while (count(delay) == 0) {  // there is no wait in a turn that begins too late for it
    worker.SetTimer(timer, std::chrono::milliseconds(3));
    loop.Turn();
    ++turns;
  }
  EXPECT_EQ(count(duration), turns);
}

TEST(EpollLoop, TheThreadOfARunIsKnown) {
  Thread thread(0);
  std::promise<bool> same;
  thread.worker.Post([&] { same.set_value(thread.worker.heartbeat().thread() == pthread_self()); });
  EXPECT_TRUE(same.get_future().get());
}

TEST(EpollLoop, StopBeforeRunIsSeen) {
  base::SystemClock clock;
  Worker worker(0, clock);
  EpollLoop loop(worker);
  loop.Stop();
  loop.Run();
}

}  // namespace
}  // namespace pillion::event
