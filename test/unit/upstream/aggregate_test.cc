#include "source/upstream/aggregate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "source/upstream/cluster.h"
#include "test/support/simulation.h"

namespace pillion::upstream {
namespace {

config::Endpoint At(const std::string& ip, bool healthy, uint32_t priority, const std::string& lane = "") {
  config::Endpoint endpoint;
  if (!lane.empty()) {
    auto metadata = std::make_shared<config::Metadata>();
    metadata->namespaces["envoy.lb"]["env"] = {lane};
    endpoint.metadata = metadata;
  }
  endpoint.target = config::Address(config::SocketAddress{.ip = ip, .is_ipv6 = false, .port = 80});
  endpoint.priority = priority;
  if (!healthy) endpoint.health = config::EndpointHealth::kUnhealthy;
  return endpoint;
}

struct NoCodecs final : ClientCodecs {
  std::unique_ptr<codec::ClientConnection> Make(Protocol, codec::Link&, codec::ClientEvents&) override { return nullptr; }
};
struct NoConnector final : net::Connector {
  std::unique_ptr<net::Transport> Connect(const net::Address&, const net::ConnectOptions*) override { return nullptr; }
};

class AggregateTest : public testing::Test {
 public:
  void Add(const std::string& name, std::vector<config::Endpoint> endpoints, std::vector<std::string> members = {}) {
    auto config = std::make_shared<config::Cluster>();
    config->name = config->stat_name = name;
    config->endpoints = std::move(endpoints);
    config->members = std::move(members);
    if (!config->members.empty()) config->discovery = config::Cluster::Discovery::kAggregate;
    if (config->members.empty()) config->load_balancing.lanes = lanes;
    clusters.push_back(std::make_shared<Cluster>(config, registry));
    shards.push_back(std::make_unique<ClusterShard>(clusters.back(), clusters.back()->hosts(), simulation.worker(0), connector,
                                                    registry.shard(0), random, std::make_unique<NoCodecs>()));
  }
  void Link() {
    for (const auto& shard : shards) names.Set(shard->config().name, shard.get());
  }
  // How many of a hundred requests go to each host, by the last figure of its address.
  std::map<char, int> Picks(const std::vector<bool>* left_out = nullptr, const LaneWish* lane = nullptr) {
    std::map<char, int> shares;
    for (uint64_t hash = 0; hash < 100; ++hash) {
      const ClusterShard::Choice choice = shards[0]->Choose({.hash = hash, .lane = lane, .left_out = left_out});
      fit = choice.lane.fit;
      lack = choice.lane.lack;
      level = choice.level;
      ++shares[choice.host == nullptr ? '-' : choice.host->address().ip().back()];
      if (choice.host == nullptr) continue;
      const auto& own = choice.cluster.hosts().hosts;
      EXPECT_NE(std::find(own.begin(), own.end(), choice.host), own.end());
    }
    return shares;
  }

