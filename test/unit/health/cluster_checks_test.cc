// When hosts are asked, and what their answers make of them, on simulated time; the answers are the test's.

#include "source/health/cluster_checks.h"

#include <gtest/gtest.h>

#include <map>

#include "test/support/simulated_timers.h"
#include "test/support/stat.h"

namespace pillion::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Answers when the test says so.
class ScriptedProber final : public Prober {
 public:
  struct Asked final : Session {
    Asked(ScriptedProber& prober, const Target& target) : prober(prober), target(target) {
      prober.sessions[target.address.text()] = this;
    }
    ~Asked() override { prober.sessions.erase(target.address.text()); }
    void Check(std::function<void(const Result&)> then) override {
      ++checks;
      done = std::move(then);
    }
    ScriptedProber& prober;
    const Target target;
    int checks = 0;
    std::function<void(const Result&)> done;
  };

  std::unique_ptr<Session> Open(const Target& target) override { return std::make_unique<Asked>(*this, target); }

  std::map<std::string, Asked*> sessions;  // by address
};

class ClusterChecksTest : public testing::Test {
 public:
  ClusterChecksTest() {
    cluster_config->name = cluster_config->stat_name = "be";
    config->interval = config->unhealthy_interval = seconds(1);
    config->healthy_edge_interval = config->unhealthy_edge_interval = seconds(1);
    config->timeout = seconds(1);
    config->healthy_threshold = 2;
    config->unhealthy_threshold = 3;
    config->how = config::HttpHealthCheck{.path = "/", .expected_statuses = {{200, 201}}};
  }
  config::Endpoint& AddEndpoint(const std::string& ip) {
    config::Endpoint& endpoint = cluster_config->endpoints.emplace_back();
    endpoint.target = config::SocketAddress{.ip = ip, .port = 80};
    return endpoint;
  }
  void Start() {
    cluster_config->health_check = config;
    cluster = std::make_unique<upstream::Cluster>(cluster_config, registry);
    cluster->MarkUsed();
    cluster->set_publish([this](const std::shared_ptr<const upstream::HostSet>&) { ++published; });
    checks = std::make_unique<ClusterChecks>(
        *cluster, ClusterChecks::Surroundings{
                      .timers = timers,
                      .clock = clock,
                      .random = random,
                      .registry = registry,
                      .prober = prober,
                      .post = [this](std::function<void()> work) { posted.push_back(std::move(work)); },
                      .log = [this](std::string_view line) { log.emplace_back(line); },
                      .passed = [this](upstream::Host& host) { passed.push_back(host.address_text()); }});
    checks->Start([this] { ++ready; });
    RunPosted();
  }
  void RunPosted() {
    while (!posted.empty()) {
      for (const std::function<void()>& work : std::exchange(posted, {})) work();
    }
  }
  ScriptedProber::Asked& session(const std::string& address = "10.0.0.1:80") { return *prober.sessions.at(address); }
  void Answer(Outcome outcome, const std::string& address = "10.0.0.1:80") { Answer(Result{.outcome = outcome}, address); }
  void Answer(const Result& result, const std::string& address = "10.0.0.1:80") {
    ASSERT_NE(session(address).done, nullptr) << "was not asked";
    std::exchange(session(address).done, nullptr)(result);
    RunPosted();
  }
  // The next check comes after exactly `after`.
  void ExpectAskedAfter(base::Duration after) {
    EXPECT_EQ(session().done, nullptr);
    timers.Advance(after - milliseconds(1));
    EXPECT_EQ(session().done, nullptr);
    timers.Advance(milliseconds(1));
    EXPECT_NE(session().done, nullptr);
  }
  void AnswerInTurn(std::initializer_list<Outcome> outcomes) {
    for (const Outcome outcome : outcomes) {
      if (session().done == nullptr) timers.Advance(seconds(1));
      Answer(outcome);
    }
  }
  uint32_t Flags(size_t index = 0) { return cluster->hosts()->hosts.at(index)->flags(); }
  bool Healthy(size_t index = 0) { return cluster->hosts()->hosts.at(index)->health() == upstream::HostHealth::kHealthy; }
  int64_t Stat(const std::string& name) { return test::Stat(registry, "cluster.be.health_check." + name); }

  test::SimulatedClock clock;
  test::SimulatedTimers timers{clock};
  stats::Registry registry{2};
  base::Random random{1};
  ScriptedProber prober;
  std::shared_ptr<config::HealthCheck> config = std::make_shared<config::HealthCheck>();
  std::shared_ptr<config::Cluster> cluster_config = std::make_shared<config::Cluster>();
  std::vector<std::function<void()>> posted;
  std::vector<std::string> log;
  std::vector<std::string> passed;
  int published = 0;
  int ready = 0;
  std::unique_ptr<upstream::Cluster> cluster;
  std::unique_ptr<ClusterChecks> checks;
};

