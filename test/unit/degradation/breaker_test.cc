#include "source/degradation/breaker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace pillion::degradation {
namespace {

using namespace std::chrono_literals;

// Calls that end when they begin, unless a test holds them; and what has changed.
class BreakerTest : public testing::Test {
 protected:
  void Be(const Terms& terms) {
    ASSERT_EQ(Terms::WhatIsWrong(terms), nullptr);
    terms_ = terms;
    breaker_ = Breaker(now_);
  }
  Breaker::Answer Ask() {
    Changes changes;
    const Breaker::Answer answer = breaker_.Ask(terms_, now_, changes);
    Note(changes);
    return answer;
  }
  bool End(const Breaker::Pass& pass, Verdict verdict) {
    Changes changes;
    const bool counts = breaker_.End(terms_, pass, verdict, now_, changes);
    Note(changes);
    return counts;
  }
  void Begin(Breaker::Pass& pass) {
    Changes changes;
    breaker_.Begin(terms_, pass, now_, changes);
    Note(changes);
  }
  void Spoil(const Breaker::Pass& pass) {
    Changes changes;
    breaker_.Spoil(terms_, pass, now_, changes);
    Note(changes);
  }
  // How many of so many pass; they end at once.
  int Call(int calls, Verdict verdict) {
    int passed = 0;
    for (int i = 0; i < calls; ++i) {
      const Breaker::Answer answer = Ask();
      if (!answer.passes) continue;
      ++passed;
      End(answer.pass, verdict);
    }
    return passed;
  }
  int Good(int calls = 1) { return Call(calls, Verdict::kGood); }
  int Bad(int calls = 1) { return Call(calls, Verdict::kBad); }
  State state() const { return View().state; }
  Breaker::View View() const { return breaker_.Read(terms_, now_); }
  void Open() {
    while (state() != State::kOpen) ASSERT_EQ(Bad(), 1);
    changes_.clear();
  }
  void OpenAndHalfOpen() {
    Open();
    now_ += terms_.open_for;
  }

  void Note(const Changes& changes) {
    for (const Change& change : changes.list()) {
      changes_.push_back(std::string(NameOf(change.from)) + ">" + std::string(NameOf(change.to)));
    }
  }

