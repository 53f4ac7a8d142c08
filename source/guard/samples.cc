#include "source/guard/samples.h"

#include <algorithm>
#include <utility>

namespace pillion::guard {

double Figures::p99() const {
  static const size_t kP99 = static_cast<size_t>(std::ranges::find(stats::kQuantiles, 99.0) - stats::kQuantiles.begin());
  const stats::HistogramSummary summary = stats::Summarize(stats::Sparse(milliseconds));
  return summary.count == 0 ? 0 : summary.quantiles[kP99];
}

void Samples::Add(base::MonotonicTime now, const Figures& totals) {
  if (std::exchange(begun_, true)) {
    stats::BucketCounts grown;
    for (size_t i = 0; i < grown.size(); ++i) grown[i] = totals.milliseconds[i] - last_.milliseconds[i];
    samples_.push_back({.begin = last_time_,
                        .end = now,
                        .requests = totals.requests - last_.requests,
                        .errors = totals.errors - last_.errors,
                        .overflows = totals.overflows - last_.overflows,
                        .milliseconds = stats::Sparse(grown)});
  }
  last_time_ = now;
  last_ = totals;
}

void Samples::AddTo(const Sample& sample, Figures& sum) {
  sum.requests += sample.requests;
  sum.errors += sample.errors;
  sum.overflows += sample.overflows;
  for (const auto& [index, count] : sample.milliseconds) sum.milliseconds[index] += count;
}

Figures Samples::Between(base::MonotonicTime from, base::MonotonicTime to) const {
  Figures sum;
  for (const Sample& sample : samples_) {
    if (sample.begin >= from && sample.end <= to) AddTo(sample, sum);
  }
  return sum;
}

Figures Samples::Before(base::MonotonicTime end, base::Duration most) const {
  Figures sum;
  base::Duration covered{0};
  for (auto sample = samples_.rbegin(); sample != samples_.rend(); ++sample) {
    if (sample->end > end) continue;
    covered += sample->end - sample->begin;
    if (covered > most) break;
    AddTo(*sample, sum);
  }
  return sum;
}

void Samples::Erase(base::MonotonicTime from) {
  while (!samples_.empty() && samples_.back().begin >= from) samples_.pop_back();
}

void Samples::Forget(base::MonotonicTime before) {
  while (!samples_.empty() && samples_.front().end <= before) samples_.pop_front();
}

}  // namespace pillion::guard
