#include "source/xds/subscription_stats.h"

#include <chrono>

#include "source/base/escape.h"
#include "source/base/xxhash64.h"

namespace pillion::xds {
namespace {

int64_t Milliseconds(auto duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

}  // namespace

SubscriptionStats::SubscriptionStats(stats::Registry& registry, const base::Clock& clock, const stats::Prefix& prefix)
    : clock_(clock),
      scope_(registry, prefix),
      attempt_(registry.control().counter(scope_.AddCounter("update_attempt"))),
      success_(registry.control().counter(scope_.AddCounter("update_success"))),
      failure_(registry.control().counter(scope_.AddCounter("update_failure"))),
      rejected_(registry.control().counter(scope_.AddCounter("update_rejected"))),
      init_fetch_timeout_(registry.control().counter(scope_.AddCounter("init_fetch_timeout"))),
      time_(registry.control().gauge(scope_.AddGauge("update_time"))),
      duration_(scope_.AddHistogram("update_duration")),
      version_text_(scope_.AddText("version_text")) {
  scope_.AddGaugeCallback("version", [this] { return version_; });
}

void SubscriptionStats::Success(const std::string& version, base::MonotonicTime begun) {
  success_->Increment();
  scope_.registry().Record(duration_, static_cast<uint64_t>(Milliseconds(clock_.MonotonicNow() - begun)));
  time_->Set(Milliseconds(clock_.WallNow().time_since_epoch()));
  version_ = base::XxHash64(version);
  scope_.registry().SetText(version_text_, std::string(base::CutUtf8(version, kMostText)));
}

}  // namespace pillion::xds
