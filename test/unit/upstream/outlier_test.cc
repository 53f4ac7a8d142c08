// Outlier detection: what workers tell, and what the main thread makes of it, on simulated time.

#include <gtest/gtest.h>

#include <thread>

#include "source/upstream/outlier_detector.h"
#include "test/support/simulated_timers.h"
#include "test/support/stat.h"

namespace pillion::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class OutlierTest : public testing::Test {
 public:
  static constexpr auto kExternal = OutlierMonitor::kExternal;
  static constexpr auto kLocal = OutlierMonitor::kLocal;

  OutlierTest() {
    cluster_config->name = cluster_config->stat_name = "be";
    config->max_ejection_percent = 100;
  }
  void Start(int hosts) {
    for (int i = 1; i <= hosts; ++i) {
      config::Endpoint endpoint;
      endpoint.target = config::SocketAddress{.ip = "10.0.0." + std::to_string(i), .port = 80};
      cluster_config->endpoints.push_back(endpoint);
    }
    cluster_config->outlier_detection = config;
    cluster = std::make_unique<Cluster>(cluster_config, registry);
    cluster->set_publish([this](const std::shared_ptr<const HostSet>&) { ++published; });
    detector = std::make_unique<OutlierDetector>(
        *cluster, OutlierDetector::Surroundings{
                      .timers = timers,
                      .clock = clock,
                      .random = random,
                      .registry = registry,
                      .post = [this](std::function<void()> work) { posted.push_back(std::move(work)); },
                      .log = [this](std::string_view line) { log.emplace_back(line); }});
    detector->Start();
  }
  // What workers posted to the main thread.
  void RunPosted() {
    while (!posted.empty()) {
      for (const std::function<void()>& work : std::exchange(posted, {})) work();
    }
  }
  Host& host(size_t index) { return *cluster->hosts()->hosts.at(index); }
  OutlierMonitor& monitor(size_t index) { return *host(index).outlier_monitor(); }
  bool Ejected(size_t index) { return (host(index).flags() & kFailedOutlierCheck) != 0; }
  void Answer(size_t index, int status, int times = 1) {
    for (int i = 0; i < times; ++i) monitor(index).OnAnswer(static_cast<uint32_t>(i % 2), status);
    RunPosted();
  }
  int64_t Stat(const std::string& name) { return test::Stat(registry, "cluster.be.outlier_detection." + name); }

  test::SimulatedClock clock;
  test::SimulatedTimers timers{clock};
  stats::Registry registry{2};
  base::Random random{1};
  std::shared_ptr<config::OutlierDetection> config = std::make_shared<config::OutlierDetection>();
  std::shared_ptr<config::Cluster> cluster_config = std::make_shared<config::Cluster>();
  std::vector<std::function<void()>> posted;
  std::vector<std::string> log;
  int published = 0;
  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<OutlierDetector> detector;
};

TEST_F(OutlierTest, ConsecutiveServerErrors) {
  Start(3);
  Answer(0, 500, 4);
  Answer(0, 200);
  Answer(0, 500, 4);
  EXPECT_FALSE(Ejected(0));
  Answer(0, 599);
  EXPECT_TRUE(Ejected(0));
  EXPECT_EQ(host(0).health(), HostHealth::kUnhealthy);
  EXPECT_FALSE(Ejected(1));
  EXPECT_EQ(published, 1);
  EXPECT_EQ(cluster->hosts()->priorities[0].healthy.size(), 2u);
  EXPECT_EQ(Stat("ejections_active"), 1);
  EXPECT_EQ(Stat("ejections_enforced_total"), 1);
  EXPECT_EQ(Stat("ejections_detected_consecutive_5xx"), 1);
  EXPECT_EQ(Stat("ejections_enforced_consecutive_5xx"), 1);
  // What was under way makes no difference.
  Answer(0, 500, 20);
  EXPECT_EQ(Stat("ejections_detected_consecutive_5xx"), 1);
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log[0],
            R"({"type":"CONSECUTIVE_5XX","timestamp":"2026-01-01T00:00:00.000Z","cluster_name":"be",)"
            R"("upstream_url":"10.0.0.1:80","action":"EJECT","num_ejections":1,"enforced":true,)"
            "\"eject_consecutive_event\":{}}\n");
}

