// How a cluster's hosts are chosen.

#include <algorithm>

#include "envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.pb.h"
#include "envoy/extensions/load_balancing_policies/least_request/v3/least_request.pb.h"
#include "envoy/extensions/load_balancing_policies/maglev/v3/maglev.pb.h"
#include "envoy/extensions/load_balancing_policies/override_host/v3/override_host.pb.h"
#include "envoy/extensions/load_balancing_policies/random/v3/random.pb.h"
#include "envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.pb.h"
#include "envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.pb.h"
#include "envoy/extensions/load_balancing_policies/subset/v3/subset.pb.h"
#include "envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality.pb.h"
#include "pillion/load_balancing_policies/lanes/v1/lanes.pb.h"
#include "source/config/build.h"
#include "source/config/build_lanes.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::cluster::v3;
namespace policies = envoy::extensions::load_balancing_policies;
using Policy = LoadBalancing::Policy;

bool IsPrime(uint64_t number) {
  for (uint64_t i = 2; i * i <= number; ++i) {
    if (number % i == 0) return false;
  }
  return number >= 2;
}

// The messages of cluster.proto and those of the extensions have the same fields.
template <typename Message>
void BuildSlowStart(BuildContext& context, const Message& from, const std::string& path, SlowStart& to) {
  to.window = ToDuration(from.slow_start_window());
  if (from.has_aggression()) to.aggression = from.aggression().default_value();
  if (!(to.aggression > 0)) {
    context.errors.Add(FieldPath(path, "aggression.default_value"), Concat(to.aggression, ", expected more than 0"));
    to.aggression = 1;
  }
  if (from.has_min_weight_percent()) to.min_weight_percent = from.min_weight_percent().value();
}

template <typename Message>
void BuildLeastRequest(BuildContext& context, const Message& from, const std::string& path, LoadBalancing& to) {
  if (from.has_choice_count()) to.least_request_choices = from.choice_count().value();
  if (from.has_active_request_bias()) to.active_request_bias = from.active_request_bias().default_value();
  if (!(to.active_request_bias >= 0)) {
    context.errors.Add(FieldPath(path, "active_request_bias.default_value"),
                       Concat(to.active_request_bias, ", expected at least 0"));
  }
  if (from.has_slow_start_config()) {
    BuildSlowStart(context, from.slow_start_config(), FieldPath(path, "slow_start_config"), to.slow_start);
  }
}

// Of both messages alike: cluster.proto's, and the policies' own.
template <typename Message>
void BuildZoneAware(const Message& from, LoadBalancing& to) {
  to.fail_traffic_on_panic = from.fail_traffic_on_panic();
  if (!to.zone_aware) return;
  if (from.has_routing_enabled()) to.zone_aware->percent = from.routing_enabled().value();
  if (from.has_min_cluster_size()) to.zone_aware->min_cluster_size = from.min_cluster_size().value();
}

void BuildLocality(const policies::common::v3::LocalityLbConfig& from, LoadBalancing& to) {
  to.locality_weighted = from.has_locality_weighted_lb_config();
  if (from.has_zone_aware_lb_config()) BuildZoneAware(from.zone_aware_lb_config(), to);
}

template <typename Message>
void BuildRingHash(BuildContext& context, const Message& from, const std::string& path, LoadBalancing& to) {
  if (from.has_minimum_ring_size()) to.min_ring_size = from.minimum_ring_size().value();
  if (from.has_maximum_ring_size()) to.max_ring_size = from.maximum_ring_size().value();
  if (to.min_ring_size > to.max_ring_size) {
    context.errors.Add(FieldPath(path, "minimum_ring_size"),
                       Concat(to.min_ring_size, ", expected at most maximum_ring_size, ", to.max_ring_size));
  }
}