TEST_F(ClusterChecksTest, TheFirstCheckDecides) {
  AddEndpoint("10.0.0.1");
  AddEndpoint("10.0.0.2");
  Start();
  EXPECT_FALSE(Healthy(0));
  EXPECT_EQ(ready, 0);
  Answer(Outcome::kPassed);
  EXPECT_TRUE(Healthy(0));
  EXPECT_EQ(cluster->hosts()->priorities[0].healthy.size(), 1u);
  EXPECT_EQ(ready, 0);
  Answer(Outcome::kNetworkFailure, "10.0.0.2:80");
  EXPECT_FALSE(Healthy(1));
  EXPECT_EQ(ready, 1);
  EXPECT_EQ(passed, std::vector<std::string>{"10.0.0.1:80"});
  EXPECT_EQ(Stat("attempt"), 2);
  EXPECT_EQ(Stat("success"), 1);
  EXPECT_EQ(Stat("failure"), 1);
  EXPECT_EQ(Stat("network_failure"), 1);
  EXPECT_EQ(Stat("healthy"), 1);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0],
            R"({"health_checker_type":"HTTP","host":{"socket_address":{"protocol":"TCP","address":"10.0.0.1",)"
            R"("port_value":80}},"cluster_name":"be","add_healthy_event":{"first_check":true},)"
            "\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n");
  EXPECT_NE(log[1].find(R"("health_check_failure_event":{"failure_type":"NETWORK","first_check":true})"),
            std::string::npos);
}

TEST_F(ClusterChecksTest, NewHostsMayBeIgnored) {
  cluster_config->ignore_new_hosts_until_first_check = true;
  AddEndpoint("10.0.0.1");
  AddEndpoint("10.0.0.2");
  Start();
  EXPECT_EQ(cluster->hosts()->priorities[0].excluded, 2u);
  Answer(Outcome::kPassed);
  EXPECT_EQ(cluster->hosts()->priorities[0].excluded, 1u);
  EXPECT_EQ(cluster->hosts()->priorities[0].health, 100u) << "the other one does not count";
  Answer(Outcome::kFailed, "10.0.0.2:80");
  EXPECT_EQ(cluster->hosts()->priorities[0].excluded, 0u);
  EXPECT_EQ(cluster->hosts()->priorities[0].health, 70u);
}

TEST_F(ClusterChecksTest, WhoIsBackStartsSlowlyAgain) {
  AddEndpoint("10.0.0.1");
  Start();
  Answer(Outcome::kPassed);
  upstream::Host& host = *cluster->hosts()->hosts[0];
  host.Begin(clock.MonotonicNow());
  AnswerInTurn({Outcome::kFailed});
  EXPECT_FALSE(Healthy());
  EXPECT_NE(host.begun(), base::MonotonicTime());
  while (!Healthy()) AnswerInTurn({Outcome::kPassed});
  EXPECT_EQ(host.begun(), base::MonotonicTime());
}

TEST_F(ClusterChecksTest, UnhealthyThreshold) {
  AddEndpoint("10.0.0.1");
  Start();
  AnswerInTurn({Outcome::kPassed, Outcome::kNetworkFailure, Outcome::kTimeout, Outcome::kPassed,
                Outcome::kNetworkFailure, Outcome::kRetriable});
  EXPECT_TRUE(Healthy());  // two in a row, then two in a row
  AnswerInTurn({Outcome::kTimeout});
  EXPECT_FALSE(Healthy());
  EXPECT_EQ(Flags(), upstream::kFailedActiveCheck | upstream::kActiveCheckTimeout);
  EXPECT_NE(log.back().find(R"("eject_unhealthy_event":{"failure_type":"NETWORK_TIMEOUT"})"), std::string::npos);
  AnswerInTurn({Outcome::kNetworkFailure});
  EXPECT_EQ(Flags(), upstream::kFailedActiveCheck);  // no timeout this time
}

TEST_F(ClusterChecksTest, AnAnswerThatSaysSoIsBelievedAtOnce) {
  AddEndpoint("10.0.0.1");
  Start();
  AnswerInTurn({Outcome::kPassed, Outcome::kFailed});
  EXPECT_FALSE(Healthy());
}

