#include "source/upstream/dns_discovery.h"

#include <gtest/gtest.h>

#include <deque>

#include "test/support/simulated_timers.h"
#include "test/support/stat.h"

namespace pillion::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using List = std::vector<std::string>;

// Answers when the test says so.
class ScriptedResolver final : public net::NameResolver {
 public:
  struct Question {
    std::string name;
    uint16_t port;
    net::DnsFamily family;
    Done done;
  };

  void Resolve(const std::string& name, uint16_t port, net::DnsFamily family, Done done) override {
    questions.push_back({name, port, family, std::move(done)});
  }
  // Of the oldest question.
  void Answer(const List& ips, uint32_t ttl_s = 0) {
    ASSERT_FALSE(questions.empty());
    const Question question = std::move(questions.front());
    questions.pop_front();
    net::ResolvedName result{.ttl_s = ttl_s};
    for (const std::string& ip : ips) result.addresses.push_back(*net::Address::Ip(ip, question.port));
    question.done(result);
  }
  void Fail(absl::Status status) {
    ASSERT_FALSE(questions.empty());
    const Question question = std::move(questions.front());
    questions.pop_front();
    question.done(std::move(status));
  }

  std::deque<Question> questions;
};

class DnsDiscoveryTest : public testing::Test {
 public:
  DnsDiscoveryTest() {
    config->name = config->stat_name = "be";
    config->discovery = config::Cluster::Discovery::kStrictDns;
    config->dns_refresh_rate = seconds(5);
  }
  void Add(const std::string& name, uint32_t priority = 0) {
    config::Endpoint endpoint;
    endpoint.target = config::DnsTarget{name, 80};
    endpoint.priority = priority;
    config->endpoints.push_back(endpoint);
  }
  void Start() {
    cluster = std::make_unique<Cluster>(config, registry);
    cluster->set_publish([this](std::shared_ptr<const HostSet> hosts) { published.push_back(std::move(hosts)); });
    discovery = std::make_unique<DnsDiscovery>(
        *cluster, resolver, timers, random,
        [this](const absl::Status& why) { failures.emplace_back(why.message()); });
    discovery->Start([this] { ++first; });
  }
  List Hosts() {
    List result;
    for (const auto& host : cluster->hosts()->hosts) result.push_back(host->address_text());
    return result;
  }
  int64_t Stat(const std::string& name) { return test::Stat(registry, "cluster.be." + name); }
  // Whether the name is asked for again after exactly `after`.
  void ExpectAskedAfter(base::Duration after) {
    EXPECT_TRUE(resolver.questions.empty());
    timers.Advance(after - milliseconds(1));
    EXPECT_TRUE(resolver.questions.empty());
    timers.Advance(milliseconds(1));
    EXPECT_EQ(resolver.questions.size(), 1u);
  }

  test::SimulatedClock clock;
  test::SimulatedTimers timers{clock};
  stats::Registry registry{1};
  base::Random random{1};
  ScriptedResolver resolver;
  std::shared_ptr<config::Cluster> config = std::make_shared<config::Cluster>();
  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<DnsDiscovery> discovery;
  std::vector<std::shared_ptr<const HostSet>> published;
  List failures;
  int first = 0;
};

TEST_F(DnsDiscoveryTest, EveryAddressIsAHostAndTheNameIsAskedAgain) {
  Add("a.test");
  config->dns_family = config::Cluster::DnsFamily::kV4Preferred;
  Start();
  ASSERT_EQ(resolver.questions.size(), 1u);
  EXPECT_EQ(resolver.questions[0].name, "a.test");
  EXPECT_EQ(resolver.questions[0].port, 80);
  EXPECT_EQ(resolver.questions[0].family, net::DnsFamily::kV4Preferred);
  EXPECT_EQ(first, 0);
  resolver.Answer({"10.0.0.1", "10.0.0.2"}, 300);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(Hosts(), (List{"10.0.0.1:80", "10.0.0.2:80"}));
  EXPECT_EQ(cluster->hosts()->hosts[0]->hostname(), "a.test");
  ASSERT_EQ(published.size(), 1u);
  EXPECT_EQ(published[0], cluster->hosts());

  ExpectAskedAfter(seconds(5));  // the TTL was not asked for
  resolver.Answer({"10.0.0.2", "10.0.0.1"});
  EXPECT_EQ(published.size(), 1u);
  EXPECT_EQ(Stat("update_no_rebuild"), 1);
  ExpectAskedAfter(seconds(5));
  resolver.Answer({"10.0.0.2", "10.0.0.3"});
  EXPECT_EQ(Hosts(), (List{"10.0.0.2:80", "10.0.0.3:80"}));
  EXPECT_EQ(published.size(), 2u);
  EXPECT_EQ(Stat("update_attempt"), 3);
  EXPECT_EQ(Stat("update_success"), 3);
  EXPECT_EQ(Stat("membership_total"), 2);
  EXPECT_EQ(first, 1);
}