template <typename Message>
void BuildMaglev(BuildContext& context, const Message& from, const std::string& path, LoadBalancing& to) {
  if (!from.has_table_size()) return;
  to.maglev_table_size = static_cast<uint32_t>(from.table_size().value());
  if (!IsPrime(to.maglev_table_size)) {
    context.errors.Add(FieldPath(path, "table_size"), Concat(to.maglev_table_size, ", expected a prime"));
  }
}

template <typename Message>
void BuildConsistentHashing(const Message& from, LoadBalancing& to) {
  to.hash_hostname = from.use_hostname_for_hashing();
  if (from.has_hash_balance_factor()) to.hash_balance_percent = from.hash_balance_factor().value();
}

using ReportedMessage = policies::client_side_weighted_round_robin::v3::ClientSideWeightedRoundRobin;

std::shared_ptr<const ReportedWeighting> BuildReportedWeights(BuildContext& context, const ReportedMessage& from,
                                                              const std::string& path) {
  constexpr base::Duration kShortest = std::chrono::milliseconds(100);
  auto to = std::make_shared<ReportedWeighting>();
  if (from.has_blackout_period()) to->blackout = ToDuration(from.blackout_period());
  if (from.has_weight_expiration_period()) to->expiration = ToDuration(from.weight_expiration_period());
  if (from.has_weight_update_period()) to->update = std::max(ToDuration(from.weight_update_period()), kShortest);
  if (from.has_error_utilization_penalty()) to->error_penalty = from.error_utilization_penalty().value();
  if (!(to->error_penalty >= 0)) {
    context.errors.Add(FieldPath(path, "error_utilization_penalty"), Concat(to->error_penalty, ", expected at least 0"));
  }
  const auto& metrics = from.metric_names_for_computing_utilization();
  to->metrics.assign(metrics.begin(), metrics.end());
  return to;
}

uint8_t BuildHealthSet(const envoy::config::core::v3::HealthStatusSet& from) {
  uint8_t to = 0;
  for (const int status : from.statuses()) {
    switch (status) {
      case envoy::config::core::v3::UNHEALTHY:
      case envoy::config::core::v3::TIMEOUT:
        to |= HostOverride::kUnhealthy;
        break;
      case envoy::config::core::v3::DRAINING:
        to |= HostOverride::kDraining;
        break;
      case envoy::config::core::v3::DEGRADED:
        to |= HostOverride::kDegraded;
        break;
      default:  // HEALTHY, and UNKNOWN, which is taken for it
        to |= HostOverride::kHealthy;
    }
  }
  return to;
}

std::shared_ptr<HostOverride> BuildHostOverride(BuildContext& context,
                                                const policies::override_host::v3::OverrideHost& from,
                                                const std::string& path) {
  auto to = std::make_shared<HostOverride>();
  for (int i = 0; i < from.override_host_sources_size(); ++i) {
    const auto& source = from.override_host_sources(i);
    const std::string place = ElementPath(FieldPath(path, "override_host_sources"), i);
    if (source.header().empty() == !source.has_metadata()) {
      context.errors.Add(place, "expected either header or metadata");
    } else if (source.has_metadata()) {
      to->sources.emplace_back(BuildMetadataPath(source.metadata()));
    } else if (!http::FieldName::IsFieldName(source.header())) {
      context.errors.Add(FieldPath(place, "header"), Concat(Quote(source.header()), ", expected a header's name"));
    } else {
      to->sources.emplace_back(http::FieldName(source.header()));
    }
  }
  return to;
}

