#pragma once

// To what degree each action is to be done now. The main thread sets it, by the watch; the workers ask: one relaxed load a
// question. One for the process; outlives the workers.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/config/overload.h"

namespace pillion::overload {

class State {
 public:
  using Effect = config::OverloadEffect;

  explicit State(std::shared_ptr<const config::Overload> config)
      : config_(std::move(config)), max_connections_(config_->max_connections()) {}

  // 0 to 1.
  double degree(Effect effect) const { return degrees_[static_cast<size_t>(effect)].load(std::memory_order_relaxed); }
  void set_degree(Effect effect, double degree) {
    degrees_[static_cast<size_t>(effect)].store(degree, std::memory_order_relaxed);
  }

  // Whether it is to be done in one case of many: that part of them, by chance.
  bool Acts(Effect effect, base::Random& random) const {
    const double part = degree(effect);
    if (part <= 0) [[likely]] return false;
    return part >= 1 || static_cast<double>(random.Next()) < part * 0x1p64;
  }

  // Whether a connection, a request, or one that would go upstream now, is refused.
  bool RefusesConnection(base::Random& random) const {
    return Sheds(Effect::kShedAccept, random) || Acts(Effect::kRejectConnections, random);
  }
  bool RefusesRequest(base::Random& random) const {
    return Sheds(Effect::kShedHeaders, random) || Acts(Effect::kStopAcceptingRequests, random);
  }
  bool RefusesForwarding(base::Random& random) const { return Sheds(Effect::kShedBeforeRouter, random); }
  uint64_t shed(Effect point) const { return shed_[static_cast<size_t>(point)].load(std::memory_order_relaxed); }

  // Of clients, in the process.
  const std::optional<uint64_t>& max_connections() const { return max_connections_; }

  // True: `timeout` gets shorter under load.
  bool Scales(config::ScaledTimeout timeout) const { return config_->floors[static_cast<size_t>(timeout)].has_value(); }
  // As long as a timeout that is configured as `full` is now. Zero, which is none, stays.
  base::Duration Scaled(config::ScaledTimeout timeout, base::Duration full) const;

 private:
  bool Sheds(Effect point, base::Random& random) const {
    if (!Acts(point, random)) [[likely]] return false;
    shed_[static_cast<size_t>(point)].fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  const std::shared_ptr<const config::Overload> config_;
  const std::optional<uint64_t> max_connections_;
  std::array<std::atomic<double>, config::kOverloadEffects> degrees_{};
  mutable std::array<std::atomic<uint64_t>, config::kOverloadEffects> shed_{};
};

}  // namespace pillion::overload
