#include "source/explain/hosts.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "source/explain/texts.h"
#include "source/upstream/host_set.h"
#include "source/upstream/lane_choice.h"
#include "source/upstream/lane_text.h"
#include "source/upstream/subset_choice.h"

namespace pillion::explain {
namespace {

using upstream::Host;
using upstream::Hosts;
using upstream::HostSet;
using upstream::PriorityHosts;

constexpr size_t kMostHosts = 20;  // of one group, that are shown

void DescribeHost(const Host& host, Answer& answer) {
  answer.Text("address", host.address_text());
  if (!host.hostname().empty()) answer.Text("hostname", host.hostname());
  answer.Text("health", std::string(HealthText(host.health())));
  answer.Number("weight", host.weight());
  const std::string locality = LocalityText(host.locality());
  if (!locality.empty()) answer.Text("locality", locality);
  answer.Number("active_requests", static_cast<int64_t>(host.Sum(upstream::HostFigures::kRqActive)));
}

// Hosts that get a part of the requests.
struct Group {
  const PriorityHosts* priority;
  uint32_t number;
  uint32_t percent;
  bool degraded;
  bool panic;

  const Hosts& hosts() const { return panic ? priority->hosts : degraded ? priority->degraded : priority->healthy; }
};

std::vector<Group> GroupsOf(const upstream::Priorities& priorities, const upstream::PriorityLoad& load) {
  std::vector<Group> groups;
  for (const bool degraded : {false, true}) {
    for (uint32_t i = 0; i < priorities.size(); ++i) {
      const upstream::PriorityLoad::Share& share = load.shares[i];
      const uint32_t percent = degraded ? share.degraded : share.healthy;
      if (percent > 0) groups.push_back({priorities[i], i, percent, degraded, share.panic});
    }
  }
  return groups;
}

void DescribeGroup(const Group& group, Answer& answer) {
  answer.Number("priority", group.number);
  answer.Text("share", PercentText(group.percent, 100));
  answer.Text("hosts", group.panic      ? "all, whatever their health: too few are healthy"
                       : group.degraded ? "degraded"
                                        : "healthy");
  Answer::List& endpoints = answer.Elements("endpoints");
  size_t count = 0;
  for (const std::shared_ptr<Host>& host : group.hosts()) {
    if (++count > kMostHosts) continue;
    DescribeHost(*host, endpoints.Object());
  }
  if (count > kMostHosts) answer.Number("more", static_cast<int64_t>(count - kMostHosts));
}

// Those that get nothing, and why.
void DescribeOthers(const HostSet& set, const std::vector<Group>& groups, Answer::List& others) {
  absl::flat_hash_set<const Host*> used;
  for (const Group& group : groups) {
    for (const std::shared_ptr<Host>& host : group.hosts()) used.insert(host.get());
  }
  size_t count = 0;
  for (const std::shared_ptr<Host>& host : set.hosts) {
    if (used.contains(host.get()) || ++count > kMostHosts) continue;
    others.Text(fmt::format("{}: {}, priority {}", host->address_text(), HealthText(host->health()), host->priority()));
  }
  if (count > kMostHosts) others.Text(fmt::format("and {} more", count - kMostHosts));
}

// As Balancer has it: the same number says priority and host.
std::optional<std::string> ByHash(const HostSet& set, const config::LoadBalancing& config, uint64_t hash, Answer& answer) {
  const upstream::PriorityChoice choice = upstream::ChoosePriority(set.load, hash % 100);
  const upstream::HashTable* const table = set.priorities[choice.priority].table.get();
  const upstream::HashTable::Member* const meant = table == nullptr ? nullptr : table->Find(hash, 0);
  answer.Text("hash", fmt::format("{:016x}", hash));
  if (meant == nullptr) return std::nullopt;
  DescribeHost(*meant->host, answer.Object("endpoint"));
  if (config.hash_balance_percent > 0) {
    answer.Text("note",
                fmt::format("another one while it has more than {} % of the mean load", config.hash_balance_percent));
  }
  return meant->host->address_text();
}

std::optional<std::string> CountText(const std::vector<Group>& groups) {
  const Host* only = nullptr;
  size_t count = 0;
  for (const Group& group : groups) {
    for (const std::shared_ptr<Host>& host : group.hosts()) {
      only = host.get();
      ++count;
    }
  }
  if (count == 1) return only->address_text();
  if (count == 0) return std::nullopt;
  return fmt::format("one of {} endpoints", count);
}

std::optional<std::string> DescribeSet(const HostSet& set, const config::LoadBalancing& config, const Wanted& wanted,
                                       Answer& answer) {
  answer.Text("policy", std::string(PolicyText(config.policy)));
  if (set.hosts.empty()) {
    answer.Text("note", "there are no hosts");
    return std::nullopt;
  }
  const std::vector<Group> groups = GroupsOf(upstream::PrioritiesOf(set), set.load);
  const bool fails = config.fail_traffic_on_panic &&
                     std::ranges::all_of(groups, [](const Group& group) { return group.panic; });
  if (fails) {
    answer.Text("note", "too few are healthy, and fail_traffic_on_panic is set");
    DescribeOthers(set, {}, answer.Elements("not_used"));
    return std::nullopt;
  }
  if (config.hashes() && wanted.hash) return ByHash(set, config, *wanted.hash, answer);
  if (config.hashes()) answer.Text("hash", "none: no hash policy finds anything, so chance decides");
  if (config.locality_weighted) answer.Text("localities", "weighted");
  Answer::List& shown = answer.Elements("groups");
  for (const Group& group : groups) DescribeGroup(group, shown.Object());
  DescribeOthers(set, groups, answer.Elements("not_used"));
  return CountText(groups);
}

std::string CriteriaText(const config::LbCriteriaView& criteria) {
  std::string keys;
  for (const config::LbCriteriaView::Part& part : criteria.parts) {
    keys += fmt::format("{}{}", keys.empty() ? "" : ", ", part.key);
  }
  return keys;
}

// Of several that the criteria ask for, one after the other, the first that is there.
upstream::SubsetChoice FirstSubset(const upstream::Subsets& subsets, const config::SubsetConfig& config,
                                   const config::LbCriteriaView& criteria) {
  if (!config.fallback_list || criteria.alternatives == nullptr) return ChooseSubset(subsets, config, criteria);
  upstream::SubsetChoice choice;
  for (size_t i = 0; i < criteria.alternatives_count && choice.subset == upstream::Subsets::kNone; ++i) {
    choice = ChooseSubset(subsets, config, upstream::CriteriaOver(criteria, criteria.alternatives[i]).view());
  }
  return choice;
}

std::optional<std::string> DescribeSubset(const HostSet& set, const config::LoadBalancing& config, const Wanted& wanted,
                                          Answer& answer) {
  const upstream::Subsets& subsets = *set.subsets;
  upstream::SubsetChoice choice = FirstSubset(subsets, *config.subsets, wanted.criteria);
  std::string text = choice.selected ? "chosen by the metadata that is asked for"
                                     : "none has the metadata that is asked for; the fallback decides";
  if (wanted.criteria.empty()) text = "no metadata is asked for; the fallback decides";
  Answer& shown = answer.Object("subset");
  if (!wanted.criteria.empty()) shown.Text("keys", CriteriaText(wanted.criteria));
  const bool none = choice.subset == upstream::Subsets::kNone;
  if (none && choice.may_panic) {
    choice.subset = subsets.any;
    text += ", and as that has no host, any will do";
  }
  shown.Text("choice", text);
  if (choice.subset == upstream::Subsets::kNone) return std::nullopt;
  shown.Number("hosts", static_cast<int64_t>(subsets.sets[choice.subset].hosts.size()));
  return DescribeSet(subsets.sets[choice.subset], config, wanted, answer);
}

std::string LaneText(const upstream::LaneOutcome& outcome) {
  using Fit = upstream::LaneFit;
  constexpr std::string_view kLacks[] = {"", "has no hosts", "is unhealthy", "is full"};
  const std::string_view lack = kLacks[static_cast<size_t>(outcome.lack)];
  if (outcome.fit == Fit::kExact) return "the lane of its colour";
  if (outcome.fit == Fit::kRefused) return fmt::format("none, as the lane of its colour {} and it fails closed", lack);
  if (outcome.fit == Fit::kFallback) return fmt::format("a fallback, as the lane of its colour {}", lack);
  return fmt::format("the baseline, as the lane of its colour {}", lack);
}

upstream::LaneChoice ChooseLane(const upstream::Lanes& lanes, const config::LoadBalancing& config, const Wanted& wanted) {
  const auto lack_of = [&](size_t lane) {
    return upstream::LackNow(lanes, *config.lanes, lane, [](const Host&) { return false; });
  };
  return upstream::ChooseLane(lanes, *config.lanes, wanted.lane, lack_of);
}

std::optional<std::string> DescribeLane(const HostSet& set, const config::LoadBalancing& config, const Wanted& wanted,
                                        Answer& answer) {
  const upstream::Lanes& lanes = *set.lanes;
  const upstream::LaneChoice choice = ChooseLane(lanes, config, wanted);
  Answer& shown = answer.Object("lane");
  const std::string colour = upstream::LabelsText(wanted.lane.labels);
  shown.Text("colour", colour.empty() ? "none" : colour);
  if (!colour.empty()) {
    shown.Text("choice", LaneText(choice.outcome));
  } else {
    const bool lent = choice.outcome.fit == upstream::LaneFit::kFallback;
    shown.Text("choice", lent ? "all hosts, as none of the baseline is healthy" : "the baseline");
  }
  const bool none = choice.set == upstream::Lanes::kNone;
  if (!none) shown.Number("hosts", static_cast<int64_t>(lanes.sets[choice.set].hosts.size()));
  Answer::List& names = shown.Elements("lanes");
  for (size_t i = 0; i < lanes.names.size() && i < kMostHosts; ++i) names.Text(lanes.names[i]);
  if (none) return std::nullopt;
  return DescribeSet(lanes.sets[choice.set], config, wanted, answer);
}

// Null: health decides.
const upstream::Cluster* WithLane(const std::vector<std::string>& names, const Wanted& wanted, const Running& running) {
  if (wanted.lane.labels.empty()) return nullptr;
  std::vector<const upstream::Cluster*> members;
  for (const std::string& name : names) {
    if (const upstream::Cluster* const member = running.cluster(name)) members.push_back(member);
  }
  const auto chosen = upstream::ChooseMember(members.size(), [&](size_t i) -> std::optional<upstream::LaneOutcome> {
    const std::shared_ptr<const HostSet> hosts = members[i]->hosts();
    if (hosts->lanes == nullptr) return std::nullopt;
    return ChooseLane(*hosts->lanes, members[i]->config().load_balancing, wanted).outcome;
  });
  return chosen ? members[*chosen] : nullptr;
}

std::optional<std::string> DescribeAggregate(const upstream::Cluster& cluster, const Wanted& wanted, const Running& running,
                                             Answer& answer) {
  if (const upstream::Cluster* const member = WithLane(cluster.config().members, wanted, running)) {
    answer.Text("cluster", member->config().name);
    const std::shared_ptr<const HostSet> set = member->hosts();
    return DescribeLane(*set, member->config().load_balancing, wanted, answer);
  }
  std::vector<std::string> names;  // of the cluster that each level is of
  std::vector<std::shared_ptr<const HostSet>> kept;
  upstream::Priorities levels;
  for (const std::string& name : cluster.config().members) {
    const upstream::Cluster* const member = running.cluster(name);
    if (member == nullptr) continue;
    kept.push_back(member->hosts());
    const HostSet& hosts = *kept.back();
    for (const PriorityHosts& priority :
         (hosts.lanes == nullptr ? hosts : hosts.lanes->sets[hosts.lanes->plain.set]).priorities) {
      if (priority.hosts.empty()) continue;
      levels.push_back(&priority);
      names.push_back(name);
    }
  }
  if (levels.empty()) return std::nullopt;
  const upstream::PriorityLoad load = upstream::DistributeLoad(levels, {}, cluster.config().load_balancing.panic_threshold);
  const std::vector<Group> groups = GroupsOf(levels, load);
  Answer::List& shown = answer.Elements("groups");
  for (const Group& group : groups) {
    Answer& object = shown.Object();
    object.Text("cluster", names[group.number]);
    DescribeGroup(group, object);
  }
  return CountText(groups);
}

}  // namespace

std::optional<std::string> DescribeHosts(const upstream::Cluster& cluster, const Wanted& wanted, const Running& running,
                                         Answer& answer) {
  using Discovery = config::Cluster::Discovery;
  const config::Cluster& config = cluster.config();
  if (config.discovery == Discovery::kOriginalDst) {
    answer.Text("policy", "where the connection was meant to go");
    if (wanted.original_destination.empty()) {
      answer.Text("note", "the question does not say where: it has no destination");
      return std::nullopt;
    }
    return wanted.original_destination;
  }
  if (config.discovery == Discovery::kAggregate) return DescribeAggregate(cluster, wanted, running, answer);
  const std::shared_ptr<const HostSet> set = cluster.hosts();
  if (set->drop.numerator > 0) {
    answer.Text("dropped", fmt::format("{} of the requests are answered with 503, as the endpoints' drop_overloads say",
                                       PercentText(set->drop.numerator, set->drop.denominator)));
  }
  if (set->subsets != nullptr) return DescribeSubset(*set, config.load_balancing, wanted, answer);
  if (set->lanes != nullptr) return DescribeLane(*set, config.load_balancing, wanted, answer);
  return DescribeSet(*set, config.load_balancing, wanted, answer);
}

}  // namespace pillion::explain
