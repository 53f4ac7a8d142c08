// What is wrong with a configuration is said with its place, its value and what was expected: one case each.

#include <gtest/gtest.h>

#include <algorithm>

#include "test/unit/config/error_fixture.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

TEST_P(ErrorTest, IsSaid) {
  const ErrorCase& c = GetParam();
  std::string text = kGood;
  const size_t at = text.find(c.from);
  ASSERT_NE(at, std::string::npos);
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n') + c.line;
  text.replace(at, std::string_view(c.from).size(), c.to);

  const Loaded loaded = LoadText(text);
  EXPECT_EQ(loaded.bootstrap, nullptr);
  std::vector<std::string> found, expected;
  for (const ConfigError& error : loaded.errors) found.push_back(ErrorText("", error));
  for (const std::string& error : c.errors) expected.push_back(":" + std::to_string(line) + ": " + Expand(error));
  EXPECT_EQ(found, expected);
}

const ErrorCase kNames[] = {
    {"UnknownFieldAsInTheReadme",
     "- filters:",
     "- filtres:",
     {"LISTENERS[0].filter_chains[0]: unknown field \"filtres\", did you mean \"filters\"?"}},
    {"UnknownFieldCamelCase",
     "stat_prefix: web",
     "statPrefx: web",
     {"HCM: unknown field \"statPrefx\", did you mean \"stat_prefix\"?"}},
    {"UnknownFieldWithoutNeighbour",
     "node: {id: n",
     "node: {id: n, zzzzzzzzzz: 1",
     {"node: unknown field \"zzzzzzzzzz\""}},
    {"FieldOfEnvoyThatIsNotImplemented",
     "stat_prefix: web",
     "stat_prefix: web\n          http3_protocol_options: {}",
     {"HCM: unknown field \"http3_protocol_options\", did you mean \"http_protocol_options\"?"},
     1},
    {"UnknownType",
     "http.router.v3.Router",
     "http.router.v3.Ruoter",
     {"HCM.http_filters[0].typed_config: unknown type "
      "\"type.googleapis.com/envoy.extensions.filters.http.router.v3."
      "Ruoter\", did you mean \"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\"?"}},
    {"TypeWhoseEndIsWrong",
     "envoy.extensions.filters.http.router.v3.Router",
     "envoy.extensions.filters.network.http_connection_manager.v3.HttpConectionManager",
     {"HCM.http_filters[0].typed_config: unknown type \"type.googleapis.com/envoy.extensions.filters.network."
      "http_connection_manager.v3.HttpConectionManager\", did you mean \"type.googleapis.com/envoy.extensions.filters.network."
      "http_connection_manager.v3.HttpConnectionManager\"?"}},
    {"TypeThatIsNotImplemented",
     "envoy.extensions.filters.http.router.v3.Router",
     "envoy.extensions.filters.http.lua.v3.Lua",
     {"HCM.http_filters[0].typed_config: unknown type \"type.googleapis.com/envoy.extensions.filters.http.lua.v3."
      "Lua\", not implemented or misspelt; docs/envoy-fields.md has those that are"}},
    {"TypeWithoutHost",
     "type.googleapis.com/envoy.extensions.filters.http",
     "envoy.extensions.filters.http",
     {"HCM.http_filters[0].typed_config: unknown type \"envoy.extensions.filters.http.router.v3.Router\", did you "
      "mean "
      "\"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\"?"}},
    {"TypeMissing",
     "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}",
     "{}",
     {"HCM.http_filters[0].typed_config: \"@type\" is missing; expected \"type.googleapis.com/\" and the "
      "message's "
      "name"}},
    {"TypeAtTheWrongPlace",
     "envoy.extensions.filters.http.router.v3.Router",
     "envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {http_protocol_options: {}}",
     {"HCM.http_filters[0].typed_config: a envoy.extensions.upstreams.http.v3.HttpProtocolOptions, expected "
      "an HTTP filter"}},
    {"DuplicateKey", "node: {id: n", "node: {id: n, id: m", {"node: duplicate key \"id\", first in line 1"}},
    {"DuplicateKeyOfAnotherSpelling",
     "stat_prefix: web",
     "stat_prefix: web\n          statPrefix: web",
     {"HCM: duplicate key \"statPrefix\", another spelling of stat_prefix"},
     1},
    {"DuplicateKeyInFreeData", "{a: 1}", "{a: 1, a: 2}", {"node.metadata: duplicate key \"a\", first in line 1"}},
    {"MembersOfAOneof",
     "{prefix: /d}",
     "{prefix: /d, path: /d}",
     {"TABLE[0].routes[0].match: prefix and path exclude each other"}},
};

