#include "source/load_report/reporter.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "test/support/fake_caller.h"
#include "test/support/simulated_timers.h"

namespace pillion::load_report {
namespace {

using envoy::service::load_stats::v3::LoadStatsRequest;
using envoy::service::load_stats::v3::LoadStatsResponse;
using std::chrono::milliseconds;
using std::chrono::seconds;
using upstream::HostFigures;

config::Endpoint At(const std::string& ip, const std::string& zone, uint32_t priority = 0) {
  config::Endpoint endpoint;
  endpoint.target = config::Address(config::SocketAddress{.ip = ip, .port = 80});
  endpoint.locality = {.region = "r", .zone = zone, .sub_zone = ""};
  endpoint.priority = priority;
  return endpoint;
}

class ReporterTest : public testing::Test {
 public:
  ReporterTest() {
    source_.cluster = "plane";
    node_.set_id("me");
    Add("a", {At("10.0.0.1", "z1"), At("10.0.0.2", "z1"), At("10.0.0.3", "z2"), At("10.0.0.4", "z1", 1)});
    Add("b", {At("10.0.0.9", "z1")});
  }

  void Add(const std::string& name, std::vector<config::Endpoint> endpoints) {
    auto config = std::make_shared<config::Cluster>();
    config->name = config->stat_name = name;
    config->endpoints = std::move(endpoints);
    configs_.push_back(config);
    clusters_[name] = std::make_shared<upstream::Cluster>(config, registry_);
  }
  upstream::Host& host(const std::string& cluster, size_t index) { return *clusters_.at(cluster)->hosts()->hosts.at(index); }
  void Count(upstream::Host& host, uint32_t worker, int64_t issued, int64_t success, int64_t error) {
    host.figures(worker).Add(HostFigures::kRqTotal, issued);
    host.figures(worker).Add(HostFigures::kRqSuccess, success);
    host.figures(worker).Add(HostFigures::kRqError, error);
  }

  void Start() {
    reporter_ = std::make_unique<Reporter>(
        source_, Reporter::Surroundings{.caller = caller_,
                                        .timers = timers_,
                                        .clock = clock_,
                                        .registry = registry_,
                                        .node = node_,
                                        .target = [this] { return target_; },
                                        .for_each_cluster =
                                            [this](const auto& visit) {
                                              for (const auto& [name, cluster] : clusters_) visit(cluster);
                                            },
                                        .warn = [this](std::string_view line) { log_.emplace_back(line); }});
    reporter_->Start();
  }
  void Ask(const std::string& text) {
    LoadStatsResponse response;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &response));
    caller_.Answer(response.SerializeAsString());
  }
  // What was sent since the last time; fails when it is not one.
  LoadStatsRequest Taken() {
    LoadStatsRequest report;
    std::vector<std::string>& sent = caller_.last().sent;
    EXPECT_EQ(sent.size(), 1u);
    if (!sent.empty()) {
      EXPECT_TRUE(report.ParseFromString(sent.front()));
    }
    sent.clear();
    return report;
  }
  std::string Text(const LoadStatsRequest& report) {
    LoadStatsRequest without = report;
    without.clear_node();
    std::string text;
    google::protobuf::TextFormat::Printer printer;
    printer.SetSingleLineMode(true);
    printer.PrintToString(without, &text);
    return text;
  }
  uint64_t Metric(const std::string& name) {
    return registry_.control().counter(registry_.AddCounter("load_reporter." + name))->value();
  }

  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  stats::Registry registry_{2};
  test::FakeCaller caller_;
  config::ApiSource source_;
  envoy::config::core::v3::Node node_;
  std::optional<client::Target> target_ = client::Target{};
  std::vector<std::shared_ptr<config::Cluster>> configs_;
  std::map<std::string, std::shared_ptr<upstream::Cluster>> clusters_;
  std::vector<std::string> log_;
  std::unique_ptr<Reporter> reporter_;
};

TEST_F(ReporterTest, SaysWhoItIsFirst) {
  source_.metadata = {{"x-key", "v"}};
  Start();
  EXPECT_EQ(caller_.last().request.path, "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats");
  EXPECT_EQ(caller_.last().request.metadata, source_.metadata);
  const LoadStatsRequest first = Taken();
  EXPECT_EQ(first.node().id(), "me");
  EXPECT_THAT(first.node().client_features(), testing::ElementsAre("envoy.lrs.supports_send_all_clusters"));
  EXPECT_EQ(first.cluster_stats_size(), 0);
  timers_.Advance(seconds(100));  // nobody has asked for anything
  EXPECT_TRUE(caller_.last().sent.empty());
}

