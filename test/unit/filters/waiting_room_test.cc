#include "source/filters/limit/waiting_room.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <random>
#include <thread>

#include "test/support/simulated_clock.h"

namespace pillion::filters::limit_rules {
namespace {

using limit::Decision;
using limit::FairQueue;
using test::SimulatedClock;
using std::chrono::milliseconds;
using std::chrono::seconds;
using How = WaitingRoom::Entered::How;

constexpr uint64_t kRate = 1000;  // a second
constexpr uint64_t kBurst = 20;

limit::Terms Terms() {
  return {.window = {}, .bucket = limit::TokenBucket::Terms{.burst = kBurst, .tokens = kRate, .period = seconds(1)}};
}

struct Tally {
  uint64_t entered = 0;   // that waited
  uint64_t ended = 0;
  uint64_t left = 0;
  uint64_t admitted = 0;  // by cost, with or without waiting
  std::array<uint64_t, 4> ends{};
};

class Person final : public Waiting {
 public:
  explicit Person(Tally& tally) : tally_(tally) {}

  void Enter(WaitingRoom& room, event::Worker& worker, const WaitingRoom::Request& request) {
    cost_ = request.cost;
    const WaitingRoom::Entered entered = room.Enter(worker, *this, request);
    EXPECT_EQ(entered.decision.allowed(), entered.how == How::kAdmitted);
    waits = entered.how == How::kWaits;
    tally_.entered += waits;
    if (entered.how == How::kAdmitted) tally_.admitted += cost_;
  }
  void Leave(WaitingRoom& room) {
    room.Leave(*this);
    waits = false;
    ++tally_.left;
  }
  void OnWaitEnded(WaitEnd end, const Decision& decision) override {
    EXPECT_TRUE(waits);
    EXPECT_EQ(decision.allowed(), end == WaitEnd::kGranted);
    waits = false;
    ++tally_.ended;
    ++tally_.ends[static_cast<size_t>(end)];
    if (end == WaitEnd::kGranted) tally_.admitted += cost_;
  }

  bool waits = false;