  test::Simulation simulation{1};
  NoConnector connector;
  base::Random random{1};
  stats::Registry registry{1};
  ClusterNames names;
  std::shared_ptr<config::Lanes> lanes;  // of clusters that are added
  LaneFit fit = LaneFit::kNone;          // of the last pick
  LaneLack lack = LaneLack::kNone;
  uint32_t level = 0;
  std::vector<std::shared_ptr<Cluster>> clusters;
  std::vector<std::unique_ptr<ClusterShard>> shards;
};

using Shares = std::map<char, int>;

// In whichever of the clusters, also of those of an aggregate within, it is.
TEST_F(AggregateTest, ASessionGoesToItsHost) {
  Add("all", {}, {"first", "more"});
  Add("first", {At("10.0.0.1", true, 0)});
  Add("more", {}, {"second"});
  Add("second", {At("10.0.0.2", true, 0), At("10.0.0.3", true, 1)});
  Link();
  for (const bool only : {false, true}) {
    const auto choose = [&](std::string_view address) {
      return shards[0]->Choose({.session_host = address, .only_session_host = only});
    };
    for (uint32_t i = 1; i <= 3; ++i) {
      const std::string address = "10.0.0." + std::to_string(i) + ":80";
      const ClusterShard::Choice choice = choose(address);
      ASSERT_NE(choice.host, nullptr) << address;
      EXPECT_EQ(choice.host->address_text(), address);
      EXPECT_EQ(&choice.cluster, shards[i == 1 ? 1 : 3].get());
    }
    const ClusterShard::Choice none = choose("10.0.0.9:80");
    EXPECT_EQ(none.host == nullptr, only);
    if (!only) {
      EXPECT_EQ(none.host->address_text(), "10.0.0.1:80");
    }
  }
}

TEST_F(AggregateTest, PrioritiesOfOneBehindThoseOfAnother) {
  Add("all", {}, {"first", "second"});
  Add("first", {At("10.0.0.1", true, 0), At("10.0.0.2", true, 1)});
  Add("second", {At("10.0.0.3", true, 0)});
  Link();
  EXPECT_EQ(Picks(), (Shares{{'1', 100}}));
  const auto& first = clusters[1]->config();
  // The first priority can take half of all: the rest goes to the next one.
  config::Endpoint ill = first.endpoints[0];
  ill.health = config::EndpointHealth::kUnhealthy;
  clusters[1]->UpdateHosts(
      {{*net::Address::Ip("10.0.0.1", 80), &ill}, {*net::Address::Ip("10.0.0.2", 80), &first.endpoints[1]}});
  shards[1]->SetHosts(clusters[1]->hosts());
  EXPECT_EQ(Picks(), (Shares{{'2', 100}}));
  clusters[1]->UpdateHosts({{*net::Address::Ip("10.0.0.1", 80), &ill}});
  shards[1]->SetHosts(clusters[1]->hosts());
  EXPECT_EQ(Picks(), (Shares{{'3', 100}}));
  clusters[1]->UpdateHosts({});
  clusters[2]->UpdateHosts({});
  for (const size_t i : {1u, 2u}) shards[i]->SetHosts(clusters[i]->hosts());
  EXPECT_EQ(Picks(), (Shares{{'-', 100}}));
  EXPECT_EQ(shards[0]->stats().upstream_cx_none_healthy.value(), 100u);
}

TEST_F(AggregateTest, MembersComeAndGo) {
  Add("all", {}, {"first", "second"});
  Add("first", {At("10.0.0.1", true, 0)});
  Add("second", {At("10.0.0.2", true, 0)});
  Add("other", {At("10.0.0.9", true, 0)});
  names.Set("second", shards[2].get());
  EXPECT_EQ(names.Find("second"), shards[2].get());
  names.Set("all", shards[0].get());
  EXPECT_EQ(Picks(), (Shares{{'2', 100}})) << "the other has not come yet";
  names.Set("other", shards[3].get());
  names.Set("first", shards[1].get());
  EXPECT_EQ(Picks(), (Shares{{'1', 100}}));
  names.Set("first", nullptr);
  EXPECT_EQ(names.Find("first"), nullptr);
  EXPECT_EQ(Picks(), (Shares{{'2', 100}}));
  Add("first", {At("10.0.0.3", true, 0)});
  names.Set("first", shards[4].get());
  EXPECT_EQ(Picks(), (Shares{{'3', 100}}));
}

// A request may choose again in an aggregate that another has taken the place of: among hosts that there are.
TEST_F(AggregateTest, OneThatHasLostItsNameFollowsItsMembers) {
  Add("all", {}, {"first"});
  Add("first", {At("10.0.0.1", true, 0), At("10.0.0.2", true, 1)});
  Link();
  Add("all", {}, {"second"});
  names.Set("all", shards[2].get());
  const config::Endpoint endpoint = At("10.0.0.4", true, 0);
  clusters[1]->UpdateHosts({{*net::Address::Ip("10.0.0.4", 80), &endpoint}});
  shards[1]->SetHosts(clusters[1]->hosts());
  const std::vector<bool> first = {true};
  EXPECT_EQ(Picks(&first), (Shares{{'4', 100}}));
  names.Set("first", nullptr);
  EXPECT_EQ(Picks(), (Shares{{'-', 100}}));
  shards[0].reset();
  names.Set("first", shards[1].get());
}

TEST_F(AggregateTest, PrioritiesThatAreLeftOut) {
  Add("all", {}, {"first", "second"});
  Add("first", {At("10.0.0.1", true, 0), At("10.0.0.2", true, 1)});
  Add("second", {At("10.0.0.3", true, 0)});
  Link();
  const std::vector<bool> first = {true};
  EXPECT_EQ(Picks(&first), (Shares{{'2', 100}}));
  const std::vector<bool> two = {true, true};
  EXPECT_EQ(Picks(&two), (Shares{{'3', 100}}));
  const std::vector<bool> all = {true, true, true};
  EXPECT_EQ(Picks(&all), (Shares{{'1', 100}})) << "there is no other";
}

TEST_F(AggregateTest, OfOneClusterPrioritiesAreLeftOutToo) {
  Add("first", {At("10.0.0.1", true, 0), At("10.0.0.2", true, 1), At("10.0.0.3", false, 2)});
  Link();
  const std::vector<bool> first = {true};
  EXPECT_EQ(Picks(&first), (Shares{{'2', 100}}));
  const std::vector<bool> two = {true, true};
  EXPECT_EQ(Picks(&two), (Shares{{'1', 100}})) << "the third has no healthy host";
}

TEST_F(AggregateTest, LanesOfItsClusters) {
  lanes = std::make_shared<config::Lanes>();
  lanes->keys = {"env"};
  Add("all", {}, {"first", "second"});
  Add("first", {At("10.0.0.1", true, 0), At("10.0.0.2", true, 0, "gray"), At("10.0.0.7", true, 1, "red")});
  Add("second", {At("10.0.0.3", true, 0), At("10.0.0.4", true, 0, "gray"), At("10.0.0.5", true, 0, "blue")});
  Link();
  EXPECT_EQ(Picks(), (Shares{{'1', 100}}));
  EXPECT_EQ(fit, LaneFit::kBaseline);
  const Label gray[] = {{"env", "gray"}};
  const Label blue[] = {{"env", "blue"}};
  const Label red[] = {{"env", "red"}};
  const LaneWish to_gray{gray};
  const LaneWish to_blue{blue};
  const LaneWish to_red{red};
  EXPECT_EQ(Picks(nullptr, &to_gray), (Shares{{'2', 100}}));
  EXPECT_EQ(level, 0u);
  EXPECT_EQ(Picks(nullptr, &to_blue), (Shares{{'5', 100}})) << "only the second has it";
  EXPECT_EQ(fit, LaneFit::kExact);
  EXPECT_EQ(level, 1u);
  EXPECT_EQ(Picks(nullptr, &to_red), (Shares{{'7', 100}})) << "where the baseline has nothing";
  const Label green[] = {{"env", "green"}};
  const LaneWish to_green{green};
  EXPECT_EQ(Picks(nullptr, &to_green), (Shares{{'1', 100}}));
  EXPECT_EQ(fit, LaneFit::kInstead);
  const std::vector<bool> first = {true};
  EXPECT_EQ(Picks(&first), (Shares{{'3', 100}}));
  // The lanes are well, the baseline is not.
  clusters[1]->hosts()->hosts[0]->SetFlags(kFailedActiveCheck);
  clusters[1]->HealthChanged();
  shards[1]->SetHosts(clusters[1]->hosts());
  EXPECT_EQ(Picks(), (Shares{{'3', 100}}));
  EXPECT_EQ(Picks(nullptr, &to_gray), (Shares{{'2', 100}}));
}

// A lane in any of the clusters comes before a fallback in any, and that before the baseline of the first.
TEST_F(AggregateTest, LanesOfAnotherOfItsClusters) {
  lanes = std::make_shared<config::Lanes>();
  lanes->keys = {"env"};
  lanes->max_requests_per_host = 1;
  lanes->fallbacks.push_back({.keep = {}, .labels = {{"env", "blue"}}});
  Add("all", {}, {"first", "second"});
  Add("first", {At("10.0.0.1", true, 0), At("10.0.0.2", true, 0, "gray")});
  Add("second", {At("10.0.0.3", true, 0), At("10.0.0.4", true, 0, "gray"), At("10.0.0.5", true, 0, "blue")});
  Link();
  const auto busy = [&](size_t cluster, size_t host, int64_t requests) {
    clusters[cluster]->hosts()->hosts[host]->figures(0).Add(HostFigures::kRqActive, requests);
  };
  const Label gray[] = {{"env", "gray"}};
  const Label green[] = {{"env", "green"}};
  const LaneWish to_gray{gray};
  const LaneWish to_green{green};
  const LaneWish only_gray{gray, true};
  const LaneWish only_green{green, true};
  EXPECT_EQ(Picks(nullptr, &to_gray), (Shares{{'2', 100}}));
  busy(1, 1, 1);
  EXPECT_EQ(Picks(nullptr, &to_gray), (Shares{{'4', 100}})) << "that of the first is full";
  EXPECT_EQ(fit, LaneFit::kExact);
  EXPECT_EQ(Picks(nullptr, &only_gray), (Shares{{'4', 100}}));
  EXPECT_EQ(Picks(nullptr, &to_green), (Shares{{'5', 100}})) << "nobody has it, but the second a fallback";
  EXPECT_EQ(fit, LaneFit::kFallback);
  busy(2, 2, 1);
  EXPECT_EQ(Picks(nullptr, &to_green), (Shares{{'1', 100}}));
  EXPECT_EQ(fit, LaneFit::kInstead);
  busy(2, 1, 1);
  EXPECT_EQ(Picks(nullptr, &to_gray), (Shares{{'1', 100}}));
  EXPECT_EQ(lack, LaneLack::kFull);
  EXPECT_EQ(Picks(nullptr, &only_gray), (Shares{{'-', 100}}));
  EXPECT_EQ(lack, LaneLack::kFull);
  EXPECT_EQ(Picks(nullptr, &only_green), (Shares{{'-', 100}}));
  EXPECT_EQ(lack, LaneLack::kNoHosts);
}

// What is known best is why: the second has the lane.
TEST_F(AggregateTest, WhyAllRefuse) {
  lanes = std::make_shared<config::Lanes>();
  lanes->keys = {"env"};
  Add("all", {}, {"first", "second"});
  Add("first", {At("10.0.0.1", true, 0)});
  Add("second", {At("10.0.0.2", true, 0), At("10.0.0.3", false, 0, "gray")});
  Link();
  const Label gray[] = {{"env", "gray"}};
  const LaneWish only_gray{gray, true};
  EXPECT_EQ(Picks(nullptr, &only_gray), (Shares{{'-', 100}}));
  EXPECT_EQ(fit, LaneFit::kRefused);
  EXPECT_EQ(lack, LaneLack::kUnhealthy);
}

TEST_F(AggregateTest, AllInPanicShareByNumber) {
  Add("all", {}, {"first", "second"});
  Add("first", {At("10.0.0.1", false, 0)});
  Add("second", {At("10.0.0.2", false, 0)});
  Link();
  EXPECT_EQ(Picks(), (Shares{{'1', 50}, {'2', 50}}));
  EXPECT_EQ(shards[1]->stats().lb_healthy_panic.value(), 50u);
}

}  // namespace
}  // namespace pillion::upstream