const ErrorCase kAddresses[] = {
    {"RangeThatIsNone",
     "strip_matching_host_port: true",
     "internal_address_config: {cidr_ranges: [{address_prefix: 10.0.0}]}",
     {"HCM.internal_address_config.cidr_ranges[0].address_prefix: \"10.0.0\", expected an IP address"}},
    {"RangeThatIsTooNarrow",
     "strip_matching_host_port: true",
     "internal_address_config: {cidr_ranges: [{address_prefix: 10.0.0.1, prefix_len: 33}]}",
     {"HCM.internal_address_config.cidr_ranges[0].prefix_len: 33, expected at most 32"}},
    {"RangeWithoutAddress",
     "strip_matching_host_port: true",
     "internal_address_config: {cidr_ranges: [{}]}",
     {"HCM.internal_address_config.cidr_ranges[0].address_prefix: missing, but required"}},
};

const ErrorCase kValues[] = {
    {"WordForANumber",
     "port_value: 80}",
     "port_value: eighty}",
     {"LISTENERS[0].address.socket_address.port_value: \"eighty\", expected a whole number from 0 to 4294967295"}},
    {"OctalNumber",
     "port_value: 80}",
     "port_value: 010}",
     {"LISTENERS[0].address.socket_address.port_value: \"010\", expected a whole number from 0 to 4294967295; octal 010 is 8"}},
    {"OctalMode",
     "mode: 384",
     "mode: \"0600\"",
     {"LISTENERS[1].address.pipe.mode: \"0600\", expected a whole number from 0 to 4294967295; octal 0600 is 384"}},
    {"OctalModeOfYaml12",
     "mode: 384",
     "mode: 0o640",
     {"LISTENERS[1].address.pipe.mode: \"0o640\", expected a whole number from 0 to 4294967295; octal 0o640 is 416"}},
    {"ZerosThatAreNotOctal",
     "mode: 384",
     "mode: 0689",
     {"LISTENERS[1].address.pipe.mode: \"0689\", expected a whole number from 0 to 4294967295"}},
    {"EnumWithoutTheValueThatNobodyMeans",
     "- name: users\n",
     "- name: users\n    health_checks: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: "
     "{path: /, method: GETT}}]\n",
     {"CLUSTERS[0].health_checks[0].http_health_check.method: \"GETT\", expected one of GET, HEAD, POST, PUT, DELETE, CONNECT, "
      "OPTIONS, TRACE, PATCH, did you mean \"GET\"?"},
     1},
    {"SexagesimalNumber",
     "port_value: 80}",
     "port_value: 1:30}",
     {"LISTENERS[0].address.socket_address.port_value: \"1:30\", expected a whole number from 0 to 4294967295"}},
    {"FractionForAWholeNumber",
     "port_value: 80}",
     "port_value: 80.5}",
     {"LISTENERS[0].address.socket_address.port_value: \"80.5\", expected a whole number from 0 to 4294967295"}},
    {"NegativeNumber",
     "max_headers_count: 100",
     "max_headers_count: -1",
     {"HCM.common_http_protocol_options.max_headers_count: \"-1\", expected a whole number from 0 to 4294967295"}},
    {"NumberThatDoesNotFit",
     "max_headers_count: 100",
     "max_headers_count: 4294967296",
     {"HCM.common_http_protocol_options.max_headers_count: \"4294967296\", expected a whole number from 0 to "
      "4294967295"}},
    {"NumberThatIsInfinite",
     "{value: 15.5}",
     "{value: 1e999}",
     {"HCM.http2_protocol_options.connection_keepalive.interval_jitter.value: \"1e999\", expected a number"}},
    {"OldBoolean",
     "strip_matching_host_port: true",
     "strip_matching_host_port: yes",
     {"HCM.strip_matching_host_port: \"yes\", expected true or false"}},
    {"QuotedBoolean",
     "strip_matching_host_port: true",
     "strip_matching_host_port: \"true\"",
     {"HCM.strip_matching_host_port: \"true\", expected true or false"}},
    {"DurationWithoutUnit",
     "timeout: 15s",
     "timeout: 15",
     {"TABLE[0].routes[1].route.timeout: \"15\", expected a duration in seconds such as \"1.5s\""}},
    {"DurationInAnotherUnit",
     "timeout: 15s",
     "timeout: 15ms",
     {"TABLE[0].routes[1].route.timeout: \"15ms\", expected a duration in seconds such as \"1.5s\""}},
    {"NegativeDuration",
     "timeout: 15s",
     "timeout: -15s",
     {"TABLE[0].routes[1].route.timeout: -15s, expected at least 0s"}},
    {"DurationOfAges",
     "timeout: 15s",
     "timeout: 9999999999s",
     {"TABLE[0].routes[1].route.timeout: 9999999999s, expected at most 3153600000s"}},
    {"UnknownEnumValue",
     "codec_type: AUTO",
     "codec_type: HTTP3",
     {"HCM.codec_type: \"HTTP3\", expected one of AUTO, HTTP1, HTTP2, did you mean \"HTTP1\"?"}},
    {"UdpAddress",
     "port_value: 80}",
     "port_value: 80, protocol: UDP}",
     {"LISTENERS[0].address.socket_address.protocol: UDP, expected TCP"}},
    {"UnknownEnumNumber",
     "lb_policy: ROUND_ROBIN",
     "lb_policy: 99",
     {"CLUSTERS[0].lb_policy: \"99\", expected one of ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM, MAGLEV, "
      "LOAD_BALANCING_POLICY_CONFIG, CLUSTER_PROVIDED"}},
    {"BadBase64",
     "inline_string: hello",
     "inline_bytes: \"?\"",
     {"TABLE[0].routes[0].direct_response.body.inline_bytes: \"?\", expected bytes in base64"}},
    {"ListForAMap", "node: {id: n, metadata: {a: 1}}", "node: [n]", {"node: a list, expected a map"}},
    {"MapForAList", "domains: [a.com]", "domains: {a.com: 1}", {"TABLE[0].domains: a map, expected a list"}},
    {"MapForAString", "stat_prefix: web", "stat_prefix: {web: 1}", {"HCM.stat_prefix: a map, expected a string"}},
    {"NullElement",
     "domains: [a.com]",
     "domains: [a.com, null]",
     {"TABLE[0].domains[1]: null, expected a string"}},
    {"TextForFreeData", "metadata: {a: 1}", "metadata: x", {"node.metadata: \"x\", expected a map"}},
};