TEST_F(ClusterChecksTest, HealthyThreshold) {
  AddEndpoint("10.0.0.1");
  Start();
  AnswerInTurn({Outcome::kFailed, Outcome::kPassed});
  EXPECT_FALSE(Healthy());
  AnswerInTurn({Outcome::kFailed, Outcome::kPassed, Outcome::kPassed});
  EXPECT_TRUE(Healthy());
  EXPECT_NE(log.back().find(R"("add_healthy_event":{"first_check":false})"), std::string::npos);
}

TEST_F(ClusterChecksTest, Intervals) {
  config->interval = seconds(10);
  config->unhealthy_interval = seconds(20);
  config->unhealthy_edge_interval = seconds(3);
  config->healthy_edge_interval = seconds(4);
  AddEndpoint("10.0.0.1");
  Start();
  Answer(Outcome::kPassed);
  ExpectAskedAfter(seconds(10));
  Answer(Outcome::kNetworkFailure);  // not sure yet
  ExpectAskedAfter(seconds(3));
  Answer(Outcome::kNetworkFailure);
  ExpectAskedAfter(seconds(3));
  Answer(Outcome::kNetworkFailure);
  ExpectAskedAfter(seconds(20));
  Answer(Outcome::kPassed);  // not sure yet
  ExpectAskedAfter(seconds(4));
  Answer(Outcome::kPassed);
  ExpectAskedAfter(seconds(10));
}

TEST_F(ClusterChecksTest, IntervalsWithoutTraffic) {
  config->no_traffic_interval = seconds(50);
  config->no_traffic_healthy_interval = seconds(70);
  AddEndpoint("10.0.0.1");
  cluster_config->health_check = config;
  cluster = std::make_unique<upstream::Cluster>(cluster_config, registry);
  EXPECT_FALSE(cluster->used());
  checks = std::make_unique<ClusterChecks>(
      *cluster, ClusterChecks::Surroundings{
                    .timers = timers, .clock = clock, .random = random, .registry = registry, .prober = prober,
                    .post = [](std::function<void()> work) { work(); }, .log = nullptr, .passed = nullptr});
  checks->Start([] {});
  Answer(Outcome::kPassed);
  ExpectAskedAfter(seconds(70));
  Answer(Outcome::kFailed);
  ExpectAskedAfter(seconds(50));
  cluster->MarkUsed();
  Answer(Outcome::kFailed);
  ExpectAskedAfter(seconds(1));
}

TEST_F(ClusterChecksTest, Jitter) {
  config->interval = seconds(10);
  config->interval_jitter = seconds(1);
  config->interval_jitter_percent = 50;
  config->initial_jitter = seconds(5);
  AddEndpoint("10.0.0.1");
  Start();
  EXPECT_EQ(session().checks, 0);
  timers.Advance(seconds(5));
  EXPECT_EQ(session().checks, 1);
  base::Duration least = seconds(100), most{0};
  for (int i = 0; i < 50; ++i) {
    Answer(Outcome::kPassed);
    base::Duration took{0};
    for (; session().done == nullptr; took += milliseconds(50)) timers.Advance(milliseconds(50));
    least = std::min(least, took);
    most = std::max(most, took);
  }
  EXPECT_GE(least, seconds(10));
  EXPECT_LT(least, seconds(12));
  EXPECT_GT(most, seconds(14));
  EXPECT_LE(most, seconds(16) + milliseconds(50));
}

TEST_F(ClusterChecksTest, DegradedAndBack) {
  AddEndpoint("10.0.0.1");
  Start();
  AnswerInTurn({Outcome::kDegraded});
  EXPECT_EQ(Flags(), upstream::kDegradedActiveCheck);
  EXPECT_EQ(cluster->hosts()->priorities[0].degraded.size(), 1u);
  EXPECT_EQ(Stat("degraded"), 1);
  AnswerInTurn({Outcome::kPassed});
  EXPECT_EQ(Flags(), 0u);
  EXPECT_NE(log.back().find(R"("no_longer_degraded_host":{})"), std::string::npos);
}

TEST_F(ClusterChecksTest, AlwaysLogFailures) {
  AddEndpoint("10.0.0.1");
  Start();
  AnswerInTurn({Outcome::kFailed, Outcome::kFailed});
  EXPECT_EQ(log.size(), 1u);  // the first
  config->always_log_failures = true;
  AnswerInTurn({Outcome::kFailed});
  EXPECT_EQ(log.size(), 2u);
}

