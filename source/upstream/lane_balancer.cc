#include "source/upstream/lane_balancer.h"

#include "source/upstream/aggregate.h"
#include "source/upstream/lane_choice.h"

namespace pillion::upstream {
namespace {

const std::shared_ptr<Host> kNoHost;

// The first host that requests may go to and that is `good`, those behind the first `skipped` before the others.
template <typename Good>
const std::shared_ptr<Host>& FindHost(const HostSet& set, size_t skipped, const Good& good) {
  const std::shared_ptr<Host>* before = &kNoHost;
  for (const PriorityHosts& priority : set.priorities) {
    for (const Hosts* const hosts : {&priority.healthy, &priority.degraded}) {
      for (const std::shared_ptr<Host>& host : *hosts) {
        const bool late = skipped == 0;
        if (!late) --skipped;
        if ((!late && *before != nullptr) || !good(*host)) continue;
        if (late) return host;
        before = &host;
      }
    }
  }
  return *before;
}

}  // namespace

void LaneBalancer::SetLanes(const Lanes& lanes) {
  lanes_ = &lanes;
  balancers_.SetSets(lanes.sets);
}

LaneBalancer::Choice LaneBalancer::Choose(const PickContext& context) {
  const bool coloured = context.lane != nullptr && !context.lane->labels.empty();
  const LaneChoice choice = coloured ? ChooseFor(context) : lanes_->plain;
  LaneOutcome outcome = choice.outcome;
  const std::shared_ptr<Host>& host = choice.set == Lanes::kNone ? kNoHost : PickFrom(choice.set, context);
  if (host == nullptr) outcome.fit = LaneFit::kRefused;
  if (coloured) {
    Count(outcome);
  } else if (outcome.fit == LaneFit::kFallback) {
    stats_.lane_baseline_on_lanes.Increment();
  }
  return {host, outcome};
}

LaneChoice LaneBalancer::ChooseFor(const PickContext& context) const {
  return ChooseLane(*lanes_, *config_.lanes, *context.lane, [&](size_t set) { return LackOf(set, context); });
}

LaneLack LaneBalancer::LackOf(size_t set, const PickContext& context) const {
  const bool all_will = config_.lanes->max_requests_per_host == 0 && context.tried == nullptr;
  if (all_will) [[likely]] return lanes_->LackOf(set);
  return LackNow(*lanes_, *config_.lanes, set, [&](const Host& host) { return IsTried(host, context); });
}

bool LaneBalancer::IsTried(const Host& host, const PickContext& context) const {
  return context.tried != nullptr && !context.lane->fails_closed && context.tried->Refuses(host);
}

bool LaneBalancer::WillDo(const Host& host, const PickContext& context) const {
  return !IsFull(host, *config_.lanes) && !IsTried(host, context);
}

const std::shared_ptr<Host>& LaneBalancer::PickFrom(size_t set, const PickContext& context) {
  if (context.left_out != nullptr || context.priority) [[unlikely]] {
    PickContext within = context;
    within.left_out = nullptr;
    within.priority = PriorityOf(set, context);
    return PickWithin(set, within);
  }
  return PickWithin(set, context);
}

// Of the set's: as the aggregate says that this cluster is of, if the set has hosts there.
std::optional<PriorityChoice> LaneBalancer::PriorityOf(size_t set, const PickContext& context) const {
  const HostSet& hosts = lanes_->sets[set];
  const bool lane = set != lanes_->plain.set;
  if (context.left_out != nullptr) {
    return ChoosePriority(LoadWithout(PrioritiesOf(hosts), *context.left_out, hosts.load,
                                      lane ? 0 : config_.panic_threshold),
                          context.hash.value_or(parts_.random.Next()) % 100);
  }
  const PriorityChoice& choice = *context.priority;
  if (choice.priority >= hosts.priorities.size()) return std::nullopt;
  const PriorityHosts& there = hosts.priorities[choice.priority];
  const Hosts& some = !lane ? there.hosts : choice.degraded ? there.degraded : there.healthy;
  return some.empty() ? std::nullopt : context.priority;
}

const std::shared_ptr<Host>& LaneBalancer::PickWithin(size_t set, const PickContext& context) {
  const std::shared_ptr<Host>& host =
      PickUnrefused(context, [&](const PickContext& each) -> const std::shared_ptr<Host>& {
        return balancers_.Pick(set, each);
      });
  if (set == lanes_->plain.set || host == nullptr || WillDo(*host, context)) [[likely]] return host;
  // There is one that will: LackOf() has found it.
  const HostSet& hosts = lanes_->sets[set];
  return FindHost(hosts, parts_.random.Below(hosts.hosts.size()),
                  [&](const Host& other) { return WillDo(other, context); });
}

void LaneBalancer::Count(const LaneOutcome& outcome) {
  switch (outcome.fit) {
    case LaneFit::kExact:
      stats_.lane_exact.Increment();
      break;
    case LaneFit::kFallback:
      stats_.lane_fallback.Increment();
      break;
    case LaneFit::kInstead:
      stats_.lane_instead.Increment();
      break;
    case LaneFit::kRefused:
      stats_.lane_refused.Increment();
      break;
    case LaneFit::kNone:
    case LaneFit::kBaseline:
      break;
  }
  if (outcome.lack == LaneLack::kUnhealthy) stats_.lane_unhealthy.Increment();
  if (outcome.lack == LaneLack::kFull) stats_.lane_full.Increment();
}

}  // namespace pillion::upstream
