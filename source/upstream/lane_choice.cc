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

bool IsFull(const Host& host, const config::Lanes& config) {
  const uint32_t most = config.max_requests_per_host;
  return most != 0 && host.Sum(HostFigures::kRqActive) + host.Sum(HostFigures::kRqPending) >= most;
}

LaneLack LackNow(const Lanes& lanes, const config::Lanes& config, size_t set,
                 absl::FunctionRef<bool(const Host& host)> refused) {
  const LaneLack lack = lanes.LackOf(set);
  if (lack != LaneLack::kNone) return lack;
  LaneLack now = LaneLack::kUnhealthy;
  for (const PriorityHosts& priority : lanes.sets[set].priorities) {
    for (const Hosts* const hosts : {&priority.healthy, &priority.degraded}) {
      for (const std::shared_ptr<Host>& host : *hosts) {
        if (refused(*host)) continue;
        if (!IsFull(*host, config)) return LaneLack::kNone;
        now = LaneLack::kFull;
      }
    }
  }
  return now;
}

std::optional<size_t> ChooseMember(size_t count, absl::FunctionRef<std::optional<LaneOutcome>(size_t cluster)> outcome_of) {
  std::optional<size_t> fallback, refusal;
  LaneLack lack = LaneLack::kNone;
  bool all_refuse = true;
  for (size_t i = 0; i < count; ++i) {
    const std::optional<LaneOutcome> outcome = outcome_of(i);
    if (outcome && outcome->fit == LaneFit::kExact) return i;
    if (outcome && outcome->fit == LaneFit::kFallback && !fallback) fallback = i;
    all_refuse &= outcome && outcome->fit == LaneFit::kRefused;
    if (!all_refuse || outcome->lack <= lack) continue;
    refusal = i;
    lack = outcome->lack;
  }
  return all_refuse ? refusal : fallback;
}

}  // namespace pillion::upstream
