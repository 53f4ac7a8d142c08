#include "source/upstream/lane_balancer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "test/support/simulation.h"

namespace pillion::upstream {
namespace {

using Values = config::MetadataValue::Struct;
using Picked = std::set<int>;

config::MetadataValue Text(const std::string& text) { return {text}; }

struct TheseHosts final : HostFilter {
  explicit TheseHosts(const Hosts& all) : all(all) {}
  bool Refuses(const Host& host) const override {
    return std::ranges::any_of(numbers, [&](int number) { return all[static_cast<size_t>(number - 1)].get() == &host; });
  }

  const Hosts& all;
  Picked numbers;
};

class LaneTest : public testing::Test {
 public:
  LaneTest() {
    config.lanes = lanes;
    lanes->keys = {"env", "release", "version"};
  }

  // Hosts go by their number, from 1 on.
  Host& Add(Values values, uint32_t flags = 0, uint32_t priority = 0) {
    config::Endpoint endpoint;
    endpoint.priority = priority;
    auto metadata = std::make_shared<config::Metadata>();
    metadata->namespaces["envoy.lb"] = std::move(values);
    endpoint.metadata = metadata;
    const std::string ip = "10.0.0." + std::to_string(hosts.size() + 1);
    hosts.push_back(std::make_shared<Host>(*net::Address::Ip(ip, 80), endpoint, 1));
    hosts.back()->SetFlags(flags);
    return *hosts.back();
  }
  // What the hosts are now is chosen from.
  void Publish() {
    auto next = std::make_unique<HostSet>(MakeHostSet(hosts, config, {}));
    balancer.SetLanes(*next->lanes);
    set = std::move(next);
  }
  int NumberOf(const std::shared_ptr<Host>& host) const {
    return host == nullptr ? 0 : static_cast<int>(std::ranges::find(hosts, host) - hosts.begin()) + 1;
  }
  // Of the hosts that requests of the colour go to; 0: none. Of all the same: where, and why.
  Picked Picks(std::vector<Label> labels, bool fails_closed = false) {
    const LaneWish wish{labels, fails_closed};
    PickContext context{.lane = &wish};
    context.tried = tried.numbers.empty() ? nullptr : &tried;
    context.left_out = left_out.empty() ? nullptr : &left_out;
    Picked picks;
    for (int i = 0; i < 30; ++i) {
      const LaneBalancer::Choice choice = balancer.Choose(context);
      picks.insert(NumberOf(choice.host));
      fit = choice.outcome.fit;
      lack = choice.outcome.lack;
    }
    return picks;
  }