TEST_F(ReporterTest, WhatHasComeSinceTheLastTime) {
  Start();
  Taken();
  Count(host("a", 0), 0, 5, 5, 0);  // before it was asked for
  Ask("clusters: 'a' load_reporting_interval { seconds: 10 }");
  Count(host("a", 0), 0, 3, 1, 1);
  Count(host("a", 1), 1, 2, 2, 0);
  host("a", 1).figures(1).Add(HostFigures::kRqActive, 1);
  Count(host("a", 2), 0, 1, 1, 0);
  Count(host("a", 3), 0, 1, 0, 1);
  Count(host("b", 0), 0, 7, 7, 0);  // which nobody asks for
  timers_.Advance(seconds(9));
  EXPECT_TRUE(caller_.last().sent.empty());
  timers_.Advance(seconds(1));
  const LoadStatsRequest report = Taken();
  EXPECT_EQ(report.node().id(), "me");
  EXPECT_EQ(Text(report),
            "cluster_stats { cluster_name: \"a\" "
            "upstream_locality_stats { locality { region: \"r\" zone: \"z1\" } total_successful_requests: 3 "
            "total_requests_in_progress: 1 total_error_requests: 1 total_issued_requests: 5 } "
            "upstream_locality_stats { locality { region: \"r\" zone: \"z2\" } total_successful_requests: 1 "
            "total_issued_requests: 1 } "
            "upstream_locality_stats { locality { region: \"r\" zone: \"z1\" } total_error_requests: 1 priority: 1 "
            "total_issued_requests: 1 } "
            "load_report_interval { seconds: 10 } } ");
  // What was told is not told again; what is in progress still is.
  timers_.Advance(seconds(10));
  EXPECT_EQ(Text(Taken()),
            "cluster_stats { cluster_name: \"a\" upstream_locality_stats { locality { region: \"r\" zone: \"z1\" } "
            "total_requests_in_progress: 1 } load_report_interval { seconds: 10 } } ");
  EXPECT_EQ(Metric("requests"), 1u);
  EXPECT_EQ(Metric("responses"), 3u);
}

TEST_F(ReporterTest, EachHost) {
  Start();
  Taken();
  Ask("clusters: 'a' report_endpoint_granularity: true load_reporting_interval { seconds: 1 }");
  Count(host("a", 1), 0, 2, 2, 0);
  timers_.Advance(seconds(1));
  EXPECT_EQ(Text(Taken()),
            "cluster_stats { cluster_name: \"a\" upstream_locality_stats { locality { region: \"r\" zone: \"z1\" } "
            "total_successful_requests: 2 upstream_endpoint_stats { address { socket_address { address: \"10.0.0.2\" "
            "port_value: 80 } } total_successful_requests: 2 total_issued_requests: 2 } total_issued_requests: 2 } "
            "load_report_interval { seconds: 1 } } ");
}

TEST_F(ReporterTest, NameOfTheAssignment) {
  auto config = std::make_shared<config::Cluster>();
  config->name = config->stat_name = "e";
  config->discovery = config::Cluster::Discovery::kEds;
  config->service_name = "users.prod";
  clusters_["e"] = std::make_shared<upstream::Cluster>(config, registry_);
  Start();
  Taken();
  Ask("clusters: 'e' load_reporting_interval { seconds: 1 }");
  timers_.Advance(seconds(1));
  EXPECT_EQ(Taken().cluster_stats(0).cluster_service_name(), "users.prod");
}

TEST_F(ReporterTest, WhatWasRefused) {
  configs_[0]->assignment_policy.drop_category = "flood";
  clusters_["a"] = std::make_shared<upstream::Cluster>(configs_[0], registry_);
  Start();
  Taken();
  clusters_["a"]->drops().Count(0, true);
  Ask("clusters: 'a' load_reporting_interval { seconds: 1 }");
  clusters_["a"]->drops().Count(0, true);
  clusters_["a"]->drops().Count(1, true);
  clusters_["a"]->drops().Count(1, false);
  timers_.Advance(seconds(1));
  EXPECT_EQ(Text(Taken()),
            "cluster_stats { cluster_name: \"a\" total_dropped_requests: 3 load_report_interval { seconds: 1 } "
            "dropped_requests { category: \"flood\" dropped_count: 2 } } ");
}

TEST_F(ReporterTest, AllClustersAndThoseThatComeAndGo) {
  Start();
  Taken();
  Ask("send_all_clusters: true load_reporting_interval { seconds: 1 }");
  timers_.Advance(seconds(1));
  EXPECT_EQ(Taken().cluster_stats_size(), 2);
  Add("c", {At("10.0.0.5", "z1")});
  clusters_.erase("b");
  Count(host("c", 0), 0, 1, 1, 0);
  timers_.Advance(seconds(1));
  EXPECT_EQ(Taken().cluster_stats_size(), 1);  // it is followed from now on
  Count(host("c", 0), 0, 1, 1, 0);
  timers_.Advance(seconds(1));
  const LoadStatsRequest report = Taken();
  ASSERT_EQ(report.cluster_stats_size(), 2);
  EXPECT_EQ(report.cluster_stats(1).upstream_locality_stats(0).total_issued_requests(), 1u);
}

