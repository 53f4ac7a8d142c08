#pragma once

// Chooses the next host of a cluster that has lanes, on one worker: first the lane, then a host of it by a balancer as any.
//
// A lane that has no host left where no earlier attempt of the same request has failed is as good as unhealthy, unless the
// request may go nowhere else; one whose hosts have as many requests in flight as they may have is full.

#include "source/upstream/lane_stats.h"
#include "source/upstream/lanes.h"
#include "source/upstream/set_balancers.h"

namespace pillion::upstream {

class LaneBalancer {
 public:
  LaneBalancer(const config::LoadBalancing& config, const BalancerParts& parts, const LaneStats& stats)
      : config_(config), parts_(parts), stats_(stats), balancers_(config, parts) {}

  // The caller keeps the lanes until the next call.
  void SetLanes(const Lanes& lanes);

  struct Choice {
    const std::shared_ptr<Host>& host;  // null: there is none
    LaneOutcome outcome;
  };
  Choice Choose(const PickContext& context);
  // Where a request that has a colour would go now; nothing is counted.
  LaneOutcome OutcomeOf(const PickContext& context) const { return ChooseFor(context).outcome; }

 private:
  // Of a request that has a colour.
  LaneChoice ChooseFor(const PickContext& context) const;
  LaneLack LackOf(size_t set, const PickContext& context) const;
  bool IsTried(const Host& host, const PickContext& context) const;
  bool WillDo(const Host& host, const PickContext& context) const;
  const std::shared_ptr<Host>& PickFrom(size_t set, const PickContext& context);
  std::optional<PriorityChoice> PriorityOf(size_t set, const PickContext& context) const;
  const std::shared_ptr<Host>& PickWithin(size_t set, const PickContext& context);
  void Count(const LaneOutcome& outcome);

  const config::LoadBalancing& config_;
  const BalancerParts parts_;
  LaneStats stats_;
  const Lanes* lanes_ = nullptr;
  SetBalancers balancers_;
};

}  // namespace pillion::upstream
