#pragma once

// How many calls ended in the last interval, and how many of them badly.
//
// The interval is cut into tenths, rounded up: what counts is the tenth that is now and the nine before it. So a call counts
// for more than nine tenths of the interval and at most for all of it. Plain memory; the length of a tenth is handed in.

#include <array>
#include <cstdint>

#include "source/base/clock.h"

namespace pillion::degradation {

struct Calls {
  uint64_t all = 0;
  uint64_t bad = 0;

  friend bool operator==(const Calls&, const Calls&) = default;
};

class CallWindow {
 public:
  static constexpr int64_t kTenths = 10;
  // In nanoseconds.
  static int64_t TenthOf(base::Duration interval) { return (interval.count() + kTenths - 1) / kTenths; }

  // Times never go back, but for Sum().
  void Add(base::MonotonicTime now, int64_t tenth, bool bad) {
    BringTo(NumberOf(now, tenth));
    Calls& newest = At(newest_);
    ++newest.all;
    newest.bad += bad;
    ++sum_.all;
    sum_.bad += bad;
  }
  // One that was good when it was added, a while ago perhaps.
  void Spoil(base::MonotonicTime now, int64_t tenth) {
    BringTo(NumberOf(now, tenth));
    if (sum_.bad >= sum_.all) return;
    for (int64_t number = newest_; number > newest_ - kTenths; --number) {
      Calls& calls = At(number);
      if (calls.bad >= calls.all) continue;
      ++calls.bad;
      ++sum_.bad;
      return;
    }
  }
  // As of the last call that was added, or spoilt.
  const Calls& sum() const { return sum_; }
  Calls Sum(base::MonotonicTime now, int64_t tenth) const;
  void Clear() { *this = CallWindow(); }

 private:
  static int64_t NumberOf(base::MonotonicTime now, int64_t tenth) { return now.time_since_epoch().count() / tenth; }
  Calls& At(int64_t number) { return tenths_[static_cast<uint64_t>(number) % kTenths]; }
  // What is older than that one's window is forgotten.
  void BringTo(int64_t number);

  int64_t newest_ = 0;  // a tenth's number
  Calls sum_;           // of all
  std::array<Calls, kTenths> tenths_{};
};

}  // namespace pillion::degradation