TEST_F(DnsDiscoveryTest, AsksForTheConfiguredFamily) {
  using From = config::Cluster::DnsFamily;
  using To = net::DnsFamily;
  Add("a.test");
  const std::pair<From, To> families[] = {{From::kAuto, To::kAuto},
                                          {From::kV4Only, To::kV4Only},
                                          {From::kV6Only, To::kV6Only},
                                          {From::kV4Preferred, To::kV4Preferred},
                                          {From::kAll, To::kAll}};
  for (const auto& [from, to] : families) {
    config->dns_family = from;
    resolver.questions.clear();
    Start();
    EXPECT_EQ(resolver.questions.at(0).family, to);
  }
}

TEST_F(DnsDiscoveryTest, TtlWhereItIsRespectedAndKnown) {
  Add("a.test");
  config->respect_dns_ttl = true;
  Start();
  resolver.Answer({"10.0.0.1"}, 42);
  ExpectAskedAfter(seconds(42));
  resolver.Answer({"10.0.0.1"}, 0);
  ExpectAskedAfter(seconds(5));
}

TEST_F(DnsDiscoveryTest, SeveralNamesEachOnItsOwn) {
  Add("a.test");
  Add("b.test", 1);
  config::Endpoint fixed;
  fixed.target = config::Address(config::SocketAddress{.ip = "10.9.9.9", .port = 81});
  config->endpoints.push_back(fixed);
  Start();
  EXPECT_EQ(Hosts(), (List{"10.9.9.9:81"}));
  ASSERT_EQ(resolver.questions.size(), 2u);
  resolver.Answer({"10.0.0.1"});
  EXPECT_EQ(first, 0);
  resolver.Fail(absl::UnavailableError("no"));
  EXPECT_EQ(first, 1);  // it has failed: nobody waits longer
  EXPECT_EQ(Hosts(), (List{"10.0.0.1:80", "10.9.9.9:81"}));
  timers.Advance(seconds(5));
  ASSERT_EQ(resolver.questions.size(), 2u);
  const bool a_first = resolver.questions[0].name == "a.test";
  resolver.Answer({a_first ? "10.0.0.1" : "10.0.0.7"});
  resolver.Answer({a_first ? "10.0.0.7" : "10.0.0.1"});
  EXPECT_EQ(Hosts(), (List{"10.0.0.1:80", "10.9.9.9:81", "10.0.0.7:80"}));
}

TEST_F(DnsDiscoveryTest, ANameAndAFixedAddressThatAreTheSameAreOneHost) {
  Add("a.test");
  Add("b.test");
  Start();
  resolver.Answer({"10.0.0.1"});
  resolver.Answer({"10.0.0.1", "10.0.0.2"});
  EXPECT_EQ(Hosts(), (List{"10.0.0.1:80", "10.0.0.2:80"}));
}

TEST_F(DnsDiscoveryTest, FailuresKeepTheLastGoodAnswer) {
  Add("a.test");
  Start();
  resolver.Answer({"10.0.0.1"});
  timers.Advance(seconds(5));
  resolver.Fail(absl::UnavailableError("SERVFAIL"));
  EXPECT_EQ(Hosts(), (List{"10.0.0.1:80"}));
  timers.Advance(seconds(5));
  resolver.Fail(absl::NotFoundError("NXDOMAIN"));
  EXPECT_EQ(Hosts(), (List{"10.0.0.1:80"}));
  EXPECT_EQ(published.size(), 1u);
  EXPECT_EQ(failures, (List{"SERVFAIL"}));  // the first in a row is told
  EXPECT_EQ(Stat("update_failure"), 1);
  EXPECT_EQ(Stat("update_empty"), 1);
  EXPECT_EQ(Stat("update_success"), 1);
}

TEST_F(DnsDiscoveryTest, BackOffDoublesUpToABoundAndIsSpread) {
  Add("a.test");
  Start();
  base::Duration expected = seconds(5);
  for (int i = 0; i < 8; ++i) {
    resolver.Fail(absl::UnavailableError("no"));
    const base::MonotonicTime failed = clock.MonotonicNow();
    while (resolver.questions.empty()) timers.Advance(milliseconds(10));
    const base::Duration waited = clock.MonotonicNow() - failed;
    EXPECT_GE(waited, expected / 2) << i;
    EXPECT_LE(waited, expected + milliseconds(10)) << i;
    expected = std::min<base::Duration>(expected * 2, DnsDiscovery::kMostBackOff);
  }
  // A good answer ends it.
  resolver.Answer({"10.0.0.1"});
  ExpectAskedAfter(seconds(5));
}

TEST_F(DnsDiscoveryTest, BackOffAsConfigured) {
  Add("a.test");
  config->dns_back_off = {.base = seconds(1), .max = seconds(3)};
  Start();
  for (const int most : {1, 2, 3, 3}) {
    resolver.Fail(absl::UnavailableError("no"));
    timers.Advance(milliseconds(most * 500 - 1));
    EXPECT_TRUE(resolver.questions.empty()) << most;
    timers.Advance(milliseconds(most * 500 + 1));
    EXPECT_EQ(resolver.questions.size(), 1u) << most;
  }
  resolver.Answer({"10.0.0.1"});
  ExpectAskedAfter(seconds(5));
}

