// Hosts that requests name: which of them are taken.

#include <gtest/gtest.h>

#include "test/unit/upstream/pool_fixture.h"

namespace pillion::upstream {
namespace {

class Names final : public HostNames {
 public:
  explicit Names(std::vector<std::string> names) : names_(std::move(names)) {}
  std::string_view Next(const config::HostOverride&) override {
    return next_ == names_.size() ? std::string_view() : names_[next_++];
  }
  bool TakeOverflow() override { return false; }

 private:
  const std::vector<std::string> names_;
  size_t next_ = 0;
};

class NamedHostTest : public PoolFixture {
 protected:
  // Three hosts, the last two not quite well.
  void Start(std::optional<uint8_t> health = std::nullopt) {
    auto named = std::make_shared<config::HostOverride>();
    named->health = health;
    config->load_balancing.host_override = named;
    config->load_balancing.panic_threshold = 0;  // one healthy host of three is enough
    config->endpoints.resize(1);
    config->endpoints.push_back(At("10.0.0.2", config::EndpointHealth::kDraining));
    config->endpoints.push_back(At("::1", config::EndpointHealth::kUnhealthy));
    Make();
  }
  static config::Endpoint At(const std::string& ip, config::EndpointHealth health) {
    config::Endpoint endpoint;
    endpoint.target = config::Address(config::SocketAddress{.ip = ip, .is_ipv6 = ip.find(':') != ip.npos, .port = 80});
    endpoint.health = health;
    return endpoint;
  }
  std::string Choose(std::vector<std::string> texts) {
    Names names(std::move(texts));
    const ClusterShard::Choice choice = shard().Choose({.names = &names});
    return choice.host == nullptr ? "none" : choice.host->address_text();
  }
};

TEST_F(NamedHostTest, WhateverItsHealth) {
  Start();
  EXPECT_EQ(Choose({"10.0.0.2:80"}), "10.0.0.2:80");
  EXPECT_EQ(Choose({"[::1]:80"}), "[::1]:80");
  EXPECT_EQ(Choose({"10.0.0.9:80", "no address", "[::1]:80", "10.0.0.2:80"}), "[::1]:80");
  // None of the cluster's: by the policy, which takes the healthy one.
  EXPECT_EQ(Choose({"10.0.0.9:80"}), "10.0.0.1:80");
  EXPECT_EQ(Choose({}), "10.0.0.1:80");
}

TEST_F(NamedHostTest, AsHealthyAsItHasToBe) {
  Start(config::HostOverride::kHealthy | config::HostOverride::kDraining);
  EXPECT_EQ(Choose({"10.0.0.2:80"}), "10.0.0.2:80");
  EXPECT_EQ(Choose({"[::1]:80"}), "10.0.0.1:80");
  cluster->hosts()->hosts.at(1)->SetFlags(kFailedOutlierCheck);
  EXPECT_EQ(Choose({"10.0.0.2:80"}), "10.0.0.1:80");
}

TEST_F(NamedHostTest, None) {
  Start(0);
  EXPECT_EQ(Choose({"10.0.0.2:80"}), "10.0.0.1:80");
}

TEST_F(NamedHostTest, HostsThatComeAndGo) {
  Start();
  const config::Endpoint other = At("10.0.0.4", config::EndpointHealth::kUnknown);
  cluster->UpdateHosts({{*net::Address::Ip("10.0.0.4", 80), &other}});
  shard().SetHosts(cluster->hosts());
  EXPECT_EQ(Choose({"10.0.0.2:80", "10.0.0.4:80"}), "10.0.0.4:80");
}

class SessionHostTest : public NamedHostTest {
 protected:
  // Without a policy for it. One of three hosts is well.
  void Begin(config::EndpointHealth second, std::optional<uint8_t> health = std::nullopt) {
    config->load_balancing.panic_threshold = 0;
    if (health) config->load_balancing.session_health = *health;
    config->endpoints.resize(1);
    config->endpoints.push_back(At("10.0.0.2", second));
    config->endpoints.push_back(At("::1", config::EndpointHealth::kUnhealthy));
    Make();
  }
  std::string Session(std::string_view address, bool only = false) {
    const ClusterShard::Choice choice = shard().Choose({.session_host = address, .only_session_host = only});
    return choice.host == nullptr ? "none" : choice.host->address_text();
  }
};

TEST_F(SessionHostTest, IfItIsWell) {
  Begin(config::EndpointHealth::kDraining);
  EXPECT_EQ(Session("10.0.0.1:80"), "10.0.0.1:80");
  EXPECT_EQ(Session("10.0.0.2:80"), "10.0.0.1:80");
  EXPECT_EQ(Session("[::1]:80"), "10.0.0.1:80");
  EXPECT_EQ(Session("10.0.0.9:80"), "10.0.0.1:80");
}

TEST_F(SessionHostTest, OrNearly) {
  Begin(config::EndpointHealth::kDegraded);
  EXPECT_EQ(Session("10.0.0.2:80", true), "10.0.0.2:80");
  cluster->hosts()->hosts.at(1)->SetFlags(kFailedOutlierCheck);
  EXPECT_EQ(Session("10.0.0.2:80", true), "none");
}

TEST_F(SessionHostTest, OrWhateverIsAskedFor) {
  Begin(config::EndpointHealth::kDraining, config::HostOverride::kUnhealthy | config::HostOverride::kDraining);
  EXPECT_EQ(Session("10.0.0.2:80"), "10.0.0.2:80");
  EXPECT_EQ(Session("[::1]:80"), "[::1]:80");
  EXPECT_EQ(Session("10.0.0.1:80", true), "none");
}

TEST_F(SessionHostTest, ElseNone) {
  Begin(config::EndpointHealth::kDraining);
  EXPECT_EQ(Session("10.0.0.9:80", true), "none");
  EXPECT_EQ(Session("10.0.0.2:80", true), "none");
  EXPECT_EQ(Session("10.0.0.1:80", true), "10.0.0.1:80");
}

TEST_F(SessionHostTest, HostsThatComeAndGoMeanwhile) {
  Begin(config::EndpointHealth::kUnknown);
  EXPECT_EQ(Session("10.0.0.2:80", true), "10.0.0.2:80");
  const config::Endpoint other = At("10.0.0.4", config::EndpointHealth::kUnknown);
  cluster->UpdateHosts({{*net::Address::Ip("10.0.0.4", 80), &other}});
  shard().SetHosts(cluster->hosts());
  EXPECT_EQ(Session("10.0.0.2:80", true), "none");
  EXPECT_EQ(Session("10.0.0.4:80", true), "10.0.0.4:80");
}

}  // namespace
}  // namespace pillion::upstream