  test::Simulation simulation{1};
  base::Random random{1};
  std::shared_ptr<config::Lanes> lanes = std::make_shared<config::Lanes>();
  config::LoadBalancing config;
  stats::Registry registry{1};
  std::array<Breakers, 2> breakers{Breakers(config::CircuitBreaker{}), Breakers(config::CircuitBreaker{})};
  ClusterStatIds ids{registry, "be", breakers};
  ClusterStats stats{ids, registry.shard(0)};
  LaneStatIds lane_ids{registry, "be"};
  LaneStats counted = LaneStats::Of(lane_ids, registry.shard(0));
  const std::shared_ptr<const HostSet> no_proxies;
  LaneBalancer balancer{config, BalancerParts{simulation.worker(0), random, stats, breakers, no_proxies}, counted};
  Hosts hosts;
  std::unique_ptr<HostSet> set;
  TheseHosts tried{hosts};
  std::vector<bool> left_out;
  LaneFit fit = LaneFit::kNone;
  LaneLack lack = LaneLack::kNone;
};

TEST_F(LaneTest, HostsThatHaveAllLabelsElseTheBaseline) {
  Add({});
  Add({{"zone", Text("a")}});  // which is no key of lanes
  Add({{"env", Text("gray")}});
  Add({{"env", Text("gray")}, {"version", Text("v2")}});
  Add({{"env", Text("blue")}, {"version", Text("v2")}});
  Publish();
  EXPECT_EQ(Picks({}), (Picked{1, 2}));
  EXPECT_EQ(fit, LaneFit::kBaseline);
  EXPECT_EQ(NumberOf(balancer.Choose({}).host), 1 + NumberOf(balancer.Choose({}).host) % 2) << "in turn";
  EXPECT_EQ(Picks({{"env", "gray"}}), (Picked{3, 4}));
  EXPECT_EQ(fit, LaneFit::kExact);
  EXPECT_EQ(lack, LaneLack::kNone);
  EXPECT_EQ(Picks({{"version", "v2"}}), (Picked{4, 5}));
  EXPECT_EQ(Picks({{"env", "gray"}, {"version", "v2"}}), Picked{4});
  EXPECT_EQ(counted.lane_exact.value(), 90u);
  EXPECT_EQ(Picks({{"env", "green"}}), (Picked{1, 2}));
  EXPECT_EQ(fit, LaneFit::kInstead);
  EXPECT_EQ(lack, LaneLack::kNoHosts);
  EXPECT_EQ(Picks({{"env", "gray"}, {"zone", "a"}}), (Picked{1, 2})) << "nobody knows the key";
  EXPECT_EQ(Picks({{"env", ""}}), (Picked{1, 2}));
  EXPECT_EQ(counted.lane_instead.value(), 90u);
  EXPECT_EQ(Picks({{"env", "green"}}, true), Picked{0});
  EXPECT_EQ(fit, LaneFit::kRefused);
  EXPECT_EQ(counted.lane_refused.value(), 30u);
  EXPECT_EQ(counted.lane_baseline_on_lanes.value() + counted.lane_unhealthy.value() + counted.lane_full.value(), 0u);
}

TEST_F(LaneTest, WhatTheBaselineHasForLabels) {
  lanes->baseline = {{"env", "base"}, {"version", "v1"}};
  Add({{"env", Text("base")}, {"version", Text("v1")}});
  Add({{"version", Text("v1")}});
  Add({{"env", Text("base")}, {"version", Text("v2")}});
  Add({{"env", Text("")}, {"release", {}}});  // which is to say that it has none
  Publish();
  EXPECT_EQ(Picks({}), (Picked{1, 2, 4}));
  EXPECT_EQ(Picks({{"version", "v2"}}), Picked{3});
  EXPECT_EQ(Picks({{"version", "v1"}}), (Picked{1, 2}));
  EXPECT_EQ(fit, LaneFit::kExact);
  EXPECT_EQ(set->lanes->names, std::vector<std::string>{"env=base,version=v2"});
  EXPECT_EQ(LaneOf(*hosts[2], *lanes), "env=base,version=v2");
  EXPECT_EQ(LaneOf(*hosts[0], *lanes), "");
}

TEST_F(LaneTest, LabelsThatAreNoTexts) {
  Add({{"version", {2.0}}});
  Add({{"version", {true}}});
  Add({{"version", {config::MetadataValue::List{Text("v2")}}}});
  Publish();
  EXPECT_EQ(Picks({}), Picked{0}) << "all are labels";
  EXPECT_EQ(fit, LaneFit::kRefused);
  EXPECT_EQ(Picks({{"version", "2"}}), Picked{1});
  EXPECT_EQ(Picks({{"version", "true"}}), Picked{2});
  EXPECT_EQ(Picks({{"version", "v2"}}), Picked{0});
  EXPECT_EQ(Picks({{"version", ""}}), Picked{0}) << "a list is no colour's";
}

TEST_F(LaneTest, FallbacksInTheirOrder) {
  lanes->fallbacks = {{.keep = {"version"}, .labels = {}}, {.keep = {}, .labels = {{"env", "stage"}}}};
  Add({});
  Add({{"version", Text("v2")}});
  Host& stage = Add({{"env", Text("stage")}});
  Publish();
  EXPECT_EQ(Picks({{"env", "gray"}, {"version", "v2"}}), Picked{2});
  EXPECT_EQ(fit, LaneFit::kFallback);
  EXPECT_EQ(lack, LaneLack::kNoHosts);
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{3}) << "it has no version to keep";
  EXPECT_EQ(Picks({{"env", "gray"}, {"version", "v3"}}), Picked{3});
  EXPECT_EQ(counted.lane_fallback.value(), 90u);
  stage.SetFlags(kFailedActiveCheck);
  Publish();
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{1});
  EXPECT_EQ(Picks({{"env", "gray"}, {"version", "v2"}}, true), Picked{0}) << "fallbacks are not the lane";
}