TEST_F(ClusterChecksTest, ImmediateFailure) {
  AddEndpoint("10.0.0.1");
  Start();
  Answer(Outcome::kPassed);
  cluster->TellImmediateFailure(cluster->hosts()->hosts[0]);
  RunPosted();
  EXPECT_EQ(Flags(), upstream::kFailedActiveCheck | upstream::kExcludedAtOnce);
  EXPECT_EQ(Stat("passive_failure"), 1);
  EXPECT_EQ(cluster->hosts()->priorities[0].excluded, 1u);
  AnswerInTurn({Outcome::kPassed, Outcome::kPassed});
  EXPECT_EQ(Flags(), 0u);
  AnswerInTurn({});
  timers.Advance(seconds(1));
  Answer(Result{.outcome = Outcome::kFailed, .exclude = true, .name_compared = true});
  EXPECT_EQ(Flags(), upstream::kFailedActiveCheck | upstream::kExcludedAtOnce);
  EXPECT_EQ(Stat("verify_cluster"), 1);
}

TEST_F(ClusterChecksTest, WhereAHostIsAsked) {
  std::get<config::HttpHealthCheck>(config->how).host = "checks.test";
  auto special = std::make_shared<config::EndpointCheck>();
  special->port = 8080;
  special->hostname = "mine.test";
  auto elsewhere = std::make_shared<config::EndpointCheck>();
  elsewhere->address = config::SocketAddress{.ip = "10.9.9.9", .port = 99};
  auto disabled = std::make_shared<config::EndpointCheck>();
  disabled->disabled = true;
  AddEndpoint("10.0.0.1");
  AddEndpoint("10.0.0.2").check = special;
  AddEndpoint("10.0.0.3").check = elsewhere;
  AddEndpoint("10.0.0.4").check = disabled;
  Start();
  EXPECT_EQ(prober.sessions.size(), 3u);
  EXPECT_EQ(session("10.0.0.1:80").target.authority, "checks.test");
  EXPECT_EQ(session("10.0.0.2:8080").target.authority, "mine.test");
  EXPECT_EQ(session("10.9.9.9:99").target.authority, "checks.test");
  EXPECT_TRUE(Healthy(3));  // nobody asks it
}

TEST_F(ClusterChecksTest, ReadyAtOnceWithoutHosts) {
  Start();
  EXPECT_EQ(ready, 1);
}

// A host that discovery forgets stays while it passes.
TEST_F(ClusterChecksTest, HostsThatComeAndGo) {
  AddEndpoint("10.0.0.1");
  AddEndpoint("10.0.0.2");
  Start();
  Answer(Outcome::kPassed);
  Answer(Outcome::kFailed, "10.0.0.2:80");
  const config::Endpoint& endpoint = cluster_config->endpoints[0];
  const net::Address third = *net::Address::Ip("10.0.0.3", 80);
  cluster->UpdateHosts({{third, &endpoint}});
  ASSERT_EQ(cluster->hosts()->hosts.size(), 2u);  // the failed one is gone
  EXPECT_EQ(prober.sessions.count("10.0.0.2:80"), 0u);
  EXPECT_EQ(session("10.0.0.3:80").checks, 1);
  EXPECT_FALSE(cluster->UpdateHosts({{third, &endpoint}}));  // nothing new
  for (const auto& host : cluster->hosts()->hosts) {
    EXPECT_EQ((host->flags() & upstream::kPendingRemoval) != 0, host->address() != third);
  }
  // It is named again, and forgotten again; then it fails.
  const net::Address first = *net::Address::Ip("10.0.0.1", 80);
  EXPECT_TRUE(cluster->UpdateHosts({{first, &endpoint}, {third, &endpoint}}));
  EXPECT_EQ(Flags(0) & upstream::kPendingRemoval, 0u);
  EXPECT_TRUE(cluster->UpdateHosts({{third, &endpoint}}));
  EXPECT_EQ(cluster->hosts()->hosts.size(), 2u);
  timers.Advance(seconds(1));
  Answer(Outcome::kFailed);
  EXPECT_EQ(cluster->hosts()->hosts.size(), 1u);
  EXPECT_EQ(prober.sessions.count("10.0.0.1:80"), 0u);
}

TEST_F(ClusterChecksTest, HealthIsIgnoredOnRemoval) {
  cluster_config->ignore_health_on_host_removal = true;
  AddEndpoint("10.0.0.1");
  Start();
  Answer(Outcome::kPassed);
  EXPECT_TRUE(cluster->UpdateHosts({}));
  EXPECT_TRUE(cluster->hosts()->hosts.empty());
  EXPECT_TRUE(prober.sessions.empty());
}

TEST_F(ClusterChecksTest, AHostThatGoesIsNotWaitedFor) {
  cluster_config->ignore_health_on_host_removal = true;
  AddEndpoint("10.0.0.1");
  Start();
  EXPECT_EQ(ready, 0);
  cluster->UpdateHosts({});
  RunPosted();
  EXPECT_EQ(ready, 1);
}

}  // namespace
}  // namespace pillion::health