TEST_F(OutlierTest, ConsecutiveGatewayFailures) {
  config->consecutive_gateway_failure = 2;
  config->enforcing[static_cast<size_t>(config::OutlierKind::kConsecutiveGatewayFailure)] = 100;
  Start(2);
  Answer(0, 502);
  Answer(0, 500);  // an error, but not a gateway's
  Answer(0, 503);
  EXPECT_FALSE(Ejected(0));
  Answer(0, 504);
  EXPECT_TRUE(Ejected(0));
  EXPECT_EQ(Stat("ejections_enforced_consecutive_gateway_failure"), 1);
  EXPECT_EQ(Stat("ejections_detected_consecutive_5xx"), 0);
}

// Without the split, what has no answer is an answer of 503 or 504.
TEST_F(OutlierTest, NoAnswerCountsAsAnError) {
  Start(2);
  for (int i = 0; i < 5; ++i) {
    monitor(0).OnConnected(0);  // says nothing yet
    monitor(0).OnNoAnswer(0, i % 2 == 0 ? 503 : 504);
  }
  RunPosted();
  EXPECT_TRUE(Ejected(0));
  monitor(1).OnTcpConnected(0);
  EXPECT_EQ(monitor(1).Sum(kExternal).successes, 1u);
}

TEST_F(OutlierTest, LocalOriginApart) {
  config->split_local_origin = true;
  config->consecutive_local_origin_failure = 3;
  Start(2);
  monitor(0).OnNoAnswer(0, 503);
  monitor(0).OnNoAnswer(1, 504);
  monitor(0).OnAnswer(0, 200);  // of another kind
  monitor(0).OnConnected(1);
  monitor(0).OnNoAnswer(0, 503);
  monitor(0).OnNoAnswer(0, 503);
  RunPosted();
  EXPECT_FALSE(Ejected(0));
  monitor(0).OnNoAnswer(1, 503);
  RunPosted();
  EXPECT_TRUE(Ejected(0));
  EXPECT_EQ(Stat("ejections_enforced_consecutive_local_origin_failure"), 1);
  EXPECT_EQ(monitor(0).Sum(kExternal).requests, 1u);
  EXPECT_EQ(monitor(0).Sum(kLocal).requests, 6u);
  EXPECT_EQ(monitor(0).Sum(kLocal).successes, 1u);
}

TEST_F(OutlierTest, ReturnsAfterItsTime) {
  Start(2);
  Answer(0, 500, 5);
  timers.Advance(seconds(29));
  EXPECT_TRUE(Ejected(0));
  timers.Advance(seconds(1));  // at the end of the third interval
  EXPECT_FALSE(Ejected(0));
  EXPECT_EQ(Stat("ejections_active"), 0);
  EXPECT_EQ(published, 2);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[1],
            R"({"type":"CONSECUTIVE_5XX","timestamp":"2026-01-01T00:00:30.000Z","secs_since_last_action":"30",)"
            R"("cluster_name":"be","upstream_url":"10.0.0.1:80","action":"UNEJECT","num_ejections":1,)"
            "\"enforced\":false}\n");
  // As many failures as before are needed.
  Answer(0, 500, 4);
  EXPECT_FALSE(Ejected(0));
  Answer(0, 500);
  EXPECT_TRUE(Ejected(0));
}

TEST_F(OutlierTest, TheTimeGrowsUpToItsMost) {
  config->interval = seconds(1);
  config->base_ejection_time = seconds(10);
  config->max_ejection_time = seconds(25);
  Start(2);
  const auto ejected_for = [&] {
    Answer(0, 500, 5);
    EXPECT_TRUE(Ejected(0));
    seconds time{0};
    for (; Ejected(0); ++time) timers.Advance(seconds(1));
    return time;
  };
  EXPECT_EQ(ejected_for(), seconds(10));
  EXPECT_EQ(ejected_for(), seconds(20));
  EXPECT_EQ(ejected_for(), seconds(20));  // the multiplier ends where the most would be passed
  timers.Advance(seconds(1));             // an interval without trouble
  EXPECT_EQ(ejected_for(), seconds(20));
  timers.Advance(seconds(2));
  EXPECT_EQ(ejected_for(), seconds(10));
}

TEST_F(OutlierTest, Jitter) {
  config->interval = seconds(1);
  config->max_ejection_time_jitter = seconds(100);
  Start(2);
  Answer(0, 500, 5);
  seconds time{0};
  for (; Ejected(0); ++time) timers.Advance(seconds(1));
  EXPECT_GT(time, seconds(30));
  EXPECT_LE(time, seconds(131));
}