TEST_F(LaneTest, UnhealthyOnes) {
  Add({});
  Host& one = Add({{"env", Text("gray")}}, kFailedOutlierCheck);
  Host& two = Add({{"env", Text("gray")}}, kFailedActiveCheck);
  Host& three = Add({{"env", Text("gray")}}, kFailedEds);
  Publish();
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{1}) << "no panic here";
  EXPECT_EQ(lack, LaneLack::kUnhealthy);
  EXPECT_EQ(counted.lane_unhealthy.value(), 30u);
  EXPECT_EQ(Picks({{"env", "gray"}}, true), Picked{0});
  one.ClearFlags(kUnhealthyFlags);
  Publish();
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{2}) << "though it is one of three";
  lanes->min_healthy_percent = 60;
  Publish();
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{1});
  two.ClearFlags(kUnhealthyFlags);
  Publish();
  EXPECT_EQ(Picks({{"env", "gray"}}), (Picked{2, 3}));
  two.SetFlags(kFailedEds);
  three.SetFlags(kPendingActiveCheck);
  lanes->min_healthy_percent = 50;
  Publish();
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{2}) << "a new one does not count yet";
  EXPECT_EQ(Picks({}), Picked{1});
}

TEST_F(LaneTest, TheBaselinesOwnPanic) {
  Add({}, kFailedActiveCheck);
  Add({}, kFailedActiveCheck);
  Add({{"env", Text("gray")}});
  Publish();
  EXPECT_EQ(Picks({}), (Picked{1, 2})) << "not those of a lane";
  config.panic_threshold = 0;
  Publish();
  EXPECT_EQ(Picks({}), Picked{0});
  EXPECT_EQ(fit, LaneFit::kRefused);
  EXPECT_EQ(Picks({{"env", "green"}}), Picked{0});
  EXPECT_EQ(fit, LaneFit::kRefused);
}

TEST_F(LaneTest, TheBaselineOnLanesOnlyWhereThePolicySaysSo) {
  Host& plain = Add({}, kFailedActiveCheck);
  Add({{"env", Text("gray")}});
  lanes->baseline_on_lanes = true;
  Publish();
  EXPECT_EQ(Picks({}), Picked{2});
  EXPECT_EQ(fit, LaneFit::kFallback);
  EXPECT_EQ(lack, LaneLack::kUnhealthy);
  EXPECT_EQ(counted.lane_baseline_on_lanes.value(), 30u);
  EXPECT_EQ(Picks({{"env", "green"}}), Picked{2});
  EXPECT_EQ(fit, LaneFit::kInstead);
  plain.ClearFlags(kUnhealthyFlags);
  Publish();
  EXPECT_EQ(Picks({}), Picked{1});
  hosts.erase(hosts.begin());
  Publish();
  EXPECT_EQ(Picks({}), Picked{1}) << "the one that is left";
  EXPECT_EQ(lack, LaneLack::kNoHosts);
  lanes->baseline_on_lanes = false;
  Publish();
  EXPECT_EQ(Picks({}), Picked{0});
}

TEST_F(LaneTest, FullOnes) {
  lanes->max_requests_per_host = 3;
  Add({});
  Host& one = Add({{"env", Text("gray")}});
  Host& two = Add({{"env", Text("gray")}});
  Publish();
  one.figures(0).Add(HostFigures::kRqActive, 2);
  one.figures(0).Add(HostFigures::kRqPending, 1);
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{3}) << "the one that has room";
  two.figures(0).Add(HostFigures::kRqActive, 3);
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{1});
  EXPECT_EQ(fit, LaneFit::kInstead);
  EXPECT_EQ(lack, LaneLack::kFull);
  EXPECT_EQ(counted.lane_full.value(), 30u);
  EXPECT_EQ(Picks({{"env", "gray"}}, true), Picked{0});
  hosts[0]->figures(0).Add(HostFigures::kRqActive, 100);
  EXPECT_EQ(Picks({}), Picked{1}) << "the baseline has no such bound";
  one.figures(0).Add(HostFigures::kRqActive, -1);
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{2});
}

TEST_F(LaneTest, HostsOfEarlierAttempts) {
  Add({});
  Add({{"env", Text("gray")}});
  Add({{"env", Text("gray")}});
  Publish();
  tried.numbers = {2};
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{3});
  tried.numbers = {2, 3};
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{1});
  EXPECT_EQ(lack, LaneLack::kUnhealthy);
  EXPECT_EQ(Picks({{"env", "gray"}}, true), (Picked{2, 3})) << "it may go nowhere else";
  tried.numbers = {1, 2, 3};
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{1});
}

TEST_F(LaneTest, PrioritiesWithinALane) {
  Add({}, 0, 0);
  Host& first = Add({{"env", Text("gray")}}, 0, 1);
  Add({{"env", Text("gray")}}, 0, 2);
  Publish();
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{2});
  left_out = {false, true};
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{3});
  EXPECT_EQ(Picks({}), Picked{1}) << "it has no other";
  left_out.clear();
  first.SetFlags(kFailedActiveCheck);
  Publish();
  EXPECT_EQ(Picks({{"env", "gray"}}), Picked{3});
}

