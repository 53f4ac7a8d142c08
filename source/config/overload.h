#pragma once

// What is given up, and when, as resources get short.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "source/base/clock.h"

namespace pillion::config {

// What malloc has given out.
struct FixedHeap {
  uint64_t max_bytes;
};
// The memory of the container; its own limit where that is less.
struct CgroupMemory {
  std::optional<uint64_t> max_bytes;
};
// How busy the machine's processors are.
struct CpuUtilization {};
// What a file says.
struct InjectedResource {
  std::string path;
};
// Of clients, in the process. One too many is closed.
struct DownstreamConnections {
  uint64_t max;
};

struct OverloadResource {
  std::string name;  // unique
  std::variant<FixedHeap, CgroupMemory, CpuUtilization, InjectedResource, DownstreamConnections> monitor;
};

// To what degree something is done at a pressure: not at all up to `none`, wholly from `all` on, in between in part. A
// threshold has both the same, and is reached by that.
struct OverloadTrigger {
  uint32_t resource;  // its index
  double none;
  double all;
};

enum class OverloadEffect : uint8_t {
  kStopAcceptingRequests,
  kDisableKeepalive,
  kStopAcceptingConnections,
  kRejectConnections,
  kShrinkHeap,
  kReduceTimeouts,
  // Load shed points.
  kShedAccept,
  kShedHeaders,
  kShedBeforeRouter,
  kCount
};
constexpr size_t kOverloadEffects = static_cast<size_t>(OverloadEffect::kCount);
constexpr bool IsShedPoint(OverloadEffect effect) { return effect >= OverloadEffect::kShedAccept; }

// The whole name, as stats and logs have it.
std::string_view OverloadEffectName(OverloadEffect effect);

struct OverloadAction {
  OverloadEffect effect;
  std::vector<OverloadTrigger> triggers;  // that of the highest degree counts
};

// Those that kReduceTimeouts shortens.
enum class ScaledTimeout : uint8_t {
  kConnectionIdle,
  kStreamIdle,
  kHandshake,
  kConnectionDuration,
  kStreamFlush,
  kCount
};

// How short a timeout may become: so long, or such a part of what is configured.
struct TimeoutFloor {
  base::Duration duration{0};
  double part = 0;
};

struct Overload {
  base::Duration refresh_interval = std::chrono::seconds(1);
  std::vector<OverloadResource> resources;
  std::vector<OverloadAction> actions;  // one for an effect
  std::array<std::optional<TimeoutFloor>, static_cast<size_t>(ScaledTimeout::kCount)> floors;  // none: it stays

  std::optional<uint64_t> max_connections() const;
};

}  // namespace pillion::config
