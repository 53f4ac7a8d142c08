#pragma once

// What is counted of all streams to control planes and agents; they share it: one in a process. Main thread.

#include <string_view>

#include "source/stats/registry.h"

namespace pillion::xds {

class ControlPlaneStats {
 public:
  explicit ControlPlaneStats(stats::Registry& registry);

  // One more of them is connected, or one less.
  void Connected(bool connected);
  void Identify(std::string_view identifier);  // cut where it is long
  // A reply is held back, or not any more.
  void Hold();
  void Release() { pending_->Add(-1); }

 private:
  stats::Scope scope_;
  stats::Gauge* connected_;  // 1: some are
  stats::Gauge* pending_;
  stats::Counter* held_;
  const stats::TextId identifier_;
  int streams_ = 0;  // that are connected
};

}  // namespace pillion::xds
