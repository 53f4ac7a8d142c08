// What is said of the filters before the router, and of the lanes that they choose.

#include <gmock/gmock.h>

#include "absl/strings/str_replace.h"
#include "test/unit/explain/world.h"

namespace pillion::explain {
namespace {

using ::testing::HasSubstr;

// Filters in front of the router.
std::string WithFilters(const std::string& filters, const std::string& routes = "{match: {prefix: /}, route: {cluster: a}}") {
  return absl::StrReplaceAll(Http(routes), {{"http_filters: [", "http_filters: [" + filters + ", "}});
}

std::string Filter(const std::string& name, const std::string& type, const std::string& fields) {
  return "{name: " + name + ", typed_config: {'@type': type.googleapis.com/pillion.filters.http." + type + ", " + fields + "}}";
}

TEST(Explain, WhichLimitsApply) {
  const World world(Bootstrap(WithFilters(Filter(
      "limit", "limit.v1.Limit",
      "rules: [{name: some, when: \"request.method == 'GET'\", window: {limit: 1, length: 1s}, "
      "key: [{name: who, value: \"request.headers['x-who']\"}, {name: from, value: source.ip}]}]"))));
  const std::string text = world.Ask({{"header", "x-who:me"}, {"source", "192.0.2.1"}});
  EXPECT_THAT(text, HasSubstr("- who: request.headers['x-who'] = \"me\"\n"));
  EXPECT_THAT(text, HasSubstr("applies: yes\n"));
  EXPECT_THAT(text, HasSubstr("- from: source.ip = \"192.0.2.1\"\n"));
  EXPECT_THAT(world.Ask({{"method", "PUT"}}), HasSubstr("applies: no: its condition does not hold\n"));
  EXPECT_THAT(world.Ask({}), HasSubstr("applies: no, unless a request has more than the question: its key has no who\n"));
}

// A cluster of a host of the baseline and one of the lane env=gray, of that health.
std::string LaneCluster(const std::string& health) {
  const auto host = [](const std::string& ip, const std::string& more) {
    return "{endpoint: {address: {socket_address: {address: " + ip + ", port_value: 80}}}" + more + "}";
  };
  return "  - {name: a, load_balancing_policy: {policies: [{typed_extension_config: {name: l, typed_config: {'@type': "
         "type.googleapis.com/pillion.load_balancing_policies.lanes.v1.Lanes}}}]}, load_assignment: {cluster_name: a, endpoints: "
         "[{lb_endpoints: [" +
         host("10.0.0.1", "") + ", " +
         host("10.0.0.2", ", health_status: " + health + ", metadata: {filter_metadata: {envoy.lb: {env: gray}}}") + "]}]}}\n";
}

std::string Grey(const std::string& rules) { return Filter("grey", "grey.v1.Grey", "rules: [" + rules + "]"); }
constexpr char kByField[] = "{name: field, conditions: [{header: {name: x-env, value: {exact: gray}}}], colour: {env: gray}}";

TEST(Explain, TheLaneOfARule) {
  const World world(Bootstrap(WithFilters(Grey(kByField)), LaneCluster("HEALTHY")));
  EXPECT_EQ(world.Result({{"header", "x-env:gray"}}), R"(cluster "a": 10.0.0.2:80)");
  EXPECT_THAT(world.Ask({{"header", "x-env:gray"}}), HasSubstr("verdict: by rule \"field\": env=gray\n"));
  EXPECT_THAT(world.Ask({{"header", "x-env:gray"}}), HasSubstr("choice: the lane of its colour\n"));
  EXPECT_EQ(world.Result({}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({}), HasSubstr("why: conditions[0] does not hold: header x-env is absent\n"));
  EXPECT_THAT(world.Ask({}), HasSubstr("verdict: by no rule: no colour\n"));
}

TEST(Explain, ALaneThatIsUnhealthy) {
  const World world(Bootstrap(WithFilters(Grey(kByField)), LaneCluster("UNHEALTHY")));
  EXPECT_EQ(world.Result({{"header", "x-env:gray"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({{"header", "x-env:gray"}}),
              HasSubstr("choice: the baseline, as the lane of its colour is unhealthy\n"));
}

// As many requests are in flight as its host may have.
TEST(Explain, ALaneThatIsFull) {
  const World world(Bootstrap(WithFilters(Grey(kByField)),
                              absl::StrReplaceAll(LaneCluster("HEALTHY"), {{"v1.Lanes}", "v1.Lanes, max_requests_per_endpoint: 2}"}})));
  world.Busy("a", 1, 1);
  EXPECT_EQ(world.Result({{"header", "x-env:gray"}}), R"(cluster "a": 10.0.0.2:80)");
  world.Busy("a", 1, 1);
  EXPECT_EQ(world.Result({{"header", "x-env:gray"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({{"header", "x-env:gray"}}), HasSubstr("choice: the baseline, as the lane of its colour is full\n"));
}

std::string Toggles(const std::string& fields) {
  return Filter("toggles", "toggles.v1.Toggles", "trust: {addresses: [{address_prefix: 127.0.0.0, prefix_len: 8}]}, " + fields);
}

TEST(Explain, ALaneThatIsForced) {
  const std::string filters = Toggles("allow: {lane: true, turn_off: [GREY]}");
  const World world(Bootstrap(WithFilters(filters + ", " + Grey("{name: all, colour: {env: other}}")), LaneCluster("HEALTHY")));
  const std::string forced = world.Ask({{"header", "x-pillion-lane:env=gray,zone=1"}});
  EXPECT_TRUE(forced.starts_with("result: cluster \"a\": 10.0.0.2:80\n")) << forced;
  EXPECT_THAT(forced, HasSubstr("forces lane: \"env=gray\"\n"));
  EXPECT_THAT(forced, HasSubstr("unknown: \"zone=1\"\n"));
  EXPECT_THAT(forced, HasSubstr("verdict: by a toggle: env=gray\n"));
  // Also where nothing colours the request.
  const std::string off = world.Ask({{"header", "x-pillion-lane:env=gray"}, {"header", "x-pillion-off:grey,limit"}});
  EXPECT_TRUE(off.starts_with("result: cluster \"a\": 10.0.0.2:80\n")) << off;
  EXPECT_THAT(off, HasSubstr("turns off: \"grey\"\n"));
  EXPECT_THAT(off, HasSubstr("not allowed: \"limit\"\n"));
  EXPECT_THAT(off, HasSubstr("verdict: turned off by the request\n"));
  EXPECT_EQ(world.Result({{"header", "x-pillion-off:grey"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_EQ(world.Result({{"header", "x-pillion-lane:env=gray"}, {"colour", "env=blue"}}), R"(cluster "a": 10.0.0.1:80)");
  // A stranger's counts for nothing.
  EXPECT_THAT(world.Ask({{"header", "x-pillion-lane:env=gray"}, {"source", "192.0.2.1"}}), HasSubstr("verdict: by rule \"all\": env=other\n"));
}

TEST(Explain, WhatIsTurnedOff) {
  const std::string context = Filter("context", "context.v1.Context", "direction: INBOUND, trust: {addresses: [{address_prefix: 127.0.0.0, prefix_len: 8}]}");
  const World world(Bootstrap(WithFilters(Toggles("allow: {turn_off: [CONTEXT]}") + ", " + context + ", " + Grey(kByField)), LaneCluster("HEALTHY")));
  EXPECT_EQ(world.Result({{"header", "baggage:env=gray"}}), R"(cluster "a": 10.0.0.2:80)");
  EXPECT_EQ(world.Result({{"header", "baggage:env=gray"}, {"header", "x-pillion-off:context"}}), R"(cluster "a": 10.0.0.1:80)");
}

TEST(Explain, ALaneThatFailsClosed) {
  const std::string lanes = Filter("grey", "grey.v1.Grey", "rules: [" + std::string(kByField) + "], lanes: [{labels: {env: gray}, fail_closed: true}]");
  const World world(Bootstrap(WithFilters(lanes), LaneCluster("UNHEALTHY")));
  EXPECT_EQ(world.Result({{"header", "x-env:gray"}}), R"(503: no healthy upstream in cluster "a")");
  EXPECT_THAT(world.Ask({{"header", "x-env:gray"}}), HasSubstr("choice: none, as the lane of its colour is unhealthy and it fails closed\n"));
}

TEST(Explain, APartOfTheRequests) {
  const World world(Bootstrap(WithFilters(Grey("{name: part, colour: {env: gray}, per_million: 50000}")), LaneCluster("HEALTHY")));
  EXPECT_EQ(world.Result({}), R"(cluster "a": 10.0.0.2:80)");
  EXPECT_EQ(world.Result({{"random", "49999"}}), R"(cluster "a": 10.0.0.2:80)");
  EXPECT_EQ(world.Result({{"random", "50000"}}), R"(cluster "a": 10.0.0.1:80)");
  EXPECT_THAT(world.Ask({}), HasSubstr("parts: 5 % of such requests; chance decides for each of them\n"));
}

TEST(Explain, APartThatAKeyChooses) {
  const std::string sticky = ", sticky: {key: \"request.headers['x-user']\"}";
  const World world(Bootstrap(WithFilters(Grey("{name: part, colour: {env: gray}, per_million: 500000" + sticky + "}")), LaneCluster("HEALTHY")));
  const std::string first = world.Result({{"header", "x-user:a"}});
  EXPECT_EQ(world.Result({{"header", "x-user:a"}, {"random", "999999"}}), first);
  EXPECT_THAT(world.Ask({{"header", "x-user:a"}}), HasSubstr("50 % of such requests; by its key this one stays where it is\n"));
  size_t gray = 0;
  for (int user = 0; user < 40; ++user) {
    gray += world.Result({{"header", "x-user:" + std::to_string(user)}}) == R"(cluster "a": 10.0.0.2:80)" ? 1 : 0;
  }
  EXPECT_GT(gray, 5u);
  EXPECT_LT(gray, 35u);
}

// The sender's, where he is trusted; a rule that overrides comes first.
TEST(Explain, TheColourOfAContext) {
  const auto filters = [](const std::string& trust) {
    return Filter("context", "context.v1.Context", "direction: INBOUND, trust: {addresses: [{address_prefix: " + trust + ", prefix_len: 8}]}") + ", " +
           Grey("{name: all, colour: {env: other}}, {name: first, conditions: [{header: {name: x-first}}], colour: {env: gray}, override: true}");
  };
  const World trusting(Bootstrap(WithFilters(filters("127.0.0.0")), LaneCluster("HEALTHY")));
  EXPECT_EQ(trusting.Result({{"header", "baggage:env=gray"}}), R"(cluster "a": 10.0.0.2:80)");
  EXPECT_THAT(trusting.Ask({{"header", "baggage:env=gray"}}), HasSubstr("verdict: by the context of a sender who is trusted: env=gray\n"));
  EXPECT_THAT(trusting.Ask({{"header", "baggage:env=x"}, {"header", "x-first:1"}}), HasSubstr("verdict: by rule \"first\": env=gray\n"));
  const World other(Bootstrap(WithFilters(filters("10.0.0.0")), LaneCluster("HEALTHY")));
  EXPECT_THAT(other.Ask({{"header", "baggage:env=gray"}}), HasSubstr("verdict: by rule \"all\": env=other\n"));
}

}  // namespace
}  // namespace pillion::explain