// Of both messages alike.
template <typename Message>
SubsetConfig::Selector BuildSelector(BuildContext& context, const Message& from, const std::string& path) {
  SubsetConfig::Selector selector;
  const std::set<std::string> keys(from.keys().begin(), from.keys().end());
  selector.keys.assign(keys.begin(), keys.end());
  selector.keys_text = LbCriteria::KeysText(selector.keys);
  selector.single_host = from.single_host_per_subset();
  if (selector.single_host && keys.size() > 1) {
    context.errors.Add(FieldPath(path, "single_host_per_subset"), "expected one key only");
  }
  constexpr SubsetConfig::Fallback kFallbacks[] = {
      SubsetConfig::Fallback::kClusters, SubsetConfig::Fallback::kNone, SubsetConfig::Fallback::kAnyHost,
      SubsetConfig::Fallback::kDefaultSubset, SubsetConfig::Fallback::kFewerKeys};
  selector.fallback = kFallbacks[from.fallback_policy()];
  const std::set<std::string> fewer(from.fallback_keys_subset().begin(), from.fallback_keys_subset().end());
  selector.fallback_keys.assign(fewer.begin(), fewer.end());
  const std::string place = FieldPath(path, "fallback_keys_subset");
  if (from.fallback_policy() != Message::KEYS_SUBSET) {
    if (!fewer.empty()) context.errors.Add(place, "needs fallback_policy KEYS_SUBSET");
  } else if (fewer.empty() || fewer.size() >= keys.size() ||
             !std::includes(keys.begin(), keys.end(), fewer.begin(), fewer.end())) {
    context.errors.Add(place, "expected some of keys, not all of them");
  }
  return selector;
}

template <typename Message>
std::shared_ptr<SubsetConfig> BuildSubsets(BuildContext& context, const Message& from, const std::string& path) {
  auto subsets = std::make_shared<SubsetConfig>();
  constexpr SubsetConfig::Fallback kFallbacks[] = {SubsetConfig::Fallback::kNone, SubsetConfig::Fallback::kAnyHost,
                                                   SubsetConfig::Fallback::kDefaultSubset};
  subsets->fallback = kFallbacks[from.fallback_policy()];
  subsets->default_subset = LbCriteria(BuildMetadataFields(from.default_subset()));
  subsets->locality_weight_aware = from.locality_weight_aware();
  subsets->scale_locality_weight = from.scale_locality_weight();
  if (from.scale_locality_weight() && !from.locality_weight_aware()) {
    context.errors.Add(FieldPath(path, "scale_locality_weight"), "true, but needs locality_weight_aware");
  }
  subsets->panic_mode_any = from.panic_mode_any();
  subsets->list_as_any = from.list_as_any();
  subsets->fallback_list = from.metadata_fallback_policy() == Message::FALLBACK_LIST;
  std::set<std::string> seen;
  for (int i = 0; i < from.subset_selectors_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "subset_selectors"), i);
    SubsetConfig::Selector selector = BuildSelector(context, from.subset_selectors(i), place);
    if (!seen.insert(selector.keys_text).second) {
      context.errors.Add(FieldPath(place, "keys"), "the same keys as an earlier selector's");
    }
    subsets->selectors.push_back(std::move(selector));
  }
  return subsets;
}

