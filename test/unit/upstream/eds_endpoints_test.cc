#include "source/upstream/eds_endpoints.h"

#include <gtest/gtest.h>

#include "test/support/simulated_timers.h"

namespace pillion::upstream {
namespace {

config::Endpoint At(const std::string& ip, uint32_t weight = 1) {
  config::Endpoint endpoint;
  endpoint.target = config::Address(config::SocketAddress{.ip = ip, .is_ipv6 = false, .port = 80});
  endpoint.weight = weight;
  return endpoint;
}

class EdsEndpointsTest : public testing::Test {
 public:
  EdsEndpointsTest() {
    config->name = config->stat_name = "be";
    config->discovery = config::Cluster::Discovery::kEds;
  }
  std::string Hosts() const {
    std::string all;
    for (const auto& host : cluster.hosts()->hosts) all += host->address().ip() + " ";
    return all;
  }

  std::shared_ptr<config::Cluster> config = std::make_shared<config::Cluster>();
  stats::Registry registry{1};
  test::SimulatedClock clock;
  test::SimulatedTimers timers{clock};
  Cluster cluster{config, registry};
  EdsEndpoints endpoints{cluster, timers, registry};
};

TEST_F(EdsEndpointsTest, HostsAndPolicy) {
  EXPECT_EQ(Hosts(), "");
  config::Assignment assignment;
  assignment.endpoints = {At("10.0.0.1"), At("10.0.0.2")};
  assignment.policy.drop = {.numerator = 5};
  endpoints.Take(assignment);
  EXPECT_EQ(Hosts(), "10.0.0.1 10.0.0.2 ");
  EXPECT_EQ(cluster.hosts()->drop.numerator, 5u);
  const auto before = cluster.hosts();
  endpoints.Take(assignment);
  EXPECT_EQ(cluster.hosts(), before);
  EXPECT_EQ(cluster.membership_stats().update_no_rebuild.value(), 1u);
  assignment.policy.drop = {.numerator = 0};
  endpoints.Take(assignment);
  EXPECT_EQ(cluster.hosts()->drop.numerator, 0u);
  endpoints.OnEmpty();
  EXPECT_EQ(Hosts(), "10.0.0.1 10.0.0.2 ");
  EXPECT_EQ(cluster.membership_stats().update_empty.value(), 1u);
  EXPECT_EQ(timers.armed(), 0u);
}

TEST_F(EdsEndpointsTest, Stale) {
  config::Assignment assignment;
  assignment.endpoints = {At("10.0.0.1")};
  assignment.stale_after = std::chrono::seconds(10);
  endpoints.Take(assignment);
  timers.Advance(std::chrono::seconds(9));
  endpoints.Take(assignment);
  timers.Advance(std::chrono::seconds(9));
  EXPECT_EQ(Hosts(), "10.0.0.1 ");
  timers.Advance(std::chrono::seconds(2));
  EXPECT_EQ(Hosts(), "");
  endpoints.Take(assignment);
  assignment.stale_after = {};
  endpoints.Take(assignment);  // for good
  timers.Advance(std::chrono::hours(1));
  EXPECT_EQ(Hosts(), "10.0.0.1 ");
}

}  // namespace
}  // namespace pillion::upstream