  Terms terms_;
  base::MonotonicTime now_{1000s};
  Breaker breaker_{now_};
  std::vector<std::string> changes_;
};

using Names = std::vector<std::string>;

// Failure rate 0.6, a call may take 3 s, recovery after 60 s.
TEST_F(BreakerTest, FailureRate) {
  Be({.threshold = 0.6, .interval = 10s, .minimum = 10, .open_for = 60s});
  EXPECT_EQ(Good(4), 4);
  EXPECT_EQ(Bad(5), 5);
  EXPECT_EQ(state(), State::kClosed);  // nine calls: too few
  now_ += 3s;
  EXPECT_EQ(Bad(), 1);  // 6 of 10
  EXPECT_EQ(state(), State::kOpen);
  EXPECT_EQ(View().opened_by, (Calls{10, 6}));
  EXPECT_EQ(Good(100), 0);
  now_ += 60s - 1ns;
  const Breaker::Answer refused = Ask();
  EXPECT_FALSE(refused.passes);
  EXPECT_EQ(refused.retry_after, 1ns);
  now_ += 1ns;
  const Breaker::Answer probe = Ask();
  EXPECT_TRUE(probe.passes);
  EXPECT_TRUE(probe.pass.is_probe());
  EXPECT_FALSE(Ask().passes);  // it is the only one
  now_ += 3s;
  EXPECT_TRUE(End(probe.pass, Verdict::kBad));
  EXPECT_EQ(state(), State::kOpen);
  now_ += 60s;
  EXPECT_EQ(Good(), 1);
  EXPECT_EQ(state(), State::kClosed);
  EXPECT_EQ(changes_, (Names{"closed>open", "open>half_open", "half_open>open", "open>half_open", "half_open>closed"}));
  EXPECT_EQ(Bad(9), 9);  // it begins anew: what was before does not count
  EXPECT_EQ(state(), State::kClosed);
  EXPECT_EQ(Bad(), 1);
  EXPECT_EQ(state(), State::kOpen);
}

// Slow calls, 5 requests at least, statistics of 1 s, 5 good windows; refused for 3 s.
TEST_F(BreakerTest, SlowCallsAndGoodWindows) {
  Be({.threshold = 0.5, .interval = 1s, .minimum = 5, .open_for = 3s, .recovery_windows = 5});
  EXPECT_EQ(Bad(4), 4);
  EXPECT_EQ(state(), State::kClosed);
  EXPECT_EQ(Bad(), 1);
  EXPECT_EQ(state(), State::kOpen);
  now_ += 3s;
  EXPECT_EQ(Good(), 1);
  EXPECT_EQ(state(), State::kRecovering);
  for (uint32_t window = 0; window < 5; ++window) {
    EXPECT_EQ(View().good_windows, window);
    EXPECT_EQ(Good(6), 6);
    EXPECT_EQ(Bad(2), 2);  // below the threshold
    now_ += 1s;
  }
  EXPECT_EQ(state(), State::kClosed);
  EXPECT_EQ(Good(), 1);
  EXPECT_EQ(changes_, (Names{"closed>open", "open>half_open", "half_open>recovering", "recovering>closed"}));
}

// A recovery of 60 s: 12 windows of 5 s; refused for 3 s.
TEST_F(BreakerTest, ARecoveryOfAMinute) {
  Be({.threshold = 0.6, .interval = 5s, .minimum = 5, .open_for = 3s, .recovery_windows = 12});
  Open();
  now_ += 3s;
  const base::MonotonicTime began = now_;
  EXPECT_EQ(Good(), 1);
  while (state() == State::kRecovering) {
    EXPECT_EQ(Good(), 1);
    now_ += 100ms;
  }
  EXPECT_EQ(now_ - began, 60s);
}

TEST_F(BreakerTest, AWindowWithoutCallsSaysNothing) {
  Be({.threshold = 0.5, .minimum = 5, .open_for = 3s, .recovery_windows = 2});
  OpenAndHalfOpen();
  EXPECT_EQ(Good(2), 2);  // the second is of a window
  now_ += 1s;
  EXPECT_EQ(View().good_windows, 1u);
  now_ += 1h;
  EXPECT_EQ(View().good_windows, 1u);
  EXPECT_EQ(Good(), 1);
  now_ += 999ms;
  EXPECT_EQ(state(), State::kRecovering);
  now_ += 1ms;
  EXPECT_EQ(state(), State::kClosed);
}

TEST_F(BreakerTest, ABadWindowOpensItHoweverFewTheCalls) {
  Be({.threshold = 0.5, .minimum = 5, .open_for = 3s, .recovery_windows = 3});
  OpenAndHalfOpen();
  Good(2);
  now_ += 1s;
  Bad(2);
  EXPECT_EQ(state(), State::kRecovering);  // good ones may follow
  now_ += 1s;
  EXPECT_EQ(state(), State::kOpen);
  EXPECT_FALSE(Ask().passes);
  EXPECT_EQ(changes_.back(), "recovering>open");
}

TEST_F(BreakerTest, OrAtOnceWithTheMinimum) {
  Be({.threshold = 0.5, .minimum = 5, .open_for = 3s, .recovery_windows = 3});
  OpenAndHalfOpen();
  Good();
  EXPECT_EQ(Bad(9), 5);
  EXPECT_EQ(state(), State::kOpen);
}

TEST_F(BreakerTest, OnlyTheLastIntervalCounts) {
  Be({.threshold = 0.5, .interval = 10s, .minimum = 4});
  now_ = base::MonotonicTime(1000s);
  Bad(3);
  now_ += 10s;  // eleven tenths
  Bad(3);
  EXPECT_EQ(state(), State::kClosed);
  EXPECT_EQ(View().calls, (Calls{3, 3}));
  now_ += 9s;  // ten
  Bad();
  EXPECT_EQ(state(), State::kOpen);
  EXPECT_EQ(View().opened_by, (Calls{4, 4}));
}

TEST_F(BreakerTest, ACountOfErrors) {
  Be({.counts = true, .threshold = 3, .minimum = 1});
  Good(1000);
  Bad(2);
  EXPECT_EQ(state(), State::kClosed);
  Bad();
  EXPECT_EQ(state(), State::kOpen);
}

TEST_F(BreakerTest, SeveralProbes) {
  Be({.threshold = 1, .minimum = 1, .open_for = 1s, .probes = 3});
  OpenAndHalfOpen();
  std::vector<Breaker::Answer> probes;
  for (int i = 0; i < 3; ++i) probes.push_back(Ask());
  EXPECT_TRUE(std::all_of(probes.begin(), probes.end(), [](const auto& answer) { return answer.pass.is_probe(); }));
  EXPECT_FALSE(Ask().passes);
  End(probes[1].pass, Verdict::kGood);
  EXPECT_FALSE(Ask().passes);  // two are on their way, one was good
  End(probes[2].pass, Verdict::kUnknown);  // its client has gone
  const Breaker::Answer another = Ask();
  EXPECT_TRUE(another.passes);
  EXPECT_FALSE(Ask().passes);
  End(probes[0].pass, Verdict::kGood);
  EXPECT_EQ(state(), State::kHalfOpen);
  EXPECT_EQ(View().good_probes, 2u);
  EXPECT_EQ(View().probes_on_their_way, 1u);
  End(another.pass, Verdict::kGood);
  EXPECT_EQ(state(), State::kClosed);
}

TEST_F(BreakerTest, OneBadProbeIsEnough) {
  Be({.threshold = 1, .minimum = 1, .open_for = 1s, .probes = 3});
  OpenAndHalfOpen();
  const Breaker::Answer first = Ask();
  const Breaker::Answer second = Ask();
  End(first.pass, Verdict::kBad);
  EXPECT_EQ(state(), State::kOpen);
  now_ += 1s;
  const Breaker::Answer third = Ask();
  EXPECT_FALSE(End(second.pass, Verdict::kGood));  // of the time before
  EXPECT_EQ(View().good_probes, 0u);
  EXPECT_EQ(View().probes_on_their_way, 1u);
  End(third.pass, Verdict::kGood);
  EXPECT_EQ(View().good_probes, 1u);
}

TEST_F(BreakerTest, WhatBeganBeforeTheOpeningCountsNoMore) {
  Be({.threshold = 1, .minimum = 2, .open_for = 1s});
  std::vector<Breaker::Answer> early;
  for (int i = 0; i < 4; ++i) early.push_back(Ask());
  Open();
  EXPECT_FALSE(End(early[0].pass, Verdict::kGood));
  now_ += 1s;
  const Breaker::Answer probe = Ask();
  EXPECT_FALSE(End(early[1].pass, Verdict::kBad));  // does not open it again
  EXPECT_EQ(state(), State::kHalfOpen);
  End(probe.pass, Verdict::kGood);
  EXPECT_EQ(state(), State::kClosed);
  EXPECT_FALSE(End(early[2].pass, Verdict::kBad));
  EXPECT_FALSE(End(early[3].pass, Verdict::kBad));
  EXPECT_EQ(state(), State::kClosed);
  EXPECT_EQ(View().calls, Calls());
  EXPECT_EQ(View().counts.late, 4u);
}

TEST_F(BreakerTest, AProbeThatHangsKeepsNobodyOut) {
  Be({.threshold = 1, .minimum = 1, .open_for = 1s});
  OpenAndHalfOpen();
  const Breaker::Answer hangs = Ask();
  now_ += 1s - 1ns;
  EXPECT_FALSE(Ask().passes);
  now_ += 1ns;
  const Breaker::Answer next = Ask();
  EXPECT_TRUE(next.passes);
  EXPECT_FALSE(Ask().passes);
  End(hangs.pass, Verdict::kGood);  // after all: such calls take longer than it is open
  EXPECT_EQ(state(), State::kClosed);
  End(next.pass, Verdict::kBad);  // a call as any now
  EXPECT_EQ(View().opened_by, (Calls{1, 1}));
  EXPECT_EQ(state(), State::kOpen);
}

TEST_F(BreakerTest, AProbeWhoseAnswerHasBegunIsGoodWhenItLasts) {
  Be({.threshold = 1, .interval = 2s, .minimum = 1, .open_for = 60s});
  OpenAndHalfOpen();
  Breaker::Answer probe = Ask();
  Begin(probe.pass);
  now_ += 2s - 1ns;
  EXPECT_EQ(state(), State::kHalfOpen);
  now_ += 1ns;
  EXPECT_TRUE(Ask().passes);
  EXPECT_EQ(state(), State::kClosed);
}

TEST_F(BreakerTest, AProbeIsCountedOnce) {
  Be({.threshold = 1, .interval = 1s, .minimum = 1, .open_for = 5s, .probes = 3});
  OpenAndHalfOpen();
  Breaker::Answer lasts = Ask();
  Breaker::Answer hangs = Ask();
  Begin(lasts.pass);
  now_ += 1s;
  EXPECT_EQ(View().good_probes, 1u);
  End(lasts.pass, Verdict::kGood);
  EXPECT_EQ(View().good_probes, 1u);
  now_ += 5s;
  Begin(hangs.pass);  // it has had no place since
  EXPECT_EQ(View().good_probes, 2u);
  End(hangs.pass, Verdict::kGood);
  EXPECT_EQ(View().good_probes, 2u);
  EXPECT_EQ(state(), State::kHalfOpen);
}

TEST_F(BreakerTest, WhatIsBrokenOffLaterIsBad) {
  Be({.threshold = 0.5, .minimum = 4, .open_for = 1s});
  const Breaker::Answer first = Ask();
  const Breaker::Answer second = Ask();
  End(first.pass, Verdict::kGood);
  End(second.pass, Verdict::kGood);
  Good(2);
  now_ += 300ms;
  Spoil(first.pass);
  EXPECT_EQ(View().calls, (Calls{4, 1}));  // not as another call
  Spoil(second.pass);
  EXPECT_EQ(state(), State::kOpen);
  now_ += 1s;
  const Breaker::Answer probe = Ask();
  End(probe.pass, Verdict::kGood);
  Good(1);
  Spoil(first.pass);  // late
  EXPECT_EQ(View().calls, (Calls{1, 0}));
}

TEST_F(BreakerTest, TimeThatGoesBackStandsStill) {
  Be({.threshold = 1, .minimum = 1, .open_for = 1s});
  Open();
  now_ += 1s;
  const Breaker::Answer probe = Ask();
  now_ -= 500ms;  // another worker's clock
  EXPECT_FALSE(Ask().passes);
  End(probe.pass, Verdict::kGood);
  EXPECT_EQ(state(), State::kClosed);
  EXPECT_EQ(Good(), 1);
}

TEST_F(BreakerTest, IsFreshWhenItKnowsNothing) {
  Be({.threshold = 0.5, .minimum = 2, .open_for = 1s});
  EXPECT_TRUE(breaker_.IsFresh(terms_, now_));
  Good();
  EXPECT_FALSE(breaker_.IsFresh(terms_, now_));
  now_ += 1s;
  EXPECT_TRUE(breaker_.IsFresh(terms_, now_));
  Open();
  now_ += 1h;
  EXPECT_FALSE(breaker_.IsFresh(terms_, now_));
}

TEST(TermsTest, WhatCanNotBe) {
  EXPECT_EQ(Terms::WhatIsWrong({}), nullptr);
  EXPECT_NE(Terms::WhatIsWrong({.threshold = 1.01}), nullptr);
  EXPECT_NE(Terms::WhatIsWrong({.threshold = 0}), nullptr);
  EXPECT_NE(Terms::WhatIsWrong({.threshold = std::numeric_limits<double>::quiet_NaN()}), nullptr);
  EXPECT_NE(Terms::WhatIsWrong({.counts = true, .threshold = 0.9}), nullptr);
  EXPECT_EQ(Terms::WhatIsWrong({.counts = true, .threshold = 100}), nullptr);
  EXPECT_NE(Terms::WhatIsWrong({.interval = 0s}), nullptr);
  EXPECT_NE(Terms::WhatIsWrong({.minimum = 0}), nullptr);
  EXPECT_NE(Terms::WhatIsWrong({.open_for = 0s}), nullptr);
  EXPECT_NE(Terms::WhatIsWrong({.probes = 0}), nullptr);
  EXPECT_NE(Terms::WhatIsWrong({.probes = 33}), nullptr);
}

}  // namespace
}  // namespace pillion::degradation