TEST_F(OutlierTest, NotMoreThanAShare) {
  config->max_ejection_percent = 50;
  Start(3);
  Answer(0, 500, 5);
  Answer(1, 500, 5);
  EXPECT_TRUE(Ejected(0));
  EXPECT_FALSE(Ejected(1));
  EXPECT_EQ(Stat("ejections_overflow"), 1);
  EXPECT_EQ(Stat("ejections_detected_consecutive_5xx"), 2);
  // It is seen again though no answer was good meanwhile.
  Answer(1, 500, 5);
  EXPECT_EQ(Stat("ejections_overflow"), 2);

  detector.reset();
  cluster_config = std::make_shared<config::Cluster>(*cluster_config);
  cluster_config->endpoints.clear();
  config = std::make_shared<config::OutlierDetection>(*config);
  config->max_ejection_percent = 10;
  config->always_eject_one_host = true;
  Start(2);
  Answer(0, 500, 5);
  Answer(1, 500, 5);
  EXPECT_TRUE(Ejected(0));
  EXPECT_FALSE(Ejected(1));
}

TEST_F(OutlierTest, DetectedButNotEnforced) {
  config->enforcing.fill(0);
  Start(2);
  Answer(0, 500, 5);
  EXPECT_FALSE(Ejected(0));
  EXPECT_EQ(published, 0);
  EXPECT_EQ(Stat("ejections_detected_consecutive_5xx"), 1);
  EXPECT_EQ(Stat("ejections_enforced_consecutive_5xx"), 0);
  ASSERT_EQ(log.size(), 1u);
  EXPECT_NE(log[0].find("\"enforced\":false"), std::string::npos);
}

TEST_F(OutlierTest, SuccessRate) {
  config->success_rate_minimum_hosts = 4;
  config->success_rate_request_volume = 10;
  config->success_rate_stdev_factor = 1.0;
  config->consecutive_5xx = 1000;
  Start(5);
  for (size_t i = 0; i < 4; ++i) Answer(i, 200, 10);
  Answer(4, 200, 9);  // too few of them
  timers.Advance(seconds(10));
  EXPECT_EQ(detector->rates(kExternal).average, 100);
  EXPECT_EQ(detector->rates(kExternal).threshold, 100);
  EXPECT_EQ(detector->success_rate(host(0), kExternal), 100);
  EXPECT_EQ(detector->success_rate(host(4), kExternal), -1);

  for (size_t i = 0; i < 4; ++i) Answer(i, 200, 10);
  Answer(3, 500, 10);
  timers.Advance(seconds(10));
  // 100, 100, 100, 50: the average is 87.5, the deviation 21.65.
  EXPECT_NEAR(detector->rates(kExternal).average, 87.5, 0.001);
  EXPECT_NEAR(detector->rates(kExternal).threshold, 65.849, 0.001);
  EXPECT_TRUE(Ejected(3));
  EXPECT_EQ(Stat("ejections_enforced_success_rate"), 1);
  ASSERT_EQ(log.size(), 1u);
  EXPECT_NE(log[0].find(R"("eject_success_rate_event":{"host_success_rate":50,"cluster_average_success_rate":87,)"
                        R"("cluster_success_rate_ejection_threshold":65})"),
            std::string::npos);

  // Too few hosts are left that are not ejected.
  for (size_t i = 0; i < 3; ++i) Answer(i, i == 0 ? 500 : 200, 10);
  timers.Advance(seconds(10));
  EXPECT_FALSE(Ejected(0));
  EXPECT_EQ(detector->rates(kExternal).average, -1);
}

TEST_F(OutlierTest, FailurePercentage) {
  config->failure_percentage_minimum_hosts = 2;
  config->failure_percentage_request_volume = 10;
  config->failure_percentage_threshold = 60;
  config->enforcing[static_cast<size_t>(config::OutlierKind::kFailurePercentage)] = 100;
  config->consecutive_5xx = 1000;
  Start(3);
  Answer(0, 500, 10);
  timers.Advance(seconds(10));
  EXPECT_FALSE(Ejected(0));  // the only one with enough requests
  Answer(0, 200, 4);
  Answer(0, 500, 6);
  Answer(1, 200, 5);
  Answer(1, 500, 5);
  timers.Advance(seconds(10));
  EXPECT_TRUE(Ejected(0));
  EXPECT_FALSE(Ejected(1));
  EXPECT_EQ(Stat("ejections_enforced_failure_percentage"), 1);
  ASSERT_EQ(log.size(), 1u);
  EXPECT_NE(log[0].find(R"("eject_failure_percentage_event":{"host_success_rate":40})"), std::string::npos);
}