TEST_F(LaneTest, HashesWithinALane) {
  config.policy = config::LoadBalancing::Policy::kRingHash;
  for (int i = 0; i < 5; ++i) Add({{"env", Text("gray")}});
  Add({});
  Publish();
  const std::vector<Label> labels = {{"env", "gray"}};
  const LaneWish wish{labels};
  Picked all;
  for (uint64_t hash = 0; hash < 200; ++hash) {
    const PickContext context{.hash = hash * 0x9E3779B97F4A7C15u, .lane = &wish};
    const int number = NumberOf(balancer.Choose(context).host);
    EXPECT_EQ(NumberOf(balancer.Choose(context).host), number);
    all.insert(number);
  }
  EXPECT_EQ(all, (Picked{1, 2, 3, 4, 5}));
}

// What the lanes are to do, told again in the simplest words.
class Model {
 public:
  explicit Model(const LaneTest& test) : test_(test) {}

  struct Answer {
    LaneOutcome outcome;
    Picked hosts;
    bool must_have = true;  // a host
  };
  Answer Of(const std::vector<Label>& colour, bool fails_closed) const {
    Picked plain;
    for (int i = 1; i <= Count(); ++i) {
      if (OfBaseline(i)) plain.insert(i);
    }
    LaneFit plain_fit = LaneFit::kBaseline;
    LaneLack plain_lack = LaneLack::kNone;
    if (test_.lanes->baseline_on_lanes && Available(plain).empty()) {
      if (Count() > 0) {
        plain_fit = LaneFit::kFallback;
        plain_lack = plain.empty() ? LaneLack::kNoHosts : LaneLack::kUnhealthy;
      }
      for (int i = 1; i <= Count(); ++i) plain.insert(i);
    }
    const bool panic = test_.config.panic_threshold > 0 && 2 * Available(plain).size() < plain.size();
    const Picked plain_hosts = panic ? plain : Available(plain);
    if (colour.empty()) {
      const bool none = plain_hosts.empty();
      return {{none ? LaneFit::kRefused : plain_fit, plain_lack}, plain_hosts, !none};
    }
    const auto [lack, exact] = Lane(colour, fails_closed);
    if (lack == LaneLack::kNone) return {{LaneFit::kExact, lack}, exact};
    if (fails_closed) return {{LaneFit::kRefused, lack}, {}, false};
    for (const config::Lanes::Fallback& fallback : test_.lanes->fallbacks) {
      std::vector<Label> labels;
      for (const auto& label : fallback.labels) labels.push_back({label.key, label.value});
      for (const Label& label : colour) {
        if (std::ranges::find(fallback.keep, label.key) != fallback.keep.end()) labels.push_back(label);
      }
      if (labels.empty()) continue;
      const auto [other_lack, hosts] = Lane(labels, fails_closed);
      if (other_lack == LaneLack::kNone) return {{LaneFit::kFallback, lack}, hosts};
    }
    return {{plain_hosts.empty() ? LaneFit::kRefused : LaneFit::kInstead, lack}, plain_hosts, !plain_hosts.empty()};
  }
  bool OfBaseline(int number) const {
    for (const std::string& key : test_.lanes->keys) {
      const std::string value = ValueOf(number, key);
      if (value.empty()) continue;
      const std::vector<config::Lanes::Label>& baseline = test_.lanes->baseline;
      if (std::ranges::find(baseline, config::Lanes::Label{key, value}) == baseline.end()) return false;
    }
    return true;
  }