 private:
  Tally& tally_;
  uint64_t cost_ = 0;
};

// Three threads, each a worker, whose people come, wait and go as chance has it: nobody is lost or called twice, no more is
// admitted than the limit has, and in the end nobody waits. `limits`: of each key, or one for all.
void Crowd(FairQueue::Limits limits) {
  constexpr size_t kThreads = 3;
  constexpr int kTurns = 3000;
  const auto state = std::make_shared<State>("crowd", Terms(), 1000);
  const auto room = std::make_shared<WaitingRoom>(state, FairQueue::Options{30, milliseconds(15), limits});
  SimulatedClock clock;
  std::array<Tally, kThreads> tallies;
  std::atomic<size_t> busy = kThreads;
  const limit::Key whole = limit::KeyOf(state->secret, {});
  const auto work = [&](uint32_t index) {
    event::Worker worker(index, clock);
    std::mt19937 random(index);
    std::deque<Person> people;
    for (int i = 0; i < 20; ++i) people.emplace_back(tallies[index]);
    const auto act = [&](Person& person) {
      if (person.waits) {
        if (random() % 20 == 0) person.Leave(*room);
        return;
      }
      const std::string_view name = std::array<std::string_view, 3>{"a", "b", "c"}[random() % 3];
      const limit::Key key = limit::KeyOf(state->secret, {&name, 1});
      person.Enter(*room, worker,
                   {.key = limits == FairQueue::Limits::kAll ? whole : key,
                    .fair_key = key,
                    .cost = 1 + random() % 5,
                    .priority = static_cast<uint8_t>(random() % FairQueue::kPriorities),
                    .deadline = random() % 4 == 0 ? worker.now() + milliseconds(random() % 10) : FairQueue::kNever});
    };
    for (int turn = 0; turn < kTurns; ++turn) {
      worker.RunTurn();
      for (int i = 0; i < 3; ++i) act(people[random() % people.size()]);
      if (index == 0) clock.Advance(milliseconds(1));
    }
    const auto waits = [](const Person& person) { return person.waits; };
    bool done = false;
    while (busy > 0) {  // of who still waits the time goes on
      if (!done && std::none_of(people.begin(), people.end(), waits)) {
        done = true;
        --busy;
      }
      clock.Advance(milliseconds(1));
      worker.RunTurn();
    }
    worker.RunTurn();
  };
  const base::MonotonicTime began = clock.MonotonicNow();
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();

  uint64_t admitted = 0;
  std::array<uint64_t, 4> ends{};
  for (const Tally& tally : tallies) {
    EXPECT_EQ(tally.entered, tally.ended + tally.left);
    admitted += tally.admitted;
    for (size_t i = 0; i < ends.size(); ++i) ends[i] += tally.ends[i];
  }
  EXPECT_EQ(room->size(), 0u);
  // Whether it is ever full depends on how the system runs the threads.
  for (const WaitEnd end : {WaitEnd::kGranted, WaitEnd::kTimedOut}) EXPECT_GT(ends[static_cast<size_t>(end)], 0u);
  const auto passed = std::chrono::duration_cast<milliseconds>(clock.MonotonicNow() - began);
  const uint64_t most = kBurst + kRate * static_cast<uint64_t>(passed.count()) / 1000;
  EXPECT_LE(admitted, limits == FairQueue::Limits::kAll ? most : 3 * most);
  EXPECT_GT(admitted, kBurst);
}

TEST(WaitingRoom, ACrowdThatSharesALimit) { Crowd(FairQueue::Limits::kAll); }

TEST(WaitingRoom, ACrowdOfWhichEachKeyHasItsOwn) { Crowd(FairQueue::Limits::kEachKey); }

// The worker that kept the time has nobody left who waits: another one goes on.
TEST(WaitingRoom, ADeskThatGoesHandsOnTheTime) {
  SimulatedClock clock;
  event::Worker first(0, clock);
  event::Worker second(1, clock);
  const auto state = std::make_shared<State>("desk", Terms(), 1);
  const auto room = std::make_shared<WaitingRoom>(state, FairQueue::Options{10, seconds(1), FairQueue::Limits::kAll});
  const limit::Key key = limit::KeyOf(state->secret, {});
  Tally tally;
  Person dear(tally);
  Person cheap(tally);
  first.RunTurn();
  second.RunTurn();
  ASSERT_TRUE(state->limit.Decide(key, kBurst, first.now()).allowed());
  dear.Enter(*room, first, {.key = key, .fair_key = key, .cost = 20, .priority = 0});
  cheap.Enter(*room, second, {.key = key, .fair_key = key, .cost = 1, .priority = 1});
  ASSERT_TRUE(dear.waits && cheap.waits);
  clock.Advance(milliseconds(2));
  first.RunTurn();
  dear.Leave(*room);  // it was the first, and there are tokens for the other one
  second.RunTurn();
  second.RunTurn();
  EXPECT_FALSE(cheap.waits);
  EXPECT_EQ(tally.ends[static_cast<size_t>(WaitEnd::kGranted)], 1u);
}

// Neither has an effect on who is destroyed in between.
TEST(WaitingRoom, WhoIsGoneGivesBackWhatHeWasGranted) {
  SimulatedClock clock;
  event::Worker worker(0, clock);
  const auto state = std::make_shared<State>("gone", Terms(), 1);
  const auto room = std::make_shared<WaitingRoom>(state, FairQueue::Options{10, seconds(1), FairQueue::Limits::kAll});
  const limit::Key key = limit::KeyOf(state->secret, {});
  Tally tally;
  worker.RunTurn();
  ASSERT_TRUE(state->limit.Decide(key, kBurst, worker.now()).allowed());
  auto person = std::make_unique<Person>(tally);
  person->Enter(*room, worker, {.key = key, .fair_key = key, .cost = 20});
  clock.Advance(milliseconds(20));
  worker.BeginTurn();  // the timer grants it: the call is posted
  EXPECT_EQ(room->size(), 0u);
  EXPECT_TRUE(person->waits);
  person.reset();
  worker.EndTurn();
  worker.RunTurn();
  EXPECT_EQ(tally.ended, 0u);
  EXPECT_EQ(state->limit.Decide(key, 0, worker.now()).bucket.remaining, kBurst);
}

TEST(State, CountsAreOfAllOfThatNameAlone) {
  const auto one = StateOf("counted", Terms(), 1, "");
  const auto other = StateOf("counted", Terms(), 100, "key");
  const auto longer = StateOf("counted.too", Terms(), 1000, "");
  const auto shorter = StateOf("count", Terms(), 1000, "");
  EXPECT_EQ(CountsOf("counted").capacity, 101u);
  const limit::Key key = limit::KeyOf(other->secret, {});
  ASSERT_TRUE(other->limit.Decide(key, 1, base::MonotonicTime(seconds(1))).allowed());
  EXPECT_EQ(CountsOf("counted").keys, 1u);
  EXPECT_EQ(CountsOf("counte").capacity, 0u);
}

TEST(WaitingRoom, OneForEachStateAndItsOptions) {
  const auto state = StateOf("one", Terms(), 1, "");
  EXPECT_EQ(StateOf("one", Terms(), 1, ""), state);
  EXPECT_NE(StateOf("one", Terms(), 2, ""), state);
  EXPECT_NE(StateOf("one", Terms(), 1, "key"), state);
  const auto room = RoomOf(state, {.most = 5});
  EXPECT_EQ(RoomOf(state, {.most = 5}), room);
  EXPECT_NE(RoomOf(state, {.most = 6}), room);
}

}  // namespace
}  // namespace pillion::filters::limit_rules
