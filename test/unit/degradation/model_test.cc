// A breaker against one that keeps all that ever happened, and looks through it for each answer.

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "source/degradation/breaker.h"

namespace pillion::degradation {
namespace {

using namespace std::chrono_literals;
using base::MonotonicTime;

class Model {
 public:
  explicit Model(const Terms& terms) : terms_(terms) {}

  struct Call {
    int era;       // openings before it
    bool probe;
    MonotonicTime began;
    bool has_place;
    bool over = false;
  };

  State state = State::kClosed;
  std::vector<Call> calls;

  // The call's number; -1: refused.
  int Ask(MonotonicTime now) {
    Settle(now);
    if (state == State::kOpen) {
      if (now - since_ < terms_.open_for) return -1;
      state = State::kHalfOpen;
      good_probes_ = 0;
      for (Call& call : calls) call.has_place = false;
    }
    if (state == State::kHalfOpen && Places() + good_probes_ >= terms_.probes) return -1;
    const bool probe = state == State::kHalfOpen;
    calls.push_back({.era = era_, .probe = probe, .began = now, .has_place = probe});
    return static_cast<int>(calls.size()) - 1;
  }

  void End(int number, Verdict verdict, MonotonicTime now) {
    Settle(now);
    Call& call = calls[static_cast<size_t>(number)];
    call.over = true;
    call.has_place = false;
    if (call.era != era_ || verdict == Verdict::kUnknown) return;
    if (state == State::kHalfOpen) {
      if (verdict == Verdict::kBad) return Open(now);
      ++good_probes_;
      Settle(now);
      return;
    }
    ended_.push_back({now, verdict == Verdict::kBad});
    const Calls seen = state == State::kRecovering ? Between(window_began_, window_began_ + terms_.interval) : Sliding(now);
    if (seen.all >= terms_.minimum && Reached(seen)) Open(now);
  }

  void Settle(MonotonicTime now) {
    if (state == State::kHalfOpen) {
      for (Call& call : calls) {
        if (call.has_place && now - call.began >= terms_.open_for) call.has_place = false;
      }
      if (good_probes_ < terms_.probes) return;
      state = terms_.recovery_windows == 0 ? State::kClosed : State::kRecovering;
      window_began_ = recovery_began_ = now;
      good_windows_ = 0;
    }
    while (state == State::kRecovering && now >= window_began_ + terms_.interval) {
      const Calls seen = Between(window_began_, window_began_ + terms_.interval);
      window_began_ += terms_.interval;
      if (seen.all == 0) continue;
      if (Reached(seen)) {
        Open(now);
      } else if (++good_windows_ == terms_.recovery_windows) {
        state = State::kClosed;
      }
    }
  }

  Calls Sliding(MonotonicTime now) const {
    const int64_t tenth = (terms_.interval.count() + 9) / 10;
    const int64_t newest = now.time_since_epoch().count() / tenth;
    Calls seen;
    for (const Ended& ended : ended_) {
      if (ended.at.time_since_epoch().count() / tenth < newest - 9) continue;
      ++seen.all;
      seen.bad += ended.bad;
    }
    return seen;
  }

 private:
  struct Ended {
    MonotonicTime at;
    bool bad;
  };

  bool Reached(const Calls& seen) const {
    if (terms_.counts) return static_cast<double>(seen.bad) >= terms_.threshold;
    return seen.all > 0 && static_cast<double>(seen.bad) / static_cast<double>(seen.all) >= terms_.threshold;
  }
  Calls Between(MonotonicTime from, MonotonicTime to) const {
    Calls seen;
    for (const Ended& ended : ended_) {
      if (ended.at < from || ended.at >= to || ended.at < recovery_began_) continue;
      ++seen.all;
      seen.bad += ended.bad;
    }
    return seen;
  }
  size_t Places() const {
    size_t places = 0;
    for (const Call& call : calls) places += call.has_place;
    return places;
  }
  void Open(MonotonicTime now) {
    state = State::kOpen;
    since_ = now;
    ++era_;
    ended_.clear();
  }

  const Terms terms_;
  int era_ = 0;
  MonotonicTime since_{};
  std::vector<Ended> ended_;  // since the last opening, but for probes
  size_t good_probes_ = 0;
  MonotonicTime recovery_began_{};
  MonotonicTime window_began_{};
  uint32_t good_windows_ = 0;
};

TEST(ModelTest, DoesWhatTheTableSays) {
  uint64_t openings = 0, recoveries = 0, late = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto draw = [&](uint32_t most) { return static_cast<uint32_t>(random() % (most + 1)); };
    Terms terms{.counts = draw(3) == 0,
                .threshold = 0.1 * (1 + draw(9)),
                .interval = 1ms * (10 + draw(2000)),
                .minimum = 1 + draw(9),
                .open_for = 1ms * (1 + draw(3000)),
                .probes = 1 + draw(4),
                .recovery_windows = draw(1) * draw(4)};
    if (terms.counts) terms.threshold = 1 + draw(5);
    ASSERT_EQ(Terms::WhatIsWrong(terms), nullptr);
    MonotonicTime now{100s + 1ns * draw(1'000'000)};
    Breaker breaker(now);
    Model model(terms);
    struct OnItsWay {
      int number;
      Breaker::Pass pass;
    };
    std::vector<OnItsWay> on_their_way;
    unsigned badness = 0;  // of 10
    for (int step = 0; step < 600; ++step) {
      if (step % 50 == 0) badness = draw(10);
      now += 1us * (draw(3) == 0 ? draw(400'000) : draw(3000));
      Changes changes;
      if (on_their_way.empty() || (on_their_way.size() < 12 && draw(1) == 0)) {
        const Breaker::Answer answer = breaker.Ask(terms, now, changes);
        const int number = model.Ask(now);
        ASSERT_EQ(answer.passes, number >= 0) << "seed " << seed << " step " << step;
        if (answer.passes) {
          ASSERT_EQ(answer.pass.is_probe(), model.calls.back().probe);
          on_their_way.push_back({number, answer.pass});
        }
      } else {
        const size_t which = draw(static_cast<unsigned>(on_their_way.size() - 1));
        const OnItsWay ends = on_their_way[which];
        on_their_way.erase(on_their_way.begin() + static_cast<std::ptrdiff_t>(which));
        const Verdict verdict = draw(9) == 0 ? Verdict::kUnknown : draw(9) < badness ? Verdict::kBad : Verdict::kGood;
        late += !breaker.End(terms, ends.pass, verdict, now, changes);
        model.End(ends.number, verdict, now);
      }
      for (const Change& change : changes.list()) {
        openings += change.to == State::kOpen;
        recoveries += change.from == State::kRecovering && change.to == State::kClosed;
      }
      const Breaker::View view = breaker.Read(terms, now);
      ASSERT_EQ(view.state, model.state) << "seed " << seed << " step " << step;
      if (view.state != State::kClosed) continue;
      ASSERT_EQ(view.calls, model.Sliding(now)) << "seed " << seed << " step " << step;
    }
  }
  EXPECT_GT(openings, 1000u);
  EXPECT_GT(recoveries, 100u);
  EXPECT_GT(late, 1000u);
}

}  // namespace
}  // namespace pillion::degradation