TEST_F(DnsDiscoveryTest, Jitter) {
  Add("a.test");
  config->dns_jitter = seconds(2);
  Start();
  base::Duration least = seconds(9), most = seconds(0);
  for (int i = 0; i < 50; ++i) {
    resolver.Answer({"10.0.0.1"});
    const base::MonotonicTime answered = clock.MonotonicNow();
    while (resolver.questions.empty()) timers.Advance(milliseconds(1));
    least = std::min(least, clock.MonotonicNow() - answered);
    most = std::max(most, clock.MonotonicNow() - answered);
  }
  EXPECT_GE(least, seconds(5));
  EXPECT_LT(least, milliseconds(5500));
  EXPECT_GT(most, milliseconds(6500));
  EXPECT_LE(most, milliseconds(7001));
}

TEST_F(DnsDiscoveryTest, BackOffIsNeverShorterForASlowRefresh) {
  Add("a.test");
  config->dns_refresh_rate = seconds(300);
  Start();
  for (int i = 0; i < 3; ++i) {
    resolver.Fail(absl::UnavailableError("no"));
    timers.Advance(seconds(149));
    EXPECT_TRUE(resolver.questions.empty());
    timers.Advance(seconds(151));
    EXPECT_EQ(resolver.questions.size(), 1u);
  }
}

TEST_F(DnsDiscoveryTest, WithoutNamesItIsReadyAtOnce) {
  config::Endpoint fixed;
  fixed.target = config::Address(config::SocketAddress{.ip = "10.9.9.9", .port = 81});
  config->endpoints.push_back(fixed);
  Start();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(published.size(), 1u);
}

TEST_F(DnsDiscoveryTest, AnAnswerThatComesTooLateTouchesNothing) {
  Add("a.test");
  Start();
  discovery.reset();
  resolver.Answer({"10.0.0.1"});
  EXPECT_TRUE(published.empty());
  EXPECT_EQ(timers.armed(), 0u);
}

TEST_F(DnsDiscoveryTest, LogicalDnsKeepsOneAddressWhileTheNameHasIt) {
  config->discovery = config::Cluster::Discovery::kLogicalDns;
  Add("a.test");
  Start();
  resolver.Answer({"10.0.0.1", "10.0.0.2"});
  EXPECT_EQ(Hosts(), List{"10.0.0.1:80"});
  timers.Advance(seconds(5));
  resolver.Answer({"10.0.0.2", "10.0.0.1"});
  EXPECT_EQ(Hosts(), List{"10.0.0.1:80"});
  EXPECT_EQ(published.size(), 1u);
  timers.Advance(seconds(5));
  resolver.Answer({"10.0.0.3", "10.0.0.2"});
  EXPECT_EQ(Hosts(), List{"10.0.0.3:80"});
}

TEST_F(DnsDiscoveryTest, LogicalDnsConnectsToAnyOfTheAddresses) {
  config->discovery = config::Cluster::Discovery::kLogicalDns;
  const auto addresses = [this] {
    List result;
    const auto all = cluster->hosts()->hosts.at(0)->addresses();
    if (all == nullptr) return result;
    for (const net::Address& address : *all) result.push_back(address.text());
    return result;
  };
  Add("a.test");
  Start();
  resolver.Answer({"10.0.0.1", "10.0.0.2", "fd00::1"});
  const auto host = cluster->hosts()->hosts.at(0);
  EXPECT_EQ(addresses(), (List{"10.0.0.1:80", "[fd00::1]:80", "10.0.0.2:80"})) << "of both families in turn";
  timers.Advance(seconds(5));
  resolver.Answer({"10.0.0.3", "10.0.0.1"});
  EXPECT_EQ(cluster->hosts()->hosts.at(0), host);
  EXPECT_EQ(addresses(), (List{"10.0.0.1:80", "10.0.0.3:80"})) << "the one in use is still there, and so the first";
  timers.Advance(seconds(5));
  resolver.Answer({"10.0.0.1"});
  EXPECT_EQ(cluster->hosts()->hosts.at(0), host);
  EXPECT_EQ(addresses(), List{}) << "it is all there is";
  timers.Advance(seconds(5));
  resolver.Answer({"10.0.0.5", "10.0.0.6"});
  EXPECT_EQ(Hosts(), List{"10.0.0.5:80"});
  EXPECT_EQ(addresses(), (List{"10.0.0.5:80", "10.0.0.6:80"}));
}

TEST_F(DnsDiscoveryTest, StrictDnsHostsHaveOneAddressEach) {
  Add("a.test");
  Start();
  resolver.Answer({"10.0.0.1", "10.0.0.2"});
  EXPECT_FALSE(cluster->hosts()->hosts.at(0)->has_several_addresses());
}

}  // namespace
}  // namespace pillion::upstream
