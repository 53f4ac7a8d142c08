#include "source/base/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "source/base/random.h"

namespace pillion::base {
namespace {

using namespace std::chrono_literals;

const MonotonicTime kStart{Duration(123'456'789)};

struct Alarm {
  Alarm() : timer(this, [](void* self) { static_cast<Alarm*>(self)->Fire(); }) {}
  void Fire() {
    ++fired;
    if (then) then();
  }
  int fired = 0;
  std::function<void()> then;
  Timer timer;
};

TEST(TimerWheel, FiresInTheFirstTurnAtOrBehindItsTime) {
  TimerWheel wheel(kStart);
  Alarm alarm;
  EXPECT_FALSE(wheel.NextWakeup());
  wheel.Set(alarm.timer, kStart + 10ms + 1ns);
  EXPECT_TRUE(alarm.timer.armed());
  EXPECT_EQ(wheel.NextWakeup(), kStart + 11ms);
  wheel.Advance(kStart + 10ms + 1ns);
  wheel.Advance(kStart + 11ms - 1ns);
  EXPECT_EQ(alarm.fired, 0);
  wheel.Advance(kStart + 11ms);
  EXPECT_EQ(alarm.fired, 1);
  EXPECT_FALSE(alarm.timer.armed());
  EXPECT_FALSE(wheel.NextWakeup());
  wheel.Advance(kStart + 100ms);
  EXPECT_EQ(alarm.fired, 1);
}

TEST(TimerWheel, APastTimeFiresInTheNextTurn) {
  TimerWheel wheel(kStart);
  wheel.Advance(kStart + 100ms);
  Alarm alarm;
  wheel.Set(alarm.timer, kStart - 5s);
  wheel.Advance(kStart + 100ms);
  EXPECT_EQ(alarm.fired, 0);
  wheel.Advance(kStart + 101ms);
  EXPECT_EQ(alarm.fired, 1);
}

TEST(TimerWheel, MovesBothWays) {
  TimerWheel wheel(kStart);
  Alarm alarm;
  wheel.Set(alarm.timer, kStart + 50ms);
  wheel.Set(alarm.timer, kStart + 5s);
  wheel.Advance(kStart + 4999ms);
  EXPECT_EQ(alarm.fired, 0);
  wheel.Set(alarm.timer, kStart + 5001ms);
  wheel.Advance(kStart + 5s);
  EXPECT_EQ(alarm.fired, 0);
  wheel.Advance(kStart + 5001ms);
  EXPECT_EQ(alarm.fired, 1);
  wheel.Set(alarm.timer, kStart + 1h);
  wheel.Set(alarm.timer, kStart + 6s);
  EXPECT_LE(wheel.NextWakeup(), kStart + 6s);
  wheel.Advance(kStart + 6s);
  EXPECT_EQ(alarm.fired, 2);
}

TEST(TimerWheel, CancelledAndDestroyedTimersDoNotFire) {
  TimerWheel wheel(kStart);
  Alarm alarm;
  wheel.Set(alarm.timer, kStart + 5ms);
  alarm.timer.Cancel();
  EXPECT_FALSE(alarm.timer.armed());
  auto gone = std::make_unique<Alarm>();
  wheel.Set(gone->timer, kStart + 5ms);
  gone.reset();
  wheel.Advance(kStart + 1s);
  EXPECT_EQ(alarm.fired, 0);
}

TEST(TimerWheel, ACallbackMayDoAnything) {
  TimerWheel wheel(kStart);
  Alarm first, cancelled, again;
  auto destroyed = std::make_unique<Alarm>();
  first.then = [&] {
    cancelled.timer.Cancel();
    destroyed.reset();
    wheel.Set(again.timer, kStart + 2s);
    wheel.Set(first.timer, kStart + 3s);
    first.then = nullptr;
  };
  for (Alarm* alarm : {&first, &cancelled, &again, destroyed.get()}) wheel.Set(alarm->timer, kStart + 1s);
  wheel.Advance(kStart + 1s);
  EXPECT_EQ(first.fired, 1);
  EXPECT_EQ(cancelled.fired, 0);
  EXPECT_EQ(again.fired, 0);
  wheel.Advance(kStart + 2s);
  EXPECT_EQ(again.fired, 1);
  wheel.Advance(kStart + 3s);
  EXPECT_EQ(first.fired, 2);
}

TEST(TimerWheel, AClockThatStandsOrJumps) {
  TimerWheel wheel(kStart);
  Alarm alarm;
  wheel.Advance(kStart - 1s);
  wheel.Set(alarm.timer, kStart + 10ms);
  wheel.Advance(kStart);
  wheel.Advance(kStart + 24h * 365);
  EXPECT_EQ(alarm.fired, 1);
  // A year later everything still works.
  wheel.Set(alarm.timer, kStart + 24h * 365 + 70ms);
  wheel.Advance(kStart + 24h * 365 + 69ms);
  EXPECT_EQ(alarm.fired, 1);
  wheel.Advance(kStart + 24h * 365 + 70ms);
  EXPECT_EQ(alarm.fired, 2);
}

TEST(TimerWheel, WhatIsTooFarAwayFiresAfterAYear) {
  TimerWheel wheel(kStart);
  Alarm alarm;
  wheel.Set(alarm.timer, kStart + 24h * 365 * 100);
  const Duration furthest = std::chrono::milliseconds(int64_t{1} << 35);
  wheel.Advance(kStart + furthest - 1ms);
  EXPECT_EQ(alarm.fired, 0);
  wheel.Advance(kStart + furthest);
  EXPECT_EQ(alarm.fired, 1);
}

// Against the plain model: a deadline per timer, in ticks of 1 ms.
class Compared {
 public:
  Compared(uint64_t seed, Duration offset, Duration reach, Duration step)
      : random_(seed), now_(kStart + offset), reach_(reach), step_(step), alarms_(40), due_(40) {
    wheel_.Advance(now_);
    for (size_t i = 0; i < alarms_.size(); ++i) {
      alarms_[i] = std::make_unique<Alarm>();
      alarms_[i]->then = [this, i] { Fired(i); };
    }
  }

