#include "source/upstream/subset_balancer.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "source/upstream/cluster.h"
#include "test/support/simulation.h"

namespace pillion::upstream {
namespace {

using Fallback = config::SubsetConfig::Fallback;
using Values = config::MetadataValue::Struct;

config::MetadataValue Text(const char* text) { return {std::string(text)}; }

class SubsetTest : public testing::Test {
 public:
  SubsetTest() {
    config.subsets = subsets;
    Select({"version"});
    Select({"stage", "version"});
    Add({{"version", Text("1")}, {"stage", Text("prod")}});  // 10.0.0.1
    Add({{"version", Text("2")}, {"stage", Text("prod")}});  // 10.0.0.2
    Add({{"version", Text("2")}, {"stage", Text("test")}});  // 10.0.0.3
    Add({});                                                 // 10.0.0.4
  }

  config::SubsetConfig::Selector& Select(std::vector<std::string> keys) {
    config::SubsetConfig::Selector& selector = subsets->selectors.emplace_back();
    selector.keys_text = config::LbCriteria::KeysText(keys);
    selector.keys = std::move(keys);
    return selector;
  }
  void Add(Values values) {
    config::Endpoint endpoint;
    auto metadata = std::make_shared<config::Metadata>();
    metadata->namespaces["envoy.lb"] = std::move(values);
    endpoint.metadata = metadata;
    const std::string ip = "10.0.0." + std::to_string(hosts.size() + 1);
    hosts.push_back(std::make_shared<Host>(*net::Address::Ip(ip, 80), endpoint, 1));
  }
  // The last numbers of the addresses that requests with these criteria go to; 0: none.
  std::set<int> Picks(const Values& values, std::map<int, int>* shares = nullptr) {
    auto shared = std::make_shared<config::Cluster>();
    shared->name = shared->stat_name = "be";
    stats::Registry registry(1);
    Cluster cluster(shared, registry);
    ClusterStats stats(cluster.stat_ids(), registry.shard(0));
    const HostSet set = MakeHostSet(hosts, config, {});
    const std::shared_ptr<const HostSet> no_proxies;
    SubsetBalancer balancer(config, BalancerParts{simulation.worker(0), random, stats, cluster.breakers(), no_proxies});
    balancer.SetSubsets(*set.subsets);
    const config::LbCriteria criteria(values);
    std::set<int> picks;
    for (int i = 0; i < 20; ++i) {
      const auto& host = balancer.Pick({.criteria = criteria.view()});
      const int number = host == nullptr ? 0 : host->address_text()[7] - '0';
      picks.insert(number);
      if (shares != nullptr) ++(*shares)[number];
    }
    selected = stats.lb_subsets_selected.value();
    fallback = stats.lb_subsets_fallback.value();
    fallback_panic = stats.lb_subsets_fallback_panic.value();
    return picks;
  }

