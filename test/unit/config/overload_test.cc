// The overload manager of a bootstrap, and what it says of the node and of stats.

#include "source/config/overload.h"

#include <gtest/gtest.h>

#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

std::string Monitor(const std::string& type, const std::string& fields = "", const std::string& name = "heap") {
  return "{name: " + name + ", typed_config: {'@type': type.googleapis.com/envoy.extensions.resource_monitors." +
         type + fields + "}}";
}
const std::string kHeap = Monitor("fixed_heap.v3.FixedHeapConfig", ", max_heap_size_bytes: 100");

Loaded Load(const std::string& rest, const std::string& monitors = kHeap) {
  return LoadText("overload_manager: {resource_monitors: [" + monitors + "]" + (rest.empty() ? "" : ", " + rest) + "}");
}

std::shared_ptr<const Overload> Good(const std::string& rest, const std::string& monitors = kHeap) {
  const Loaded loaded = Load(rest, monitors);
  ExpectGood(loaded);
  return loaded.bootstrap == nullptr ? std::make_shared<Overload>() : loaded.bootstrap->overload;
}

std::string Errors(const std::string& rest, const std::string& monitors = kHeap) {
  return LineAt("", Load(rest, monitors).errors);
}

std::string Action(const std::string& name, const std::string& trigger = "threshold: {value: 0.9}",
                   const std::string& more = "") {
  return "actions: [{name: envoy.overload_actions." + name + ", triggers: [{name: heap, " + trigger + "}]" + more +
         "}]";
}

TEST(OverloadTest, Monitors) {
  EXPECT_EQ(LoadText("{}").bootstrap->overload, nullptr);
  const auto overload = Good("refresh_interval: 0.25s",
                             kHeap + ", " + Monitor("cgroup_memory.v3.CgroupMemoryConfig", "", "c") + ", " +
                                 Monitor("cgroup_memory.v3.CgroupMemoryConfig", ", max_memory_bytes: 7", "d") + ", " +
                                 Monitor("cpu_utilization.v3.CpuUtilizationConfig", ", mode: HOST", "e") + ", " +
                                 Monitor("injected_resource.v3.InjectedResourceConfig", ", filename: /f", "f") + ", " +
                                 Monitor("downstream_connections.v3.DownstreamConnectionsConfig",
                                         ", max_active_downstream_connections: 5", "g"));
  EXPECT_EQ(overload->refresh_interval, std::chrono::milliseconds(250));
  ASSERT_EQ(overload->resources.size(), 6u);
  EXPECT_EQ(overload->resources[0].name, "heap");
  EXPECT_EQ(std::get<FixedHeap>(overload->resources[0].monitor).max_bytes, 100u);
  EXPECT_EQ(std::get<CgroupMemory>(overload->resources[1].monitor).max_bytes, std::nullopt);
  EXPECT_EQ(std::get<CgroupMemory>(overload->resources[2].monitor).max_bytes, 7u);
  EXPECT_TRUE(std::holds_alternative<CpuUtilization>(overload->resources[3].monitor));
  EXPECT_EQ(std::get<InjectedResource>(overload->resources[4].monitor).path, "/f");
  EXPECT_EQ(overload->max_connections(), 5u);
  EXPECT_EQ(Good("")->refresh_interval, std::chrono::seconds(1));
  EXPECT_EQ(Good("")->max_connections(), std::nullopt);
}

TEST(OverloadTest, MonitorsThatCannotBe) {
  EXPECT_EQ(Errors("", ""), "overload_manager.resource_monitors: empty, but required");
  EXPECT_EQ(Errors("refresh_interval: 0s"), "overload_manager.refresh_interval: 0s, expected at least 0.001s");
  EXPECT_EQ(Errors("", kHeap + ", " + kHeap), "overload_manager.resource_monitors[1].name: duplicate name \"heap\"");
  const std::string at = "overload_manager.resource_monitors[0].typed_config";
  EXPECT_EQ(Errors("", Monitor("fixed_heap.v3.FixedHeapConfig")), at + ".max_heap_size_bytes: 0, expected more than 0");
  const std::string connections = "downstream_connections.v3.DownstreamConnectionsConfig";
  EXPECT_EQ(Errors("", Monitor(connections, ", max_active_downstream_connections: -1")),
            at + ".max_active_downstream_connections: -1, expected more than 0");
  EXPECT_EQ(Errors("", Monitor(connections, ", max_active_downstream_connections: 1", "a") + ", " +
                           Monitor(connections, ", max_active_downstream_connections: 2", "b")),
            "overload_manager.resource_monitors[1].typed_config: a second limit of the connections of all listeners, "
            "expected one");
  const std::string engine = "type.googleapis.com/envoy.extensions.regex_engines.v3.GoogleRE2";
  EXPECT_EQ(Errors("", "{name: x, typed_config: {'@type': " + engine + "}}"),
            at + ": a envoy.extensions.regex_engines.v3.GoogleRE2, expected FixedHeapConfig, CgroupMemoryConfig, "
                 "CpuUtilizationConfig, InjectedResourceConfig or DownstreamConnectionsConfig");
  EXPECT_NE(Errors("", Monitor("cpu_utilization.v3.CpuUtilizationConfig", ", mode: CONTAINER")).find("CONTAINER"),
            std::string::npos);
}