INSTANTIATE_TEST_SUITE_P(Names, ErrorTest, testing::ValuesIn(kNames), kCaseName);
INSTANTIATE_TEST_SUITE_P(Addresses, ErrorTest, testing::ValuesIn(kAddresses), kCaseName);
INSTANTIATE_TEST_SUITE_P(Values, ErrorTest, testing::ValuesIn(kValues), kCaseName);

TEST(ErrorsTest, TheGoodOneIsGood) {
  const Loaded loaded = LoadText(kGood);
  ExpectGood(loaded);
}

TEST(ErrorsTest, AllAreSaidAtOnceInTheOrderOfTheLines) {
  std::string text = kGood;
  for (const auto& [from, to] :
       {std::pair("codec_type: AUTO", "codec_type: HTTP9"), std::pair("cluster: orders", "cluster: no"),
        std::pair("port_value: 80}", "port_value: 70000}"), std::pair("node: {id:", "node: {ids:")}) {
    text.replace(text.find(from), std::string_view(from).size(), to);
  }
  const Loaded loaded = LoadText(text);
  ASSERT_EQ(loaded.errors.size(), 4u);
  EXPECT_EQ(loaded.errors[0].path, "node");
  EXPECT_TRUE(loaded.errors[1].path.ends_with("port_value"));
  EXPECT_TRUE(loaded.errors[2].path.ends_with("codec_type"));
  EXPECT_TRUE(loaded.errors[3].path.ends_with("cluster"));
}

// As deep as is allowed, what an Any holds can be parsed again.
TEST(ErrorsTest, FreeDataIsAsDeepAsProtobufCanRead) {
  const auto with_depth = [](int depth) {
    std::string text = kGood;
    const std::string_view from = "text_format_source: {inline_string: x}";
    std::string nested;
    for (int i = 0; i < depth; ++i) nested += i % 2 == 0 ? "{a: " : "[";
    nested += "x";
    for (int i = depth - 1; i >= 0; --i) nested += i % 2 == 0 ? "}" : "]";
    return LoadText(text.replace(text.find(from), from.size(), "json_format: " + nested));
  };
  EXPECT_TRUE(with_depth(23).errors.empty());
  const Loaded deeper = with_depth(24);
  ASSERT_EQ(deeper.errors.size(), 1u);
  EXPECT_EQ(deeper.errors[0].message, "nested deeper than 24 in free data");
}

TEST(ErrorsTest, AHostileFileDoesNotFillTheScreen) {
  std::string text = "node: {";
  for (int i = 0; i < 5000; ++i) text += "k" + std::to_string(i) + ": 1, ";
  const Loaded loaded = LoadText(text + "}");
  ASSERT_EQ(loaded.errors.size(), ErrorList::kMaxErrors + 1);
  EXPECT_EQ(loaded.errors.back().message, "and 4900 more errors");
}

}  // namespace
}  // namespace pillion::config