// A cluster that takes another's place counts from its begin, and so do hosts; one that was named before it was there, too.
TEST_F(ReporterTest, WhatTakesAnothersPlace) {
  Start();
  Taken();
  Count(host("a", 0), 0, 100, 100, 0);
  Ask("clusters: ['a', 'later'] load_reporting_interval { seconds: 1 }");
  clusters_.at("a")->drops().Count(0, false);
  clusters_["a"] = std::make_shared<upstream::Cluster>(configs_[0], registry_);
  Count(host("a", 0), 0, 2, 2, 0);
  Add("later", {At("10.0.0.5", "z1")});
  Count(host("later", 0), 0, 3, 3, 0);
  timers_.Advance(seconds(1));
  const LoadStatsRequest report = Taken();
  ASSERT_EQ(report.cluster_stats_size(), 2);
  EXPECT_EQ(report.cluster_stats(0).upstream_locality_stats(0).total_issued_requests(), 2u);
  EXPECT_EQ(report.cluster_stats(0).total_dropped_requests(), 0u);
  EXPECT_EQ(report.cluster_stats(1).upstream_locality_stats(0).total_issued_requests(), 3u);
  EXPECT_EQ(report.cluster_stats(1).load_report_interval().seconds(), 1);
}

// What it was asked for holds on the next stream, and nothing is lost.
TEST_F(ReporterTest, AfterAFailure) {
  Start();
  Taken();
  Ask("clusters: 'a' load_reporting_interval { seconds: 10 }");
  Count(host("a", 0), 0, 4, 4, 0);
  caller_.End({codec::grpc::Code::kUnavailable, "gone"});
  EXPECT_THAT(log_, testing::ElementsAre(testing::HasSubstr("load reports to plane: ")));
  timers_.Advance(Reporter::kRetry - milliseconds(1));
  EXPECT_EQ(caller_.size(), 1u);
  timers_.Advance(milliseconds(1));
  ASSERT_EQ(caller_.size(), 2u);
  const LoadStatsRequest report = Taken();
  EXPECT_EQ(report.node().id(), "me");
  EXPECT_EQ(report.cluster_stats(0).upstream_locality_stats(0).total_issued_requests(), 4u);
  EXPECT_EQ(report.cluster_stats(0).load_report_interval().seconds(), 5);
  timers_.Advance(seconds(10));
  EXPECT_EQ(Taken().cluster_stats_size(), 1);
  EXPECT_EQ(Metric("errors"), 1u);
  EXPECT_EQ(Metric("retries"), 1u);
}

TEST_F(ReporterTest, NoHostToTell) {
  target_.reset();
  Start();
  EXPECT_EQ(caller_.size(), 0u);
  target_ = client::Target{};
  timers_.Advance(Reporter::kRetry);
  EXPECT_EQ(caller_.size(), 1u);
}

TEST_F(ReporterTest, NodeOnce) {
  source_.node_once = true;
  Start();
  EXPECT_TRUE(Taken().has_node());
  Ask("load_reporting_interval { seconds: 1 }");
  timers_.Advance(seconds(1));
  EXPECT_FALSE(Taken().has_node());
}

TEST_F(ReporterTest, WhatAServerMaySay) {
  Start();
  Taken();
  for (const char* interval : {"", "load_reporting_interval {}", "load_reporting_interval { seconds: -5 nanos: 3 }",
                               "load_reporting_interval { nanos: -2000000000 }"}) {
    Ask(interval);
    timers_.Advance(Reporter::kShortest - milliseconds(1));
    EXPECT_TRUE(caller_.last().sent.empty()) << interval;
    timers_.Advance(milliseconds(1));
    Taken();
  }
  Ask("load_reporting_interval { seconds: 9223372036854775807 nanos: 2147483647 }");
  timers_.Advance(Reporter::kLongest - seconds(1));
  EXPECT_TRUE(caller_.last().sent.empty());
  caller_.Answer("\xff\xff");
  EXPECT_FALSE(caller_.open());
  EXPECT_THAT(log_.back(), testing::HasSubstr("a message that is no LoadStatsResponse"));
  timers_.Advance(Reporter::kRetry);
  EXPECT_TRUE(caller_.open());
}

}  // namespace
}  // namespace pillion::load_report