TEST(OverloadTest, Triggers) {
  const auto threshold = Good(Action("shrink_heap"))->actions;
  ASSERT_EQ(threshold.size(), 1u);
  EXPECT_EQ(threshold[0].effect, OverloadEffect::kShrinkHeap);
  EXPECT_EQ(threshold[0].triggers.at(0).none, 0.9);
  EXPECT_EQ(threshold[0].triggers.at(0).all, 0.9);
  const auto scaled = Good(Action("shrink_heap", "scaled: {scaling_threshold: 0.8, saturation_threshold: 0.9}"))->actions;
  EXPECT_EQ(scaled.at(0).triggers.at(0).none, 0.8);
  EXPECT_EQ(scaled.at(0).triggers.at(0).all, 0.9);
  const auto point = Good("loadshed_points: [{name: envoy.load_shed_points.tcp_listener_accept, triggers: [{name: heap, "
                          "threshold: {value: 1}}]}]")
                         ->actions;
  EXPECT_EQ(point.at(0).effect, OverloadEffect::kShedAccept);

  const std::string at = "overload_manager.actions[0]";
  EXPECT_EQ(Errors("actions: [{name: envoy.overload_actions.shrink_heap}]"), at + ".triggers: empty, but required");
  EXPECT_EQ(Errors(Action("shrink_heap", "threshold: {value: 1.5}")),
            at + ".triggers[0].threshold.value: 1.5, expected at least 0 and at most 1");
  EXPECT_EQ(Errors(Action("shrink_heap", "scaled: {scaling_threshold: 0.5, saturation_threshold: 0.5}")),
            at + ".triggers[0].scaled: scaling_threshold 0.5, expected less than saturation_threshold, 0.5");
  EXPECT_EQ(Errors("actions: [{name: envoy.overload_actions.shrink_heap, triggers: [{name: heep, threshold: {value: 1}}]}]"),
            at + ".triggers[0].name: there is no resource monitor \"heep\", did you mean \"heap\"?");
  EXPECT_EQ(Errors("actions: [{name: envoy.overload_actions.shrink_heap, triggers: [{name: heap, threshold: {value: 1}}, "
                   "{name: heap, threshold: {value: 0.5}}]}]"),
            at + ".triggers[1].name: a second trigger of \"heap\"");
}

TEST(OverloadTest, ActionsThatCannotBe) {
  const std::string at = "overload_manager.actions[0]";
  EXPECT_EQ(Errors(Action("reset_high_memory_stream")),
            at + ".name: \"envoy.overload_actions.reset_high_memory_stream\", expected one of "
                 "envoy.overload_actions.stop_accepting_requests, envoy.overload_actions.disable_http_keepalive, "
                 "envoy.overload_actions.stop_accepting_connections, envoy.overload_actions.reject_incoming_connections, "
                 "envoy.overload_actions.shrink_heap, envoy.overload_actions.reduce_timeouts");
  EXPECT_EQ(Errors("loadshed_points: [{name: envoy.overload_actions.shrink_heap, triggers: [{name: heap, threshold: {value: "
                   "1}}]}]"),
            "overload_manager.loadshed_points[0].name: \"envoy.overload_actions.shrink_heap\", expected one of "
            "envoy.load_shed_points.tcp_listener_accept, envoy.load_shed_points.http_connection_manager_decode_headers, "
            "envoy.load_shed_points.http_downstream_filter_check");
  EXPECT_EQ(Errors("actions: [{name: envoy.overload_actions.shrink_heap, triggers: [{name: heap, threshold: {value: 1}}]}, "
                   "{name: envoy.overload_actions.shrink_heap, triggers: [{name: heap, threshold: {value: 1}}]}]"),
            "overload_manager.actions[1].name: duplicate name \"envoy.overload_actions.shrink_heap\"");
}

