#include "source/upstream/aggregate.h"

#include <utility>

#include "source/upstream/cluster.h"
#include "source/upstream/lane_choice.h"
#include "source/upstream/lanes.h"

namespace pillion::upstream {

Aggregate::Aggregate(const config::LoadBalancing& config, base::Random& random) : config_(config), random_(random) {}

Aggregate::~Aggregate() = default;

void Aggregate::SetMembers(std::vector<event::Kept<ClusterShard>> members) {
  members_ = std::move(members);
  OnHostsChanged();
}

void Aggregate::OnHostsChanged() {
  levels_.clear();
  priorities_.clear();
  for (const event::Kept<ClusterShard>& member : members_) {
    const HostSet& hosts = member->hosts();
    const std::vector<PriorityHosts>& priorities =
        (hosts.lanes == nullptr ? hosts : hosts.lanes->sets[hosts.lanes->plain.set]).priorities;
    for (uint32_t i = 0; i < priorities.size(); ++i) {
      if (priorities[i].hosts.empty()) continue;
      levels_.push_back({member.get(), i});
      priorities_.push_back(&priorities[i]);
    }
  }
  if (!levels_.empty()) load_ = DistributeLoad(priorities_, {}, config_.panic_threshold);
}

std::optional<Aggregate::Choice> Aggregate::Choose(const PickContext& context) const {
  if (levels_.empty()) return std::nullopt;
  const uint64_t percent = context.hash.value_or(random_.Next()) % 100;
  const PriorityChoice choice =
      context.left_out == nullptr
          ? ChoosePriority(load_, percent)
          : ChoosePriority(LoadWithout(priorities_, *context.left_out, load_, config_.panic_threshold), percent);
  const Level& level = levels_[choice.priority];
  return Choice{level.cluster, {level.priority, choice.degraded}, choice.priority};
}

ClusterShard* Aggregate::WithLane(const PickContext& context) const {
  const auto member = ChooseMember(members_.size(), [&](size_t i) { return members_[i]->LaneOutcomeOf(context); });
  return member ? members_[*member].get() : nullptr;
}

uint32_t Aggregate::LevelOf(const ClusterShard& cluster, uint32_t priority) const {
  for (uint32_t i = 0; i < levels_.size(); ++i) {
    if (levels_[i].cluster == &cluster && levels_[i].priority == priority) return i;
  }
  return static_cast<uint32_t>(levels_.size());  // a priority without any of the baseline
}

PriorityLoad LoadWithout(const Priorities& priorities, const std::vector<bool>& left_out, const PriorityLoad& load,
                         double panic_threshold) {
  uint32_t available = 0;
  for (size_t i = 0; i < priorities.size(); ++i) {
    if (i < left_out.size() && left_out[i]) continue;
    available += priorities[i]->health + priorities[i]->degraded_health;
  }
  return available == 0 ? load : DistributeLoad(priorities, left_out, panic_threshold);
}

// To the first cluster that can take the request in its lane, or in a fallback; else where it would go without.
ClusterShard::Choice ClusterShard::ChooseInAggregate(const PickContext& context) {
  static const std::shared_ptr<Host> none;
  PickContext within = context;
  within.left_out = nullptr;
  if (!context.session_host.empty()) [[unlikely]] {
    // Before any of them is chosen: it may be another one's, or that of one in an aggregate within.
    const auto find_in = [&context](const auto& self, ClusterShard& of) -> std::optional<Choice> {
      if (!of.aggregate_) {
        const std::shared_ptr<Host>* const host = of.SessionHost(context.session_host);
        if (host == nullptr) return std::nullopt;
        return Choice{of, *host, (*host)->priority()};
      }
      for (const std::string& name : of.config().members) {
        ClusterShard* const member = of.names_->Find(name);
        const std::optional<Choice> found = member == nullptr ? std::nullopt : self(self, *member);
        if (found) return Choice{found->cluster, found->host, of.aggregate_->LevelOf(*member, found->level)};
      }
      return std::nullopt;
    };
    if (const std::optional<Choice> found = find_in(find_in, *this)) return *found;
    if (context.only_session_host) {
      stats_.upstream_cx_none_healthy.Increment();
      return {*this, none, 0};
    }
    within.session_host = {};
  }
  if (context.lane != nullptr && !context.lane->labels.empty()) [[unlikely]] {
    if (ClusterShard* const member = aggregate_->WithLane(within)) {
      Choice choice = member->Choose(within);
      choice.level = aggregate_->LevelOf(*member, choice.level);
      return choice;
    }
  }
  const std::optional<Aggregate::Choice> choice = aggregate_->Choose(context);
  if (!choice) {
    stats_.upstream_cx_none_healthy.Increment();
    return {*this, none, 0};
  }
  within.priority = choice->priority;
  const Choice chosen = choice->cluster->Choose(within);
  return {chosen.cluster, chosen.host, choice->level, chosen.lane};
}

}  // namespace pillion::upstream
