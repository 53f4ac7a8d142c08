#pragma once

// A lane: the hosts of a cluster whose labels (metadata of the namespace envoy.lb) are those of a request's colour. What a
// request asks for, and what it got.

#include <cstdint>
#include <span>
#include <string_view>

namespace pillion::upstream {

struct Label {
  std::string_view key;
  std::string_view value;

  friend bool operator==(const Label&, const Label&) = default;
};

// Views: of the configuration, or the stream's arena.
struct LaneWish {
  std::span<const Label> labels;  // by key, none twice; empty: the baseline
  bool fails_closed = false;      // no other hosts will do
  bool forced = false;            // by who sent the request: it stays where an answer that redirects is followed
};

// Where a request went.
enum class LaneFit : uint8_t {
  kNone,      // the cluster has no lanes
  kBaseline,  // as it wished: it has no colour
  kExact,     // to hosts that have all labels of its colour
  kFallback,  // to those that the cluster's fallbacks name
  kInstead,   // to the baseline, though it has a colour
  kRefused,   // nowhere
};

// Why it is not in the lane that it wished for.
enum class LaneLack : uint8_t { kNone, kNoHosts, kUnhealthy, kFull };

struct LaneOutcome {
  LaneFit fit = LaneFit::kNone;
  LaneLack lack = LaneLack::kNone;
};

}  // namespace pillion::upstream
