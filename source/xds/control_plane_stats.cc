#include "source/xds/control_plane_stats.h"

#include <string>

#include "source/base/escape.h"
#include "source/xds/subscription_stats.h"

namespace pillion::xds {

ControlPlaneStats::ControlPlaneStats(stats::Registry& registry)
    : scope_(registry, stats::Prefix("control_plane")),
      connected_(registry.control().gauge(scope_.AddGauge("connected_state"))),
      pending_(registry.control().gauge(scope_.AddGauge("pending_requests"))),
      held_(registry.control().counter(scope_.AddCounter("rate_limit_enforced"))),
      identifier_(scope_.AddText("identifier")) {}

void ControlPlaneStats::Connected(bool connected) {
  streams_ += connected ? 1 : -1;
  connected_->Set(streams_ > 0 ? 1 : 0);
}

void ControlPlaneStats::Identify(std::string_view identifier) {
  scope_.registry().SetText(identifier_, std::string(base::CutUtf8(identifier, kMostText)));
}

void ControlPlaneStats::Hold() {
  pending_->Add(1);
  held_->Increment();
}

}  // namespace pillion::xds