// Each kind has its own share of cases in which it is enforced.
TEST_F(OutlierTest, Enforcing) {
  using Kind = config::OutlierKind;
  config->split_local_origin = true;
  config->success_rate_minimum_hosts = config->failure_percentage_minimum_hosts = 2;
  config->success_rate_request_volume = config->failure_percentage_request_volume = 10;
  config->success_rate_stdev_factor = 0.5;
  config->consecutive_5xx = 1000;
  config->consecutive_local_origin_failure = 10;
  config->enforcing.fill(0);
  Start(2);
  for (int i = 0; i < 10; ++i) {
    monitor(0).OnAnswer(0, 500);
    monitor(1).OnAnswer(0, 200);
    monitor(0).OnNoAnswer(0, 503);
    monitor(1).OnConnected(0);
  }
  RunPosted();
  timers.Advance(seconds(10));
  for (const char* name : {"success_rate", "local_origin_success_rate", "failure_percentage",
                           "local_origin_failure_percentage", "consecutive_local_origin_failure"}) {
    EXPECT_EQ(Stat("ejections_detected_" + std::string(name)), 1) << name;
    EXPECT_EQ(Stat("ejections_enforced_" + std::string(name)), 0) << name;
  }
  EXPECT_EQ(published, 0);

  config->enforcing[static_cast<size_t>(Kind::kFailurePercentageLocalOrigin)] = 50;
  int enforced = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 10; ++i) {
      monitor(0).OnNoAnswer(0, 503);
      monitor(1).OnConnected(0);
    }
    RunPosted();
    timers.Advance(seconds(10));
    if (!Ejected(0)) continue;
    ++enforced;
    detector->OnCheckPassed(host(0));
  }
  EXPECT_GT(enforced, 8);
  EXPECT_LT(enforced, 32);
}

TEST_F(OutlierTest, ACheckThatPassesTakesItBack) {
  Start(2);
  Answer(0, 500, 5);
  detector->OnCheckPassed(host(1));
  EXPECT_TRUE(Ejected(0));
  detector->OnCheckPassed(host(0));
  EXPECT_FALSE(Ejected(0));
  EXPECT_EQ(published, 2);
  config->successful_check_unejects = false;
  Answer(0, 500, 5);
  detector->OnCheckPassed(host(0));
  EXPECT_TRUE(Ejected(0));
}

TEST_F(OutlierTest, HostsThatComeAndGo) {
  Start(2);
  Answer(0, 500, 5);
  const std::shared_ptr<Host> gone = cluster->hosts()->hosts[0];
  const std::shared_ptr<Host> kept = cluster->hosts()->hosts[1];
  config::Endpoint& endpoint = cluster_config->endpoints[1];
  for (int i = 0; i < 4; ++i) gone->outlier_monitor()->OnAnswer(0, 200);
  cluster->UpdateHosts({{kept->address(), &endpoint}, {*net::Address::Ip("10.0.0.9", 80), &endpoint}});
  EXPECT_EQ(Stat("ejections_active"), 0);
  for (int i = 0; i < 5; ++i) gone->outlier_monitor()->OnAnswer(0, 500);  // a request that was under way
  RunPosted();
  EXPECT_EQ(Stat("ejections_detected_consecutive_5xx"), 1);
  for (const auto& host : cluster->hosts()->hosts) ASSERT_NE(host->outlier_monitor(), nullptr);
  Answer(1, 500, 5);
  EXPECT_TRUE(Ejected(1));
  EXPECT_EQ(Stat("ejections_active"), 1);
  detector.reset();
  gone->outlier_monitor()->OnAnswer(0, 500);
  RunPosted();  // nobody is there to hear it
}

// Failures in a row are counted over all workers.
TEST_F(OutlierTest, CountsOverThreads) {
  config->consecutive_5xx = 4000;
  Start(1);
  std::atomic<int> reports = 0;
  const auto monitor = std::make_shared<OutlierMonitor>(
      config,
      std::make_shared<OutlierMonitor::Report>(
          [&](const std::shared_ptr<OutlierMonitor>&, config::OutlierKind) { ++reports; }),
      2);
  std::vector<std::thread> threads;
  for (uint32_t worker = 0; worker < 2; ++worker) {
    threads.emplace_back([&, worker] {
      for (int i = 0; i < 2000; ++i) monitor->OnAnswer(worker, 500);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(reports, 1);
  EXPECT_EQ(monitor->Sum(kExternal).requests, 4000u);
  EXPECT_EQ(monitor->Sum(kExternal).successes, 0u);
}

}  // namespace
}  // namespace pillion::upstream