// The first policy; there is none that is not known, for the type of each was looked up when it was read.
void BuildPolicyList(BuildContext& context, const v3::LoadBalancingPolicy& from, const std::string& path,
                     LoadBalancing& to, bool within = false) {
  if (from.policies().empty()) return;
  const auto& any = from.policies(0).typed_extension_config().typed_config();
  const std::string place = FieldPath(ElementPath(FieldPath(path, "policies"), 0), "typed_extension_config.typed_config");
  policies::round_robin::v3::RoundRobin round_robin;
  ReportedMessage reported;
  policies::least_request::v3::LeastRequest least_request;
  policies::random::v3::Random random;
  policies::ring_hash::v3::RingHash ring_hash;
  policies::maglev::v3::Maglev maglev;
  policies::wrr_locality::v3::WrrLocality wrr_locality;
  policies::subset::v3::Subset subset;
  policies::override_host::v3::OverrideHost override_host;
  pillion::load_balancing_policies::lanes::v1::Lanes lanes;
  if (any.UnpackTo(&round_robin)) {
    to.policy = Policy::kRoundRobin;
    if (round_robin.has_slow_start_config()) {
      BuildSlowStart(context, round_robin.slow_start_config(), FieldPath(place, "slow_start_config"), to.slow_start);
    }
    BuildLocality(round_robin.locality_lb_config(), to);
  } else if (any.UnpackTo(&reported)) {
    to.policy = Policy::kRoundRobin;
    to.reported_weights = BuildReportedWeights(context, reported, place);
  } else if (any.UnpackTo(&least_request)) {
    to.policy = Policy::kLeastRequest;
    BuildLeastRequest(context, least_request, place, to);
    BuildLocality(least_request.locality_lb_config(), to);
  } else if (any.UnpackTo(&random)) {
    to.policy = Policy::kRandom;
    BuildLocality(random.locality_lb_config(), to);
  } else if (any.UnpackTo(&ring_hash)) {
    to.policy = Policy::kRingHash;
    BuildRingHash(context, ring_hash, place, to);
    to.murmur = ring_hash.hash_function() == policies::ring_hash::v3::RingHash::MURMUR_HASH_2;
    BuildConsistentHashing(ring_hash.consistent_hashing_lb_config(), to);
    to.locality_weighted = ring_hash.has_locality_weighted_lb_config();
  } else if (any.UnpackTo(&maglev)) {
    to.policy = Policy::kMaglev;
    BuildMaglev(context, maglev, place, to);
    BuildConsistentHashing(maglev.consistent_hashing_lb_config(), to);
    to.locality_weighted = maglev.has_locality_weighted_lb_config();
  } else if (any.UnpackTo(&wrr_locality)) {
    BuildPolicyList(context, wrr_locality.endpoint_picking_policy(), FieldPath(place, "endpoint_picking_policy"), to,
                    true);
    to.locality_weighted = true;
  } else if (any.UnpackTo(&lanes)) {
    if (to.lanes != nullptr) context.errors.Add(place, "lanes within lanes");
    to.lanes = BuildLanes(context, lanes, place);
    BuildPolicyList(context, lanes.endpoint_picking_policy(), FieldPath(place, "endpoint_picking_policy"), to, true);
  } else if (any.UnpackTo(&subset)) {
    if (to.subsets != nullptr) context.errors.Add(place, "Subset, expected no other one, nor lb_subset_config");
    std::shared_ptr<SubsetConfig> subsets = BuildSubsets(context, subset, place);
    subsets->allow_redundant_keys = subset.allow_redundant_keys();
    to.subsets = std::move(subsets);
    BuildPolicyList(context, subset.subset_lb_policy(), FieldPath(place, "subset_lb_policy"), to, true);
  } else if (any.UnpackTo(&override_host)) {
    if (within) context.errors.Add(place, "OverrideHost, expected it to be the outermost policy");
    to.host_override = BuildHostOverride(context, override_host, place);
    BuildPolicyList(context, override_host.fallback_policy(), FieldPath(place, "fallback_policy"), to, true);
  } else {
    context.errors.AddMissing(place, place, WrongType(any, "RoundRobin, LeastRequest, Random, RingHash, Maglev, "
                                                           "WrrLocality, Subset, OverrideHost or Lanes"));
  }
}

void BuildCommon(const v3::Cluster::CommonLbConfig& from, LoadBalancing& to) {
  if (from.has_healthy_panic_threshold()) to.panic_threshold = from.healthy_panic_threshold().value();
  if (from.has_locality_weighted_lb_config()) to.locality_weighted = true;
  if (from.has_zone_aware_lb_config()) BuildZoneAware(from.zone_aware_lb_config(), to);
  if (from.has_consistent_hashing_lb_config()) BuildConsistentHashing(from.consistent_hashing_lb_config(), to);
}

}  // namespace

