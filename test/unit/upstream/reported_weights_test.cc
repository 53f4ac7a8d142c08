#include "source/upstream/reported_weights.h"

#include <gtest/gtest.h>

#include "test/support/simulated_timers.h"

namespace pillion::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Weights = std::vector<uint32_t>;

TEST(ReportedWeights, OfAReport) {
  const auto weight = [](http::LoadReport report, double penalty = 1) { return WeightOf(report, penalty); };
  EXPECT_EQ(weight({.cpu_utilization = 0.5, .requests_per_second = 100}), 200u);
  EXPECT_EQ(weight({.cpu_utilization = 0.5, .requests_per_second = 100, .named = 0.25}), 400u);
  EXPECT_EQ(weight({.application_utilization = 0.8, .cpu_utilization = 0.5, .requests_per_second = 100, .named = 0.25}), 125u);
  // A tenth of all are errors.
  EXPECT_EQ(weight({.cpu_utilization = 0.4, .requests_per_second = 100, .errors_per_second = 10}), 200u);
  EXPECT_EQ(weight({.cpu_utilization = 0.4, .requests_per_second = 100, .errors_per_second = 10}, 0), 250u);
  EXPECT_EQ(weight({.cpu_utilization = 0.4}), 0u) << "no requests";
  EXPECT_EQ(weight({.requests_per_second = 100}), 0u) << "no load";
  EXPECT_EQ(weight({.cpu_utilization = 1e-300, .requests_per_second = 1e300}), UINT32_MAX);
  EXPECT_EQ(weight({.cpu_utilization = 1, .requests_per_second = 0.1}), 1u);
}

class ReportedWeightsTest : public testing::Test {
 public:
  ReportedWeightsTest() {
    config->name = config->stat_name = "be";
    config->load_balancing.reported_weights = weighting;
    for (int i = 1; i <= 3; ++i) {
      config::Endpoint endpoint;
      endpoint.target = config::Address(config::SocketAddress{.ip = "10.0.0." + std::to_string(i), .port = 80});
      endpoint.weight = 7;
      config->endpoints.push_back(endpoint);
    }
  }
  void Start() {
    cluster = std::make_unique<Cluster>(config, registry);
    cluster->set_publish([this](std::shared_ptr<const HostSet>) { ++published; });
    weights = std::make_unique<ReportedWeights>(*cluster, timers, clock);
    weights->Start();
  }
  Host& host(size_t index) { return *cluster->hosts()->hosts.at(index); }
  void Report(size_t index, uint32_t weight) { host(index).Report(weight, clock.MonotonicNow()); }
  Weights Now() { return {host(0).weight(), host(1).weight(), host(2).weight()}; }

  test::SimulatedClock clock;
  test::SimulatedTimers timers{clock};
  stats::Registry registry{1};
  std::shared_ptr<config::ReportedWeighting> weighting = std::make_shared<config::ReportedWeighting>();
  std::shared_ptr<config::Cluster> config = std::make_shared<config::Cluster>();
  std::unique_ptr<Cluster> cluster;
  std::unique_ptr<ReportedWeights> weights;
  int published = 0;
};

TEST_F(ReportedWeightsTest, EachPeriodWithTheMedianForTheOthers) {
  weighting->blackout = base::Duration::zero();
  Start();
  timers.Advance(seconds(1));
  EXPECT_EQ(Now(), (Weights{7, 7, 7})) << "nobody has reported";
  Report(0, 100);
  Report(1, 300);
  timers.Advance(milliseconds(999));
  EXPECT_EQ(Now(), (Weights{7, 7, 7}));
  EXPECT_EQ(published, 0);
  timers.Advance(milliseconds(1));
  EXPECT_EQ(Now(), (Weights{100, 300, 200}));
  EXPECT_EQ(published, 1);
  timers.Advance(seconds(1));
  EXPECT_EQ(published, 1) << "nothing has changed";
  Report(2, 1000);
  timers.Advance(seconds(1));
  EXPECT_EQ(Now(), (Weights{100, 300, 1000}));
  // What discovery says of weights is nothing as long as there are reports.
  config::Endpoint other = config->endpoints[0];
  other.weight = 9;
  EXPECT_TRUE(host(0).Update(other));
  EXPECT_EQ(host(0).weight(), 100u);
}

TEST_F(ReportedWeightsTest, NotBeforeTheBlackoutIsOver) {
  weighting->blackout = seconds(3);
  Start();
  Report(0, 100);
  timers.Advance(seconds(2));
  Report(1, 50);
  EXPECT_EQ(Now(), (Weights{7, 7, 7}));
  timers.Advance(seconds(1));
  EXPECT_EQ(Now(), (Weights{100, 100, 100})) << "the only one that is known";
  timers.Advance(seconds(2));
  EXPECT_EQ(Now(), (Weights{100, 50, 75}));
}

TEST_F(ReportedWeightsTest, OldReportsCountNoMore) {
  weighting->blackout = seconds(2);
  weighting->expiration = seconds(5);
  Start();
  Report(0, 100);
  timers.Advance(seconds(4));
  Report(1, 300);
  timers.Advance(seconds(2));
  EXPECT_EQ(Now(), (Weights{300, 300, 300})) << "the first has not reported for 6 s";
  Report(0, 100);
  timers.Advance(seconds(1));
  EXPECT_EQ(host(0).weight(), 300u) << "its blackout begins anew";
  timers.Advance(seconds(1));
  EXPECT_EQ(Now(), (Weights{100, 300, 200}));
  timers.Advance(seconds(60));
  EXPECT_EQ(Now(), (Weights{100, 100, 100})) << "the first was the last to report, and without any all stay as they were";
}

}  // namespace
}  // namespace pillion::upstream