 private:
  int Count() const { return static_cast<int>(test_.hosts.size()); }
  const Host& At(int number) const { return *test_.hosts[static_cast<size_t>(number - 1)]; }
  std::string ValueOf(int number, std::string_view key) const {
    const config::MetadataValue* const value = At(number).metadata()->Find("envoy.lb", key);
    return value == nullptr ? "" : std::get<std::string>(value->value);
  }
  Picked Available(const Picked& some) const {
    Picked healthy;
    for (const int number : some) {
      if (At(number).health() != HostHealth::kUnhealthy) healthy.insert(number);
    }
    return healthy;
  }
  std::pair<LaneLack, Picked> Lane(const std::vector<Label>& labels, bool fails_closed) const {
    Picked all;
    for (int i = 1; i <= Count(); ++i) {
      const auto has = [&](const Label& label) { return ValueOf(i, label.key) == label.value; };
      if (std::ranges::all_of(labels, has)) all.insert(i);
    }
    if (all.empty()) return {LaneLack::kNoHosts, {}};
    const Picked healthy = Available(all);
    const double percent = 100.0 * static_cast<double>(healthy.size()) / static_cast<double>(all.size());
    if (healthy.empty() || percent < test_.lanes->min_healthy_percent) return {LaneLack::kUnhealthy, {}};
    Picked untried;
    Picked free;
    for (const int number : healthy) {
      if (!fails_closed && test_.tried.numbers.contains(number)) continue;
      untried.insert(number);
      const uint32_t most = test_.lanes->max_requests_per_host;
      if (most == 0 || At(number).Sum(HostFigures::kRqActive) < most) free.insert(number);
    }
    if (!free.empty()) return {LaneLack::kNone, free};
    return {untried.empty() ? LaneLack::kUnhealthy : LaneLack::kFull, {}};
  }

  const LaneTest& test_;
};

TEST_F(LaneTest, AsTheModelSays) {
  base::Random dice(7);
  const std::vector<std::string> keys = {"env", "version"};
  const std::vector<std::string> values = {"", "a", "b", "base"};
  std::map<LaneFit, int> seen;
  std::map<LaneLack, int> lacks;
  for (int round = 0; round < 1500; ++round) {
    lanes->keys = keys;
    lanes->baseline.clear();
    if (dice.Below(2) == 0) lanes->baseline.push_back({keys[dice.Below(2)], "base"});
    lanes->fallbacks.clear();
    for (uint64_t i = dice.Below(3); i > 0; --i) {
      config::Lanes::Fallback& fallback = lanes->fallbacks.emplace_back();
      if (dice.Below(2) == 0) {
        fallback.keep = {keys[dice.Below(2)]};
      } else {
        fallback.labels = {{keys[dice.Below(2)], values[1 + dice.Below(3)]}};
      }
    }
    lanes->baseline_on_lanes = dice.Below(3) == 0;
    lanes->min_healthy_percent = dice.Below(2) == 0 ? 0 : 60;
    lanes->max_requests_per_host = dice.Below(2) == 0 ? 0 : 2;
    config.panic_threshold = dice.Below(2) == 0 ? 0 : 50;
    hosts.clear();
    tried.numbers.clear();
    for (uint64_t i = dice.Below(9); i > 0; --i) {
      Values labels;
      for (const std::string& key : keys) labels[key] = Text(values[dice.Below(4)]);
      constexpr uint32_t kFlags[] = {0, 0, 0, kFailedActiveCheck, kFailedOutlierCheck, kDegradedEds};
      Host& host = Add(labels, kFlags[dice.Below(6)]);
      host.figures(0).Add(HostFigures::kRqActive, static_cast<int64_t>(dice.Below(4)));
      if (dice.Below(4) == 0) tried.numbers.insert(static_cast<int>(hosts.size()));
    }
    Publish();
    const Model model(*this);
    for (int request = 0; request < 12; ++request) {
      std::vector<Label> colour;
      for (const std::string& key : keys) {
        if (dice.Below(3) != 0) colour.push_back({key, values[1 + dice.Below(3)]});
      }
      const bool fails_closed = dice.Below(4) == 0;
      const Model::Answer answer = model.Of(colour, fails_closed);
      const Picked picks = Picks(colour, fails_closed);
      ++seen[fit];
      ++lacks[lack];
      ASSERT_EQ(fit, answer.outcome.fit) << "round " << round;
      ASSERT_EQ(lack, answer.outcome.lack) << "round " << round;
      if (!answer.must_have) {
        ASSERT_EQ(picks, Picked{0}) << "round " << round;
        continue;
      }
      ASSERT_TRUE(std::ranges::includes(answer.hosts, picks)) << "round " << round;
      const bool strict = colour.empty() && !lanes->baseline_on_lanes;
      for (const int number : picks) ASSERT_TRUE(!strict || model.OfBaseline(number)) << "round " << round;
    }
  }
  for (const LaneFit each : {LaneFit::kBaseline, LaneFit::kExact, LaneFit::kFallback, LaneFit::kInstead, LaneFit::kRefused}) {
    EXPECT_GT(seen[each], 100);
  }
  for (const LaneLack each : {LaneLack::kNoHosts, LaneLack::kUnhealthy, LaneLack::kFull}) EXPECT_GT(lacks[each], 100);
}

}  // namespace
}  // namespace pillion::upstream