LoadBalancing BuildLoadBalancing(BuildContext& context, const v3::Cluster& from, const std::string& path) {
  LoadBalancing to;
  if (!context.local_cluster.empty()) {
    const auto& own = context.node.locality();
    to.zone_aware = {.proxies = context.local_cluster, .own = {own.region(), own.zone(), own.sub_zone()}};
  }
  switch (from.lb_policy()) {
    case v3::Cluster::LEAST_REQUEST:
      to.policy = Policy::kLeastRequest;
      break;
    case v3::Cluster::RING_HASH:
      to.policy = Policy::kRingHash;
      break;
    case v3::Cluster::RANDOM:
      to.policy = Policy::kRandom;
      break;
    case v3::Cluster::MAGLEV:
      to.policy = Policy::kMaglev;
      break;
    default:  // ROUND_ROBIN; CLUSTER_PROVIDED, with which there is nothing to choose
      break;
  }
  const auto needs = [&](Policy policy, std::string_view field, std::string_view name) {
    if (to.policy != policy) context.errors.Add(FieldPath(path, field), Concat("needs lb_policy ", name));
  };
  switch (from.lb_config_case()) {
    case v3::Cluster::kRoundRobinLbConfig:
      needs(Policy::kRoundRobin, "round_robin_lb_config", "ROUND_ROBIN");
      if (from.round_robin_lb_config().has_slow_start_config()) {
        BuildSlowStart(context, from.round_robin_lb_config().slow_start_config(),
                       FieldPath(path, "round_robin_lb_config.slow_start_config"), to.slow_start);
      }
      break;
    case v3::Cluster::kLeastRequestLbConfig:
      needs(Policy::kLeastRequest, "least_request_lb_config", "LEAST_REQUEST");
      BuildLeastRequest(context, from.least_request_lb_config(), FieldPath(path, "least_request_lb_config"), to);
      break;
    case v3::Cluster::kRingHashLbConfig:
      needs(Policy::kRingHash, "ring_hash_lb_config", "RING_HASH");
      BuildRingHash(context, from.ring_hash_lb_config(), FieldPath(path, "ring_hash_lb_config"), to);
      to.murmur = from.ring_hash_lb_config().hash_function() == v3::Cluster::RingHashLbConfig::MURMUR_HASH_2;
      break;
    case v3::Cluster::kMaglevLbConfig:
      needs(Policy::kMaglev, "maglev_lb_config", "MAGLEV");
      BuildMaglev(context, from.maglev_lb_config(), FieldPath(path, "maglev_lb_config"), to);
      break;
    case v3::Cluster::kOriginalDstLbConfig:  // build_cluster.cc
    case v3::Cluster::LB_CONFIG_NOT_SET:
      break;
  }
  BuildCommon(from.common_lb_config(), to);
  if (from.has_lb_subset_config()) {
    to.subsets = BuildSubsets(context, from.lb_subset_config(), FieldPath(path, "lb_subset_config"));
  }
  if (from.has_load_balancing_policy()) {
    BuildPolicyList(context, from.load_balancing_policy(), FieldPath(path, "load_balancing_policy"), to);
  } else if (from.lb_policy() == v3::Cluster::LOAD_BALANCING_POLICY_CONFIG) {
    context.errors.AddMissing(path, FieldPath(path, "load_balancing_policy"), "missing, but lb_policy asks for it");
  }
  if (from.common_lb_config().has_override_host_status()) {
    to.session_health = BuildHealthSet(from.common_lb_config().override_host_status());
  }
  if (from.common_lb_config().has_override_host_status() && to.host_override != nullptr) {
    auto named = std::make_shared<HostOverride>(*to.host_override);
    named->health = to.session_health;
    to.host_override = std::move(named);
  }
  const bool own_hosts = from.lb_policy() != v3::Cluster::CLUSTER_PROVIDED;
  if (to.lanes == nullptr && to.subsets == nullptr && own_hosts) to.lanes = context.default_lanes;
  if (to.lanes != nullptr && (to.subsets != nullptr || !own_hosts)) {
    context.errors.Add(FieldPath(path, "load_balancing_policy"),
                       to.subsets != nullptr
                           ? "lanes, expected none beside subsets"
                           : "lanes, expected none with CLUSTER_PROVIDED: clusters of endpoints have them");
  }
  if (to.locality_weighted || to.hashes()) to.zone_aware.reset();
  return to;
}

}  // namespace pillion::config