  test::Simulation simulation{1};
  base::Random random{1};
  std::shared_ptr<config::SubsetConfig> subsets = std::make_shared<config::SubsetConfig>();
  config::LoadBalancing config;
  Hosts hosts;
  uint64_t selected = 0;
  uint64_t fallback = 0;
  uint64_t fallback_panic = 0;
};

using Picked = std::set<int>;

TEST_F(SubsetTest, HostsWithAllOfTheValues) {
  EXPECT_EQ(Picks({{"version", Text("1")}}), Picked{1});
  EXPECT_EQ(selected, 20u);
  EXPECT_EQ(Picks({{"version", Text("2")}}), (Picked{2, 3}));
  EXPECT_EQ(Picks({{"version", Text("2")}, {"stage", Text("test")}}), Picked{3});
}

TEST_F(SubsetTest, NoFallback) {
  EXPECT_EQ(Picks({{"version", Text("3")}}), Picked{0});
  EXPECT_EQ(Picks({{"stage", Text("prod")}}), Picked{0}) << "no selector has this key alone";
  EXPECT_EQ(Picks({{"version", {2.0}}}), Picked{0}) << "a number is no text";
  EXPECT_EQ(Picks({}), Picked{0});
  EXPECT_EQ(selected + fallback, 0u);
}

TEST_F(SubsetTest, FallbackToAnyOrDefault) {
  subsets->fallback = Fallback::kAnyHost;
  EXPECT_EQ(Picks({{"version", Text("3")}}), (Picked{1, 2, 3, 4}));
  EXPECT_EQ(fallback, 20u);
  EXPECT_EQ(Picks({}), (Picked{1, 2, 3, 4}));
  subsets->fallback = Fallback::kDefaultSubset;
  subsets->default_subset = config::LbCriteria(Values{{"stage", Text("prod")}});
  EXPECT_EQ(Picks({{"version", Text("3")}}), (Picked{1, 2}));
  subsets->default_subset = config::LbCriteria(Values{{"stage", Text("none")}});
  EXPECT_EQ(Picks({{"version", Text("3")}}), Picked{0});
  subsets->panic_mode_any = true;
  EXPECT_EQ(Picks({{"version", Text("3")}}), (Picked{1, 2, 3, 4}));
  EXPECT_EQ(fallback_panic, 20u);
  for (const auto& host : hosts) host->SetFlags(kFailedActiveCheck);
  config.panic_threshold = 0;
  EXPECT_EQ(Picks({{"version", Text("3")}}), Picked{0});
  EXPECT_EQ(fallback_panic, 0u) << "there was no host for them";
}

TEST_F(SubsetTest, FallbackOfASelector) {
  subsets->fallback = Fallback::kAnyHost;
  subsets->selectors[0].fallback = Fallback::kNone;
  subsets->selectors[1].fallback = Fallback::kFewerKeys;
  subsets->selectors[1].fallback_keys = {"version"};
  EXPECT_EQ(Picks({{"version", Text("3")}}), Picked{0});
  subsets->selectors[0].fallback = Fallback::kAnyHost;
  EXPECT_EQ(Picks({{"version", Text("3")}}), (Picked{1, 2, 3, 4}));
  EXPECT_EQ(fallback, 0u) << "the cluster's fallback is counted only";
  subsets->selectors[0].fallback = Fallback::kNone;
  EXPECT_EQ(Picks({{"version", Text("1")}, {"stage", Text("test")}}), Picked{1});
  EXPECT_EQ(Picks({{"version", Text("3")}, {"stage", Text("test")}}), Picked{0}) << "by the one with fewer keys";
  EXPECT_EQ(Picks({{"colour", Text("red")}}), (Picked{1, 2, 3, 4})) << "no selector's keys: the cluster's";
}

TEST_F(SubsetTest, ListsAndSingleHosts) {
  Add({{"version", {config::MetadataValue::List{Text("1"), Text("7")}}}});  // 10.0.0.5
  EXPECT_EQ(Picks({{"version", Text("7")}}), Picked{0});
  subsets->list_as_any = true;
  EXPECT_EQ(Picks({{"version", Text("7")}}), Picked{5});
  EXPECT_EQ(Picks({{"version", Text("1")}}), (Picked{1, 5}));
  subsets->selectors[0].single_host = true;
  EXPECT_EQ(Picks({{"version", Text("2")}}), Picked{2});
}

TEST_F(SubsetTest, LocalityWeightsWithinASubset) {
  // No locality has a weight, so that where weights count, there is nothing to choose from but all.
  config.locality_weighted = true;
  const HostSet unaware = MakeHostSet(hosts, config, {});
  config::Endpoint heavy;
  heavy.locality_weight = 5;
  for (const auto& host : hosts) host->Update(heavy);
  subsets->locality_weight_aware = true;
  const HostSet aware = MakeHostSet(hosts, config, {});
  EXPECT_EQ(unaware.subsets->sets[0].priorities[0].localities[0].healthy_weight, 0);
  EXPECT_EQ(aware.subsets->sets[0].priorities[0].localities[0].healthy_weight, 5);
  EXPECT_EQ(Picks({{"version", Text("2")}}), (Picked{2, 3}));
}

TEST_F(SubsetTest, LocalityWeightsThatDoNotCountWithinASubset) {
  hosts.clear();
  for (const uint32_t weight : {1, 99}) {
    config::Endpoint endpoint;
    endpoint.locality.zone = weight == 1 ? "a" : "b";
    endpoint.locality_weight = weight;
    auto metadata = std::make_shared<config::Metadata>();
    metadata->namespaces["envoy.lb"]["version"] = Text("2");
    endpoint.metadata = metadata;
    const std::string ip = "10.0.0." + std::to_string(hosts.size() + 1);
    hosts.push_back(std::make_shared<Host>(*net::Address::Ip(ip, 80), endpoint, 1));
  }
  config.locality_weighted = true;
  std::map<int, int> shares;
  (void)Picks({{"version", Text("2")}}, &shares);
  EXPECT_EQ(shares, (std::map<int, int>{{1, 10}, {2, 10}}));
  subsets->locality_weight_aware = true;
  shares.clear();
  (void)Picks({{"version", Text("2")}}, &shares);
  EXPECT_GT(shares[2], 18);
}

TEST_F(SubsetTest, LocalitiesByWhatOfThemIsInTheSubset) {
  hosts.clear();
  // Of two localities of the same weight, one has a quarter of its hosts in the subset, the other one all.
  for (int i = 0; i < 5; ++i) {
    config::Endpoint endpoint;
    endpoint.locality.zone = i < 4 ? "a" : "b";
    endpoint.locality_weight = 10;
    auto metadata = std::make_shared<config::Metadata>();
    metadata->namespaces["envoy.lb"]["version"] = Text(i == 0 || i == 4 ? "2" : "1");
    endpoint.metadata = metadata;
    const std::string ip = "10.0.0." + std::to_string(i + 1);
    hosts.push_back(std::make_shared<Host>(*net::Address::Ip(ip, 80), endpoint, 1));
  }
  config.locality_weighted = true;
  subsets->locality_weight_aware = true;
  const auto weights = [&] {
    const HostSet set = MakeHostSet(hosts, config, {});
    std::vector<uint32_t> weights;
    const size_t subset = set.subsets->Find(config::LbCriteria(Values{{"version", Text("2")}}).text());
    for (const LocalityHosts& locality : set.subsets->sets[subset].priorities[0].localities) {
      weights.push_back(locality.weight);
    }
    return weights;
  };
  EXPECT_EQ(weights(), (std::vector<uint32_t>{10, 10}));
  subsets->scale_locality_weight = true;
  EXPECT_EQ(weights(), (std::vector<uint32_t>{3, 10})) << "2.5, rounded";
}

TEST_F(SubsetTest, KeysThatNoSelectorHas) {
  const Values more = {{"version", Text("2")}, {"other", Text("x")}};
  EXPECT_EQ(Picks(more), Picked{0});
  subsets->allow_redundant_keys = true;
  EXPECT_EQ(Picks(more), (Picked{2, 3}));
  EXPECT_EQ(selected, 20u);
  EXPECT_EQ(Picks({{"version", Text("2")}, {"other", Text("x")}, {"stage", Text("test")}}), Picked{3})
      << "the selector with the most keys";
  EXPECT_EQ(Picks({{"other", Text("x")}}), Picked{0});
  EXPECT_EQ(Picks({{"version", Text("9")}, {"other", Text("x")}}), Picked{0});
}

// A list of what else to ask for.
template <typename... Each>
config::MetadataValue Either(Each... each) {
  config::MetadataValue::List list;
  (list.push_back(config::MetadataValue{std::move(each)}), ...);
  return {std::move(list)};
}

TEST_F(SubsetTest, AListOfWhatElseToAskFor) {
  const Values one = {{"version", Text("1")}}, two = {{"version", Text("2")}}, nine = {{"version", Text("9")}};
  const Values wanted = {{"stage", Text("test")}, {"fallback_list", Either(nine, two)}};
  EXPECT_EQ(Picks(wanted), Picked{0}) << "a key as any, without the policy";
  subsets->fallback_list = true;
  EXPECT_EQ(Picks(wanted), Picked{3}) << "stage test, version 2";
  EXPECT_EQ(Picks({{"fallback_list", Either(nine, one)}}), Picked{1});
  EXPECT_EQ(Picks({{"version", Text("1")}, {"fallback_list", Either(two)}}), (Picked{2, 3})) << "over the rest";
  EXPECT_EQ(Picks({{"version", Text("1")}, {"fallback_list", Either()}}), Picked{1});
  EXPECT_EQ(Picks({{"fallback_list", Either(nine)}}), Picked{0});
  EXPECT_EQ(Picks(two), (Picked{2, 3}));
  hosts[2]->SetFlags(kFailedOutlierCheck);
  config.panic_threshold = 0;
  const Values third = {{"version", Text("2")}, {"stage", Text("test")}};
  EXPECT_EQ(Picks({{"fallback_list", Either(third, one)}}), Picked{1}) << "what is tried first has no healthy host";
}

TEST_F(SubsetTest, HealthWithinASubset) {
  hosts[1]->SetFlags(kFailedOutlierCheck);
  EXPECT_EQ(Picks({{"version", Text("2")}}), Picked{3});
}

TEST(LbCriteria, TheListOfOthersIsTheLastOnes) {
  const Values a = {{"v", Text("1")}}, b = {{"v", Text("2")}}, other = {{"w", Text("3")}};
  const config::LbCriteria route(Values{{"fallback_list", Either(a)}});
  const config::LbCriteria merged = route.MergedWith(config::LbCriteria(Values{{"fallback_list", Either(b)}}));
  ASSERT_EQ(merged.view().alternatives_count, 1u);
  EXPECT_EQ(merged.view().alternatives[0].text, config::LbCriteria(b).text());
  EXPECT_EQ(route.MergedWith(config::LbCriteria(other)).view().alternatives_count, 1u);
  EXPECT_EQ(config::LbCriteria(other).view().alternatives, nullptr);
}

TEST(LbCriteria, MergedByKey) {
  const config::LbCriteria route(Values{{"a", Text("1")}, {"b", Text("1")}});
  const config::LbCriteria cluster(Values{{"b", Text("2")}, {"c", Text("2")}});
  EXPECT_EQ(route.MergedWith(cluster).text(),
            config::LbCriteria(Values{{"a", Text("1")}, {"b", Text("2")}, {"c", Text("2")}}).text());
  // No two sets of values have one text.
  EXPECT_NE(config::LbCriteria(Values{{"a", Text("1k1:bs1:2")}}).text(),
            config::LbCriteria(Values{{"a", Text("1")}, {"b", Text("2")}}).text());
}

}  // namespace
}  // namespace pillion::upstream
