// Hosts that requests name: what is read of the policy override_host; and what is read of preconnects.

#include <gtest/gtest.h>

#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

constexpr char kRandom[] =
    "{policies: [{typed_extension_config: {name: r, typed_config: "
    "{'@type': type.googleapis.com/envoy.extensions.load_balancing_policies.random.v3.Random}}}]}";

std::string Override(const std::string& sources, const std::string& fallback = kRandom) {
  return "{policies: [{typed_extension_config: {name: o, typed_config: "
         "{'@type': type.googleapis.com/envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost, "
         "override_host_sources: [" + sources + "], fallback_policy: " + fallback + "}}}]}";
}

Loaded Load(const std::string& rest) { return LoadText("static_resources: {clusters: [{name: a, " + rest + "}]}\n"); }

std::shared_ptr<const Cluster> Good(const std::string& rest) {
  return GoodCluster(Load(rest));
}

std::string Error(const std::string& rest) {
  const Loaded loaded = Load(rest);
  return loaded.errors.empty() ? "none" : loaded.errors.front().message;
}

TEST(HostOverride, Sources) {
  const LoadBalancing built =
      Good("load_balancing_policy: " + Override("{header: X-To}, {metadata: {key: envoy.lb, path: [{key: to}]}}"))
          ->load_balancing;
  EXPECT_EQ(built.policy, LoadBalancing::Policy::kRandom);
  ASSERT_NE(built.host_override, nullptr);
  ASSERT_EQ(built.host_override->sources.size(), 2u);
  EXPECT_EQ(std::get<http::FieldName>(built.host_override->sources[0]).text(), "x-to");
  EXPECT_EQ(std::get<MetadataPath>(built.host_override->sources[1]).keys, std::vector<std::string>{"to"});
  EXPECT_EQ(built.host_override->health, std::nullopt);
}

TEST(HostOverride, HealthThatIsAskedFor) {
  const auto health = [](const std::string& statuses) {
    return *Good("load_balancing_policy: " + Override("{header: x-to}") +
                 ", common_lb_config: {override_host_status: {statuses: [" + statuses + "]}}")
                ->load_balancing.host_override->health;
  };
  EXPECT_EQ(health(""), 0);
  EXPECT_EQ(health("HEALTHY"), HostOverride::kHealthy);
  EXPECT_EQ(health("UNKNOWN, DRAINING"), HostOverride::kHealthy | HostOverride::kDraining);
  EXPECT_EQ(health("UNHEALTHY, DEGRADED"), HostOverride::kUnhealthy | HostOverride::kDegraded);
  EXPECT_EQ(health("TIMEOUT"), HostOverride::kUnhealthy);
}

TEST(HostOverride, Errors) {
  EXPECT_EQ(Error("load_balancing_policy: " + Override("{}")), "expected either header or metadata");
  EXPECT_EQ(Error("load_balancing_policy: " + Override("{header: a, metadata: {key: a, path: [{key: b}]}}")),
            "expected either header or metadata");
  EXPECT_EQ(Error("load_balancing_policy: " + Override("{header: 'a b'}")), "\"a b\", expected a header's name");
  EXPECT_EQ(Error("load_balancing_policy: " + Override("{header: a}", Override("{header: b}"))),
            "OverrideHost, expected it to be the outermost policy");
}

TEST(Preconnect, Ratios) {
  const Preconnect none = Good("connect_timeout: 1s")->preconnect;
  EXPECT_EQ(none.per_host, 1);
  EXPECT_EQ(none.predictive, 1);
  const Preconnect both =
      Good("preconnect_policy: {per_upstream_preconnect_ratio: 1.5, predictive_preconnect_ratio: 3}")->preconnect;
  EXPECT_EQ(both.per_host, 1.5);
  EXPECT_EQ(both.predictive, 3);
  EXPECT_NE(Error("preconnect_policy: {per_upstream_preconnect_ratio: 0.5}"), "none");
  EXPECT_NE(Error("preconnect_policy: {predictive_preconnect_ratio: 3.1}"), "none");
}

}  // namespace
}  // namespace pillion::config
