// When threads count as stuck, and what else a bootstrap says of how the process is watched.

#include <gtest/gtest.h>

#include "source/config/load.h"

namespace pillion::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string ErrorOf(const std::string& text) {
  const Loaded loaded = LoadText(text);
  return loaded.errors.empty() ? "" : loaded.errors[0].path + ": " + loaded.errors[0].message;
}

constexpr char kAbort[] = "{name: a, typed_config: {'@type': type.googleapis.com/envoy.watchdog.v3.AbortActionConfig";

TEST(WatchdogTest, Defaults) {
  const Loaded loaded = LoadText("watchdogs: {worker_watchdog: {kill_timeout: 3s}}");
  ASSERT_NE(loaded.bootstrap, nullptr);
  const Watchdog& main = loaded.bootstrap->main_watchdog;
  EXPECT_EQ(main.miss, milliseconds(200));
  EXPECT_EQ(main.mega_miss, seconds(1));
  EXPECT_EQ(main.kill, seconds(0));
  EXPECT_EQ(main.multi_kill, seconds(0));
  EXPECT_TRUE(main.aborts.empty());
  EXPECT_EQ(loaded.bootstrap->worker_watchdog.kill, seconds(3));
  EXPECT_FALSE(loaded.bootstrap->turn_stats);
  EXPECT_FALSE(loaded.bootstrap->stats.flush_on_admin);
}

TEST(WatchdogTest, AllThereIs) {
  const std::string action = std::string("actions: [{event: MEGAMISS, config: ") + kAbort +
                             ", wait_duration: 2s}}}, {event: KILL, config: " + kAbort + "}}}, {event: MISS}, {config: " +
                             kAbort + "}}}]";
  const Loaded loaded = LoadText(
      "watchdogs: {main_thread_watchdog: {miss_timeout: 1s, megamiss_timeout: 2s, kill_timeout: 3s, multikill_timeout: 4s, "
      "multikill_threshold: {value: 30}, max_kill_timeout_jitter: 5s, " + action + "}}");
  ASSERT_NE(loaded.bootstrap, nullptr) << loaded.errors[0].message;
  const Watchdog& main = loaded.bootstrap->main_watchdog;
  EXPECT_EQ(main.miss, seconds(1));
  EXPECT_EQ(main.mega_miss, seconds(2));
  EXPECT_EQ(main.kill, seconds(3));
  EXPECT_EQ(main.multi_kill, seconds(4));
  EXPECT_EQ(main.multi_kill_threshold, 30);
  EXPECT_EQ(main.most_kill_jitter, seconds(5));
  ASSERT_EQ(main.aborts.size(), 2u);  // without an event, or a configuration, nothing is done
  EXPECT_EQ(main.aborts[0].on, Watchdog::Event::kMegaMiss);
  EXPECT_EQ(main.aborts[0].wait, seconds(2));
  EXPECT_EQ(main.aborts[1].on, Watchdog::Event::kKill);
  EXPECT_EQ(main.aborts[1].wait, seconds(5));
  EXPECT_EQ(loaded.bootstrap->worker_watchdog.miss, milliseconds(200));
}

TEST(WatchdogTest, TheFormerField) {
  const Loaded loaded = LoadText("watchdog: {miss_timeout: 3s}");
  ASSERT_NE(loaded.bootstrap, nullptr);
  EXPECT_EQ(loaded.bootstrap->main_watchdog.miss, seconds(3));
  EXPECT_EQ(loaded.bootstrap->worker_watchdog.miss, seconds(3));
  EXPECT_EQ(ErrorOf("{watchdog: {}, watchdogs: {}}"), "watchdog: there is watchdogs already, expected one of them");
}

TEST(WatchdogTest, Refuses) {
  EXPECT_TRUE(ErrorOf("watchdogs: {worker_watchdog: {miss_timeout: -1s}}").starts_with("watchdogs.worker_watchdog.miss_timeout: "));
  EXPECT_TRUE(ErrorOf("watchdogs: {worker_watchdog: {multikill_threshold: {value: 101}}}")
                  .starts_with("watchdogs.worker_watchdog.multikill_threshold.value: "));
  const std::string wrong = "watchdogs: {main_thread_watchdog: {actions: [{event: MISS, config: {name: a, typed_config: {'@type': "
                            "type.googleapis.com/envoy.extensions.regex_engines.v3.GoogleRE2}}}]}}";
  EXPECT_EQ(ErrorOf(wrong),
            "watchdogs.main_thread_watchdog.actions[0].config.typed_config: a envoy.extensions.regex_engines.v3.GoogleRE2, "
            "expected AbortActionConfig");
}

TEST(WatchdogTest, DispatcherStats) {
  EXPECT_TRUE(LoadText("enable_dispatcher_stats: true").bootstrap->turn_stats);
}

TEST(WatchdogTest, FlushOnAdmin) {
  EXPECT_TRUE(LoadText("stats_flush_on_admin: true").bootstrap->stats.flush_on_admin);
  EXPECT_EQ(ErrorOf("stats_flush_on_admin: false"), "stats_flush_on_admin: false, expected true, or none");
  EXPECT_EQ(ErrorOf("{stats_flush_on_admin: true, stats_flush_interval: 1s}"),
            "stats_flush_on_admin: there is stats_flush_interval already, expected one of them");
  EXPECT_EQ(ErrorOf("{stats_flush_on_admin: true, stats_eviction_interval: 7s}"), "");
}

TEST(WatchdogTest, MetricsService) {
  const auto text = [](const std::string& more, const std::string& cluster = "m") {
    return "static_resources: {clusters: [{name: m, typed_extension_protocol_options: "
           "{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': "
           "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: "
           "{http2_protocol_options: {}}}}}, {name: old}]}\n"
           "stats_sinks: [{name: s, typed_config: {'@type': type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig, "
           "grpc_service: {envoy_grpc: {cluster_name: " + cluster + "}, initial_metadata: [{key: K, value: v}]}" + more + "}}]";
  };
  const Loaded loaded = LoadText(text(""));
  ASSERT_NE(loaded.bootstrap, nullptr) << loaded.errors[0].message;
  const auto& service = std::get<MetricsService>(loaded.bootstrap->stats.sinks.at(0).to);
  EXPECT_EQ(service.cluster, "m");
  EXPECT_EQ(service.authority, "m");
  EXPECT_EQ(service.metadata, (std::vector<std::pair<std::string, std::string>>{{"k", "v"}}));
  EXPECT_TRUE(!service.deltas && !service.labels && service.summaries && service.histograms && service.batch == 0);
  const Loaded more = LoadText(text(", transport_api_version: V3, report_counters_as_deltas: true, emit_tags_as_labels: true, "
                                    "histogram_emit_mode: SUMMARY, batch_size: 7"));
  ASSERT_NE(more.bootstrap, nullptr) << more.errors[0].message;
  const auto& other = std::get<MetricsService>(more.bootstrap->stats.sinks.at(0).to);
  EXPECT_TRUE(other.deltas && other.labels && other.summaries && !other.histograms);
  EXPECT_EQ(other.batch, 7u);
  EXPECT_FALSE(std::get<MetricsService>(LoadText(text(", histogram_emit_mode: HISTOGRAM")).bootstrap->stats.sinks[0].to).summaries);
  EXPECT_EQ(ErrorOf(text("", "n")),
            "stats_sinks[0].typed_config.grpc_service.envoy_grpc.cluster_name: unknown cluster 'n'");
  EXPECT_FALSE(ErrorOf(text(", transport_api_version: V2")).empty());
}

}  // namespace
}  // namespace pillion::config
