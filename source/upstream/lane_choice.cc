#include "source/upstream/lane_choice.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"

namespace pillion::upstream {
namespace {

// Of a fallback that keeps some labels of the colour.
size_t Kept(const Lanes& lanes, const config::Lanes::Fallback& fallback, const LaneWish& wish) {
  absl::InlinedVector<Label, config::Lanes::kMostKeys> labels;
  for (const Label& label : wish.labels) {
    if (std::ranges::find(fallback.keep, label.key) != fallback.keep.end()) labels.push_back(label);
  }
  return lanes.Find({labels.data(), labels.size()});
}

}  // namespace

LaneChoice ChooseLane(const Lanes& lanes, const config::Lanes& config, const LaneWish& wish,
                      absl::FunctionRef<LaneLack(size_t set)> lack_of) {
  if (wish.labels.empty()) return lanes.plain;
  const size_t exact = lanes.Find(wish.labels);
  const LaneLack lack = lack_of(exact);
  if (lack == LaneLack::kNone) return {exact, {LaneFit::kExact, lack}};
  if (wish.fails_closed) return {Lanes::kNone, {LaneFit::kRefused, lack}};
  for (size_t i = 0; i < config.fallbacks.size(); ++i) {
    const bool keeps = !config.fallbacks[i].keep.empty();
    const size_t set = keeps ? Kept(lanes, config.fallbacks[i], wish) : lanes.fallbacks[i];
    if (lack_of(set) == LaneLack::kNone) return {set, {LaneFit::kFallback, lack}};
  }
  return {lanes.plain.set, {LaneFit::kInstead, lack}};
}

}  // namespace pillion::upstream
