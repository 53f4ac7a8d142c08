#pragma once

// What is counted of a subscription, with Envoy's names: update_attempt, update_success, update_failure, update_rejected,
// update_time, update_duration, version, version_text and init_fetch_timeout. Owned by the subscription; main thread.

#include <string>

#include "source/base/clock.h"
#include "source/stats/registry.h"

namespace pillion::xds {

inline constexpr size_t kMostText = 256;  // bytes of a peer's text that is kept: a version, an identifier

class SubscriptionStats {
 public:
  // All outlive it.
  SubscriptionStats(stats::Registry& registry, const base::Clock& clock, const stats::Prefix& prefix);
  SubscriptionStats(const SubscriptionStats&) = delete;
  SubscriptionStats& operator=(const SubscriptionStats&) = delete;

  void Attempt() { attempt_->Increment(); }
  void Failure() { failure_->Increment(); }
  void Rejected() { rejected_->Increment(); }
  void InitialFetchTimeout() { init_fetch_timeout_->Increment(); }
  // `begun`: when it was begun to be taken.
  void Success(const std::string& version, base::MonotonicTime begun);

 private:
  const base::Clock& clock_;
  stats::Scope scope_;
  stats::Counter* attempt_;
  stats::Counter* success_;
  stats::Counter* failure_;
  stats::Counter* rejected_;
  stats::Counter* init_fetch_timeout_;
  stats::Gauge* time_;
  const stats::HistogramId duration_;  // of thousands of clusters
  const stats::TextId version_text_;
  uint64_t version_ = 0;  // as a gauge can show it: its hash
};

}  // namespace pillion::xds
