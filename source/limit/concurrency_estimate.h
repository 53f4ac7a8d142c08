#pragma once

// How many requests a service takes at once before it only makes them wait, learned from how many were in flight when each
// was admitted, and how long it took. README.md says by which reasoning. Owned by a ConcurrencyLimit, under its lock.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "source/base/clock.h"

namespace pillion::limit {

class ConcurrencyEstimate {
 public:
  struct Terms {
    uint32_t initial = 20;
    uint32_t least = 3;
    uint32_t most = 1000;
    base::Duration window = std::chrono::milliseconds(100);  // that an estimate is made of, at least
    base::Duration unloaded{0};  // latency of a request that does not wait, where that is known; zero: it is learned
  };

  static const char* WhatIsWrong(const Terms& terms);

  // Of terms that nothing is wrong with.
  explicit ConcurrencyEstimate(const Terms& terms)
      : terms_(terms), limit_(terms.initial), unloaded_(static_cast<double>(terms.unloaded.count())) {}

  // What holds now: while a ripple lasts, less than what was learned.
  double limit() const { return rippling_ ? ripple_limit_ : limit_; }
  double learned() const { return limit_; }
  // Long-term: of a request that does not wait. Short-term: of those of the last window. Zero: not known yet.
  base::Duration unloaded_latency() const { return base::Duration(static_cast<int64_t>(unloaded_)); }
  base::Duration latency() const { return base::Duration(static_cast<int64_t>(latest_)); }
  // The latter, nanoseconds, of as many windows as it takes to be sure of it; 0: not known yet.
  double usual_latency() const { return usual_; }

  // A request that was admitted. `in_flight`: with it.
  struct Admitted {
    uint32_t in_flight;
    uint32_t ripple;  // in which it was; 0: in none
  };
  Admitted Admit(uint32_t in_flight);
  // Now and then, also where no request ends.
  void Tick(base::MonotonicTime now) {
    if (rippling_) StepRipple(now);
  }
  // A request was refused because of the limit.
  void NoteRefused() { refused_ = true; }
  // It was answered, and took so long.
  void Answered(const Admitted& request, base::Duration latency, base::MonotonicTime now);
  // It was given up, after so long: how long it would have taken nobody knows, but no less. What has not waited longer than
  // one takes that does not wait says nothing.
  void Abandoned(const Admitted& request, base::Duration waited, base::MonotonicTime now);
  // It is over, and nothing is known of it.
  void Forget(const Admitted& request);

 private:
  // Requests that met about the same.
  struct Group {
    double count = 0;
    double in_flight = 0;  // sums
    double latency = 0;
    double square = 0;  // of latency
    double abandoned = 0;

    void Add(double in_flight_then, double took, bool was_abandoned) {
      count += 1;
      abandoned += was_abandoned;
      in_flight += in_flight_then;
      latency += took;
      square += took * took;
    }
    // Of what was counted before, a part.
    void Fade(double part) {
      count *= part;
      in_flight *= part;
      latency *= part;
      square *= part;
      abandoned *= part;
    }
    void Join(const Group& other) {
      count += other.count;
      in_flight += other.in_flight;
      latency += other.latency;
      square += other.square;
      abandoned += other.abandoned;
    }
    bool enough() const { return count >= kEnough; }
    double abandoned_part() const { return abandoned / count; }
    double mean_in_flight() const { return in_flight / count; }
    double mean_latency() const { return latency / count; }
    // Of the mean latency: the square of its standard error.
    double variance() const { return std::max(0.0, square / count - mean_latency() * mean_latency()) / count; }
  };

  static constexpr double kEnough = 10;
  static constexpr double kFew = 30;

  // That may wait: with so many more than the service takes, its own unevenness does not leave it without work.
  double Allowance() const { return std::sqrt(limit_) * 0.7; }
  void Begin(base::MonotonicTime now);
  bool IsOver(base::MonotonicTime now) const;
  void Close(base::MonotonicTime now);
  void End(const Admitted& request, base::Duration latency, bool abandoned, base::MonotonicTime now);
  void Note(const Admitted& request, base::Duration latency, bool abandoned, base::MonotonicTime now);
  base::Duration PauseOfRipples() const;
  void BeginRipple(base::MonotonicTime now);
  void StepRipple(base::MonotonicTime now);
  // True: it is known whether those that met more waited.
  bool Learn(const Group& more, const Group& fewer);
  void Remember(const Group& group);
  // How uneven latencies are for themselves, whatever the load is.
  void LearnSpread(const Group& group);
  // Of the mean latency: the square of its standard error. Where a few requests are alike by chance, the usual unevenness
  // counts as well: they tell little of those that come once in a while and take long.
  double ErrorOf(const Group& group) const {
    const double mean = group.mean_latency();
    const double usual = spread() * mean * mean / group.count;
    return std::max(group.variance(), (group.variance() * group.count + usual * kFew) / (group.count + kFew));
  }
  double spread() const { return spread_count_ > 0 ? spread_sum_ / spread_count_ : 0; }
  // How many wait, of those that a group met.
  double WaitingIn(const Group& group) const {
    return group.mean_in_flight() * (1 - std::min(1.0, unloaded_ / group.mean_latency()));
  }
  // The window tells by how much the limit is to move, or that it is not.
  bool IsTelling() const;
  // From two groups of which one met fewer in flight: 1 where it did not take less time, and so did not wait; 0 where it
  // took less in the same proportion, and so was waiting. Nothing: they do not differ by more than chance may do.
  std::optional<double> Flatness(const Group& more, const Group& fewer) const;
  // `length`: of the window that the group is of.
  void Adapt(const Group& group, bool binds, base::Duration length);

  const Terms terms_;
  double limit_;
  double unloaded_;      // nanoseconds; 0: not known yet
  double latest_ = 0;
  double usual_ = 0;

  // The window.
  bool begun_ = false;
  base::MonotonicTime began_;
  base::MonotonicTime last_;  // the latest that anybody has said
  Group window_;
  bool refused_ = false;
  uint32_t most_in_flight_ = 0;

  // Of latencies, in squares of their mean: sums over the last windows.
  double spread_sum_ = 0;
  double spread_count_ = 0;

  // Windows before it: of the last ones, those that met most.
  Group before_;
  int since_before_ = 0;  // windows

  // A ripple: for a moment fewer are let in, and what they take is compared with what others took before. All that came in
  // then are waited for, since those that are answered first are the quick ones.
  bool rippling_ = false;  // they are being let in
  uint32_t ripple_ = 0;    // its number
  double ripple_limit_ = 0;
  double ripple_wanted_ = 0;   // requests
  uint32_t ripple_open_ = 0;   // of those that were let in, still in flight
  uint32_t ripple_admitted_ = 0;
  Group ripple_group_;
  base::MonotonicTime ripple_began_;
  base::MonotonicTime next_ripple_;
};

}  // namespace pillion::limit