  void Run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      for (uint64_t changes = random_.Below(6); changes > 0; --changes) Change(random_.Below(alarms_.size()));
      const std::optional<MonotonicTime> wakeup = wheel_.NextWakeup();
      const auto armed = [](const std::optional<MonotonicTime>& d) { return d.has_value(); };
      if (std::ranges::any_of(due_, armed)) {
        ASSERT_TRUE(wakeup);
        const MonotonicTime earliest = **std::ranges::min_element(
            due_, {}, [](const std::optional<MonotonicTime>& d) { return d.value_or(MonotonicTime::max()); });
        ASSERT_LE(*wakeup, earliest);
      }
      // To the next wakeup exactly, a little before it, or anywhere.
      MonotonicTime to = now_ + Below(step_);
      if (wakeup && random_.Below(3) == 0) to = std::max(now_, *wakeup - Duration(random_.Below(2)));
      now_ = to;
      wheel_.Advance(now_);
      for (size_t a = 0; a < due_.size(); ++a) {
        ASSERT_FALSE(due_[a] && *due_[a] <= now_) << "timer " << a << " is late in step " << i;
        ASSERT_EQ(due_[a].has_value(), alarms_[a]->timer.armed());
      }
    }
  }

 private:
  Duration Below(Duration bound) { return Duration(random_.Below(static_cast<uint64_t>(bound.count()) + 1)); }

  void Change(size_t i) {
    if (random_.Below(4) == 0) {
      alarms_[i]->timer.Cancel();
      due_[i].reset();
      return;
    }
    // Near and far alike: the exponent is random, too.
    const MonotonicTime deadline = now_ + Below(reach_ / (int64_t{1} << random_.Below(30)));
    wheel_.Set(alarms_[i]->timer, deadline);
    // In whole ticks since the start, the next one at least.
    const int64_t ticks = ((deadline - kStart) + 999'999ns) / 1ms;
    due_[i] = kStart + 1ms * std::max<int64_t>(ticks, (now_ - kStart) / 1ms + 1);
  }

  void Fired(size_t i) {
    ASSERT_TRUE(due_[i]);
    ASSERT_LE(*due_[i], now_) << "timer " << i << " is early";
    due_[i].reset();
    if (random_.Below(3) == 0) Change(i);
    if (random_.Below(3) == 0) Change(random_.Below(alarms_.size()));
  }

  Random random_;
  MonotonicTime now_;
  Duration reach_;
  Duration step_;
  TimerWheel wheel_{kStart};
  std::vector<std::unique_ptr<Alarm>> alarms_;
  std::vector<std::optional<MonotonicTime>> due_;
};

TEST(TimerWheel, BehavesAsItsModelNear) {
  Compared(1, 0s, 300ms, 20ms).Run(20000);
}
TEST(TimerWheel, BehavesAsItsModelFar) {
  Compared(2, 0s, 24h * 300, 1h).Run(20000);
}
TEST(TimerWheel, BehavesAsItsModelInLeaps) {
  Compared(3, 5s, 24h * 30, 24h * 40).Run(5000);
}
// The last level begins again: 2^36 ms behind the start.
TEST(TimerWheel, BehavesAsItsModelWhereItsLastLevelWraps) {
  Compared(4, std::chrono::milliseconds((int64_t{1} << 36) - 5000), 24h * 300, 10s).Run(20000);
  Compared(5, std::chrono::milliseconds((int64_t{1} << 36) - 5000), 24h, 500ms).Run(20000);
}

}  // namespace
}  // namespace pillion::base
