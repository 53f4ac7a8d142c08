#include "source/event/worker.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/support/simulated_clock.h"

namespace pillion::event {
namespace {

using std::chrono::milliseconds;

// A task, a timer and a deferred object that write down when they ran.
struct Recorder final : Deferred {
  Recorder(std::vector<std::string>& log, std::string name)
      : log(log),
        name(std::move(name)),
        task(this, [](void* self) { static_cast<Recorder*>(self)->Ran("task "); }),
        timer(this, [](void* self) { static_cast<Recorder*>(self)->Ran("timer "); }) {}

  void Ran(const char* what) {
    log.push_back(what + name);
    if (then) then();
  }
  void Dispose() override { log.push_back("ended " + name); }

  std::vector<std::string>& log;
  const std::string name;
  Task task;
  base::Timer timer;
  std::function<void()> then;
};

class WorkerTest : public testing::Test {
 public:
  test::SimulatedClock clock;
  Worker worker{3, clock};
  std::vector<std::string> log;
};

using Log = std::vector<std::string>;

TEST_F(WorkerTest, OrderOfATurn) {
  Recorder step(log, "step"), flush(log, "flush"), timer(log, "timer"), object(log, "object");
  worker.Flush(flush.task);
  worker.Step(step.task);
  worker.Dispose(object);
  worker.SetTimer(timer.timer, milliseconds(5));
  worker.Post([&] { log.push_back("posted"); });
  clock.Advance(milliseconds(5));
  worker.RunTurn([&] { log.push_back("events"); });
  EXPECT_EQ(log, (Log{"timer timer", "events", "posted", "task step", "task flush", "ended object"}));
  EXPECT_FALSE(worker.has_work());
}

TEST_F(WorkerTest, TimeStandsStillWithinATurn) {
  const base::MonotonicTime before = worker.now();
  clock.Advance(milliseconds(7));
  EXPECT_EQ(worker.now(), before);
  worker.RunTurn([&] {
    const base::MonotonicTime now = worker.now();
    EXPECT_EQ(now - before, milliseconds(7));
    clock.Advance(milliseconds(7));
    EXPECT_EQ(worker.now(), now);
  });
}

TEST_F(WorkerTest, ItsHeartBeatsWithinATurn) {
  EXPECT_FALSE(worker.heartbeat().busy_since());
  EXPECT_FALSE(worker.heartbeat().thread());
  clock.Advance(milliseconds(7));
  const base::MonotonicTime begun = clock.MonotonicNow();
  worker.Post([&] { EXPECT_EQ(worker.heartbeat().busy_since(), begun); });
  worker.RunTurn([&] {
    clock.Advance(milliseconds(7));
    EXPECT_EQ(worker.heartbeat().busy_since(), begun);
  });
  EXPECT_FALSE(worker.heartbeat().busy_since());
}

TEST_F(WorkerTest, QueuedOnceHoweverOftenAsked) {
  Recorder step(log, "s"), flush(log, "f"), object(log, "o");
  for (int i = 0; i < 3; ++i) {
    worker.Step(step.task);
    worker.Flush(flush.task);
    worker.Dispose(object);
  }
  worker.RunTurn();
  EXPECT_EQ(log, (Log{"task s", "task f", "ended o"}));
}

TEST_F(WorkerTest, StepsOfStepsRunInTheNextTurn) {
  Recorder step(log, "s");
  step.then = [&] {
    if (log.size() < 3) worker.Step(step.task);
  };
  worker.Step(step.task);
  EXPECT_TRUE(worker.RunTurn());
  EXPECT_EQ(log.size(), 1u);
  EXPECT_TRUE(worker.RunTurn());
  EXPECT_FALSE(worker.RunTurn());
  EXPECT_EQ(log.size(), 3u);
}

TEST_F(WorkerTest, FlushesOfFlushesRunInThisTurn) {
  Recorder first(log, "1"), second(log, "2");
  first.then = [&] { worker.Flush(second.task); };
  worker.Flush(first.task);
  EXPECT_FALSE(worker.RunTurn());
  EXPECT_EQ(log, (Log{"task 1", "task 2"}));
}

TEST_F(WorkerTest, StepsAskedForByFlushesAreWork) {
  Recorder flush(log, "f"), step(log, "s");
  flush.then = [&] { worker.Step(step.task); };
  worker.Flush(flush.task);
  EXPECT_TRUE(worker.RunTurn());
  EXPECT_EQ(log, (Log{"task f"}));
  worker.RunTurn();
  EXPECT_EQ(log, (Log{"task f", "task s"}));
}

TEST_F(WorkerTest, ATaskThatIsDestroyedDoesNotRun) {
  auto gone = std::make_unique<Recorder>(log, "gone");
  auto later = std::make_unique<Recorder>(log, "later");
  Recorder first(log, "first");
  first.then = [&] { later.reset(); };
  worker.Step(gone->task);
  worker.Step(first.task);
  worker.Step(later->task);
  gone.reset();
  worker.RunTurn();
  EXPECT_EQ(log, (Log{"task first"}));
}

TEST_F(WorkerTest, WhatEndsWhileOthersEndIsEndedToo) {
  struct Chain final : Deferred {
    Chain(Worker& worker, std::vector<std::string>& log, Deferred* next) : worker(worker), log(log), next(next) {}
    void Dispose() override {
      log.push_back("ended");
      if (next != nullptr) worker.Dispose(*next);
    }
    Worker& worker;
    std::vector<std::string>& log;
    Deferred* next;
  };
  Chain last(worker, log, nullptr), first(worker, log, &last);
  worker.Dispose(first);
  worker.RunTurn();
  EXPECT_EQ(log.size(), 2u);
}

TEST_F(WorkerTest, PostedWorkKeepsItsOrderAndMayPost) {
  int woken = 0;
  worker.set_waker([&] { ++woken; });
  worker.Post([&] {
    log.push_back("1");
    worker.Post([&] { log.push_back("3"); });
  });
  worker.Post([&] { log.push_back("2"); });
  EXPECT_EQ(woken, 1);  // the first of a batch wakes
  worker.RunTurn();
  EXPECT_EQ(log, (Log{"1", "2"}));
  EXPECT_EQ(woken, 2);
  worker.RunTurn();
  EXPECT_EQ(log, (Log{"1", "2", "3"}));
}

TEST_F(WorkerTest, PostedWorkIsSpreadOverTurns) {
  const auto held = std::make_shared<int>();
  for (int i = 0; i < 3; ++i) {
    worker.Post([this, i, held] {
      log.push_back(std::to_string(i));
      clock.Advance(Worker::kMostPosted / 2);
    });
  }
  EXPECT_TRUE(worker.RunTurn()) << "there is more";
  EXPECT_EQ(log, (Log{"0", "1"}));
  EXPECT_EQ(held.use_count(), 2) << "what was done is let go of at once";
  worker.Post([this] { log.push_back("later"); });
  EXPECT_TRUE(worker.RunTurn()) << "this one came after those";
  EXPECT_EQ(log, (Log{"0", "1", "2"}));
  EXPECT_FALSE(worker.RunTurn());
  EXPECT_EQ(log, (Log{"0", "1", "2", "later"}));
}

TEST_F(WorkerTest, ObjectsThatEndedAreDestroyedWithTheWorker) {
  Recorder object(log, "o");
  {
    Worker other(0, clock);
    other.Dispose(object);
  }
  EXPECT_EQ(log, (Log{"ended o"}));
}

TEST_F(WorkerTest, TheReadBlockIsUsedAgainUnlessSomebodyKeepsIt) {
  base::Block* first = worker.read_block();
  EXPECT_EQ(worker.read_block(), first);
  first->AddReference();
  base::Block* second = worker.read_block();
  EXPECT_NE(second, first);
  first->Release();
  EXPECT_EQ(worker.read_block(), second);
  EXPECT_EQ(worker.blocks().blocks_taken(), 1u);
}

}  // namespace
}  // namespace pillion::event
