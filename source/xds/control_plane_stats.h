#pragma once

// What is counted of all streams to control planes; they share it. Main thread.

#include <string_view>

#include "source/stats/registry.h"

namespace pillion::xds {

class ControlPlaneStats {
 public:
  explicit ControlPlaneStats(stats::Registry& registry);

  void Connected(bool connected) { connected_->Add(connected ? 1 : -1); }
  void Identify(std::string_view identifier);  // cut where it is long
  // A reply is held back, or not any more.
  void Hold();
  void Release() { pending_->Add(-1); }

 private:
  stats::Scope scope_;
  stats::Gauge* connected_;
  stats::Gauge* pending_;
  stats::Counter* held_;
  const stats::TextId identifier_;
};

}  // namespace pillion::xds