std::string Timers(const std::string& timers) {
  return Action("reduce_timeouts", "threshold: {value: 0.9}",
                ", typed_config: {'@type': type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig, "
                "timer_scale_factors: [" + timers + "]}");
}

TEST(OverloadTest, Timeouts) {
  const auto floors = Good(Timers("{timer: HTTP_DOWNSTREAM_CONNECTION_IDLE, min_timeout: 2s}, "
                                  "{timer: TRANSPORT_SOCKET_CONNECT, min_scale: {value: 25}}"))->floors;
  EXPECT_EQ(floors[static_cast<size_t>(ScaledTimeout::kConnectionIdle)]->duration, std::chrono::seconds(2));
  EXPECT_EQ(floors[static_cast<size_t>(ScaledTimeout::kHandshake)]->part, 0.25);
  EXPECT_FALSE(floors[static_cast<size_t>(ScaledTimeout::kStreamIdle)]);
  const std::string at = "overload_manager.actions[0].typed_config";
  EXPECT_EQ(Errors(Action("reduce_timeouts")), at + ": missing, expected ScaleTimersOverloadActionConfig");
  EXPECT_EQ(Errors(Timers("")), at + ".timer_scale_factors: empty, but required");
  EXPECT_EQ(Errors(Timers("{min_timeout: 1s}")), at + ".timer_scale_factors[0].timer: missing, but required");
  EXPECT_EQ(Errors(Timers("{timer: HTTP_DOWNSTREAM_STREAM_IDLE, min_timeout: 1s}, {timer: HTTP_DOWNSTREAM_STREAM_IDLE, "
                          "min_timeout: 2s}")),
            at + ".timer_scale_factors[1].timer: a second floor of HTTP_DOWNSTREAM_STREAM_IDLE");
  EXPECT_EQ(Errors(Timers("{timer: HTTP_DOWNSTREAM_STREAM_IDLE}")),
            at + ".timer_scale_factors[0]: one of min_timeout, min_scale is required");
}

TEST(OverloadTest, HintsOfPerformance) {
  const Loaded loaded = LoadText(
      "deferred_stat_options: {enable_deferred_creation_stats: true}\nstats_eviction_interval: 10s\n"
      "cluster_manager: {enable_deferred_cluster_creation: true}");
  EXPECT_TRUE(loaded.errors.empty());
  EXPECT_TRUE(loaded.notes.empty());
  const Loaded wrong = LoadText("stats_eviction_interval: 3s\nstats_flush_interval: 2s");
  ASSERT_EQ(wrong.errors.size(), 1u);
  EXPECT_EQ(wrong.errors[0].message, "expected a multiple of stats_flush_interval");
}

TEST(OverloadTest, Node) {
  const Node given = LoadText("node: {user_agent_name: envoy, user_agent_build_version: {version: {major_number: 1, "
                              "minor_number: 39, patch: 3}, metadata: {a: b}}, extensions: [{name: e, category: c, version: "
                              "{version: {patch: 1}}, disabled: true, type_urls: [t]}], client_features: [f]}")
                         .bootstrap->node;
  EXPECT_EQ(given.user_agent_name, "envoy");
  EXPECT_EQ(given.build_version->minor_number, 39u);
  EXPECT_EQ(LoadText("node: {user_agent_version: '7'}").bootstrap->node.user_agent_version, "7");
  EXPECT_EQ(LoadText("{}").bootstrap->node.user_agent_name, "pillion");
}

// What a bootstrap may hold, but no part is there for.
TEST(OverloadTest, WhatIsNotThereIsNamed) {
  const Loaded loaded = LoadText(
      "bootstrap_extensions: [{name: envoy.bootstrap.wasm, typed_config: {'@type': "
      "type.googleapis.com/envoy.extensions.wasm.v3.WasmService}}]");
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_NE((loaded.errors[0].path + loaded.errors[0].message).find("bootstrap_extensions"), std::string::npos)
      << loaded.errors[0].message;
}

}  // namespace
}  // namespace pillion::config
