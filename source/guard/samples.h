#pragma once

// What became of requests, second by second, as far back as somebody may ask. Plain arithmetic; the main thread's.

#include <cstdint>
#include <deque>

#include "source/base/clock.h"
#include "source/stats/histogram.h"

namespace pillion::guard {

// Of a time, or since the process began.
struct Figures {
  uint64_t requests = 0;
  uint64_t errors = 0;
  uint64_t overflows = 0;
  stats::BucketCounts milliseconds{};

  double error_ratio() const { return requests == 0 ? 0 : static_cast<double>(errors) / static_cast<double>(requests); }
  double p99() const;  // milliseconds; 0: there was none
};

class Samples {
 public:
  // A boundary: `totals` are those since the process began. Times don't go back.
  void Add(base::MonotonicTime now, const Figures& totals);
  // Of the last boundary; nothing: there is none.
  base::MonotonicTime last() const { return last_time_; }
  bool empty() const { return !begun_; }

  // Of all that lies between boundaries within [from, to].
  Figures Between(base::MonotonicTime from, base::MonotonicTime to) const;
  // Of what came before `end`, newest first, as far as it lasts `most` together, with what Erase() left out.
  Figures Before(base::MonotonicTime end, base::Duration most) const;

  // What came from then on never was.
  void Erase(base::MonotonicTime from);
  // Nobody will ask for what was before.
  void Forget(base::MonotonicTime before);

 private:
  struct Sample {
    base::MonotonicTime begin;
    base::MonotonicTime end;
    uint64_t requests;
    uint64_t errors;
    uint64_t overflows;
    stats::SparseCounts milliseconds;
  };

  static void AddTo(const Sample& sample, Figures& sum);

  std::deque<Sample> samples_;
  bool begun_ = false;
  base::MonotonicTime last_time_{};
  Figures last_;
};

}  // namespace pillion::guard
