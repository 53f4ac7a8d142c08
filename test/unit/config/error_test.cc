// What is wrong with a configuration is said with its place, its value and what was expected: one case each.

#include <gtest/gtest.h>

#include <algorithm>

#include "source/config/load.h"

namespace pillion::config {
namespace {

// A good configuration, of which each case replaces a part. LISTENER, CHAIN... shorten the expected paths.
const char* const kGood = R"(node: {id: n, metadata: {a: 1}}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}
static_resources:
  listeners:
  - name: web
    address: {socket_address: {address: 127.0.0.1, port_value: 80}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          codec_type: AUTO
          max_request_headers_kb: 60
          stream_idle_timeout: 300s
          server_name: edge
          strip_matching_host_port: true
          common_http_protocol_options: {max_headers_count: 100}
          http2_protocol_options:
            initial_stream_window_size: 65535
            connection_keepalive: {interval: 1s, timeout: 1s, interval_jitter: {value: 15.5}}
          upgrade_configs: [{upgrade_type: websocket}]
          access_log:
          - typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: /log
              log_format: {text_format_source: {inline_string: x}}
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            max_direct_response_body_size_bytes: 10
            virtual_hosts:
            - name: v
              domains: [a.com]
              routes:
              - match: {prefix: /d}
                direct_response: {status: 200, body: {inline_string: hello}}
              - match: {prefix: /}
                route:
                  cluster: users
                  timeout: 15s
                  retry_policy: {retry_on: reset, retry_back_off: {base_interval: 1s, max_interval: 2s}}
            - name: w
              domains: ["*.a.com"]
  - name: raw
    address: {pipe: {path: /run/raw.sock, mode: 384}}
    filter_chains:
    - filters:
      - name: tcp
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: raw
          cluster: orders
  clusters:
  - name: users
    connect_timeout: 1s
    lb_policy: ROUND_ROBIN
    circuit_breakers: {thresholds: [{max_requests: 1}, {priority: HIGH}]}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http_protocol_options: {}}
    load_assignment:
      cluster_name: users
      endpoints:
      - priority: 0
        lb_endpoints:
        - endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}
          load_balancing_weight: 1
  - name: orders
    type: STRICT_DNS
    load_assignment:
      cluster_name: orders
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: orders, port_value: 80}}}}]}]
)";

struct Case {
  const char* name;
  const char* from;  // replaced where it first stands in kGood
  const char* to;
  std::vector<std::string> errors;
  int line = 0;  // of the errors, from the line of the replaced part
};

std::string Expand(std::string text) {
  const std::pair<std::string, std::string> shorter[] = {
      {"TABLE", "HCM.route_config.virtual_hosts"},
      {"UPSTREAM",
       "CLUSTERS[0].typed_extension_protocol_options[\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\"]"},
      {"HCM", "LISTENERS[0].filter_chains[0].filters[0].typed_config"},
      {"LISTENERS", "static_resources.listeners"},
      {"CLUSTERS", "static_resources.clusters"},
  };
  for (const auto& [word, path] : shorter) {
    if (const size_t at = text.find(word); at != std::string::npos) text.replace(at, word.size(), path);
  }
  return text;
}

class ErrorTest : public testing::TestWithParam<Case> {};

TEST_P(ErrorTest, IsSaid) {
  const Case& c = GetParam();
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

const Case kNames[] = {
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

const Case kAddresses[] = {
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

const Case kValues[] = {
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

const Case kConstraints[] = {
    {"PortTooLarge",
     "port_value: 80}",
     "port_value: 65536}",
     {"LISTENERS[0].address.socket_address.port_value: 65536, expected at most 65535"}},
    {"RangeBelow",
     "max_request_headers_kb: 60",
     "max_request_headers_kb: 0",
     {"HCM.max_request_headers_kb: 0, expected at least 1 and at most 8192"}},
    {"RangeAbove",
     "max_request_headers_kb: 60",
     "max_request_headers_kb: 8193",
     {"HCM.max_request_headers_kb: 8193, expected at least 1 and at most 8192"}},
    {"WindowTooSmall",
     "initial_stream_window_size: 65535",
     "initial_stream_window_size: 65534",
     {"HCM.http2_protocol_options.initial_stream_window_size: 65534, expected at least 65535 and at most "
      "2147483647"}},
    {"DurationTooShort",
     "{interval: 1s",
     "{interval: 0.0001s",
     {"HCM.http2_protocol_options.connection_keepalive.interval: 0.0001s, expected at least 0.001s"}},
    {"DurationThatMustNotBeZero",
     "connect_timeout: 1s",
     "connect_timeout: 0s",
     {"CLUSTERS[0].connect_timeout: 0s, expected more than 0s"}},
    {"PercentAbove",
     "{value: 15.5}",
     "{value: 100.5}",
     {"HCM.http2_protocol_options.connection_keepalive.interval_jitter.value: 100.5, expected at least 0 and at "
      "most "
      "100"}},
    {"MissingString", "          stat_prefix: web\n", "", {"HCM.stat_prefix: missing, but required"}, -2},
    {"MissingMessage",
     "- match: {prefix: /d}\n                direct",
     "- direct",
     {"TABLE[0].routes[0].match: missing, but required"}},
    {"MissingOneofMember",
     "match: {prefix: /d}",
     "match: {}",
     {"TABLE[0].routes[0].match: one of prefix, path, safe_regex, connect_matcher, path_separated_prefix, "
      "path_match_policy is required"}},
    {"MissingOnlyMember",
     "address: 127.0.0.1, port_value: 80}",
     "address: 127.0.0.1}",
     {"LISTENERS[0].address.socket_address.port_value: missing, but required"}},
    {"EmptyString", "cluster: users", "cluster: \"\"", {"TABLE[0].routes[1].route.cluster: empty, but required"}},
    {"EmptyList", "domains: [a.com]", "domains: []", {"TABLE[0].domains: empty, but required"}},
    {"NullIsNotThere", "domains: [a.com]", "domains: null", {"TABLE[0].domains: empty, but required"}},
    {"StatusTooSmall",
     "status: 200",
     "status: 199",
     {"TABLE[0].routes[0].direct_response.status: 199, expected at least 200 and at most 599"}},
    {"LineBreakInAHeader",
     "server_name: edge",
     "server_name: \"a\\r\\nb\"",
     {"HCM.server_name: \"a\\r\\nb\", expected no CR, LF or NUL"}},
    {"PermissionBits", "mode: 384", "mode: 512", {"LISTENERS[1].address.pipe.mode: 512, expected at most 511"}},
};

const Case kMeaning[] = {
    {"UnknownCluster",
     "cluster: users",
     "cluster: uesrs",
     {"TABLE[0].routes[1].route.cluster: unknown cluster 'uesrs', did you mean \"users\"?"}},
    {"UnknownClusterOfTcp",
     "cluster: orders",
     "cluster: x",
     {"LISTENERS[1].filter_chains[0].filters[0].typed_config.cluster: unknown cluster 'x'"}},
    {"DuplicateCluster",
     "- name: orders",
     "- name: users\n  - name: orders",
     {"CLUSTERS[1].name: duplicate name \"users\""}},
    {"DuplicateListener", "- name: raw", "- name: web", {"LISTENERS[1].name: duplicate name \"web\""}},
    {"DuplicateAddress",
     "{pipe: {path: /run/raw.sock, mode: 384}}",
     "{socket_address: {address: 127.0.0.1, port_value: 80}}",
     {"LISTENERS[1].address: 127.0.0.1:80 is already the address of listener \"web\""}},
    {"DuplicateVirtualHost", "- name: w\n", "- name: v\n", {"TABLE[1].name: duplicate name \"v\""}},
    {"DuplicateDomain",
     "domains: [\"*.a.com\"]",
     "domains: [A.COM]",
     {"TABLE[1].domains[0]: duplicate domain \"a.com\""}},
    {"DomainWithAStarInside",
     "domains: [a.com]",
     "domains: [a.*.com]",
     {"TABLE[0].domains[0]: \"a.*.com\", expected a name, \"*.suffix\", \"prefix.*\" or \"*\""}},
    {"NameForAListenersAddress",
     "address: 127.0.0.1, port_value: 80",
     "address: localhost, port_value: 80",
     {"LISTENERS[0].address.socket_address.address: \"localhost\", expected an IP address"}},
    {"NameInAStaticCluster",
     "address: 10.0.0.1",
     "address: backend",
     {"CLUSTERS[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address: "
      "\"backend\", "
      "expected an IP address; names need type STRICT_DNS"}},
    {"NoNameForDns",
     "address: orders",
     "address: \"a..b\"",
     {"CLUSTERS[1].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address: "
      "\"a..b\", "
      "expected a DNS name or an IP address"}},
    {"EndpointWithoutPort",
     "address: 10.0.0.1, port_value: 80",
     "address: 10.0.0.1, port_value: 0",
     {"CLUSTERS[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value: 0, "
      "expected "
      "a port from 1 to 65535"}},
    {"GapInPriorities",
     "- priority: 0",
     "- priority: 1",
     {"CLUSTERS[0].load_assignment.endpoints: there is a priority 1 but no priority 0"},
     -1},
    {"UnknownRetryCondition",
     "retry_on: reset",
     "retry_on: \"5xx, connect-failur\"",
     {"TABLE[0].routes[1].route.retry_policy.retry_on: unknown condition \"connect-failur\", did you mean "
      "\"connect-failure\"?"}},
    {"BackOffUpsideDown",
     "max_interval: 2s",
     "max_interval: 0.5s",
     {"TABLE[0].routes[1].route.retry_policy.retry_back_off.max_interval: less than base_interval"}},
    {"BodyTooLarge",
     "inline_string: hello",
     "inline_string: hello world",
     {"TABLE[0].routes[0].direct_response.body.inline_string: 11 bytes, expected at most 10"}},
    {"BodyThatMustNotBe",
     "status: 200",
     "status: 204",
     {"TABLE[0].routes[0].direct_response.body: a response with status 204 has no body"}},
    {"FileThatIsNotThere",
     "{inline_string: hello}",
     "{filename: /nonexistent/file}",
     {"TABLE[0].routes[0].direct_response.body.filename: \"/nonexistent/file\" cannot be opened: No such file or "
      "directory"}},
    {"VariableThatIsNotThere",
     "{inline_string: hello}",
     "{environment_variable: PILLION_NO_SUCH}",
     {"TABLE[0].routes[0].direct_response.body.environment_variable: there is no environment variable "
      "\"PILLION_NO_SUCH\""}},
    {"NoFilterChain",
     "- name: raw\n",
     "- name: none\n    address: {pipe: {path: /none}}\n  - name: raw\n",
     {"LISTENERS[1].filter_chains: empty, but one filter chain is required"}},
    {"NoFilter",
     "- name: raw\n",
     "- {name: none, address: {pipe: {path: /none}}, default_filter_chain: {}}\n  - name: raw\n",
     {"LISTENERS[1].default_filter_chain.filters: empty, but HttpConnectionManager, TcpProxy or Echo is required"}},
    {"FilterAfterTheLast",
     "cluster: orders",
     "cluster: orders\n      - {name: second}",
     {"LISTENERS[1].filter_chains[0].filters[1]: comes after the filter that ends the chain"},
     1},
    {"FilterWithoutType",
     "- name: raw\n",
     "- {name: none, address: {pipe: {path: /none}}, default_filter_chain: {filters: [{name: x}]}}\n  - name: "
     "raw\n",
     {"LISTENERS[1].default_filter_chain.filters[0].typed_config: missing, expected HttpConnectionManager, "
      "TcpProxy or Echo"}},
    {"NoRouter",
     "http_filters:\n          - name: router\n            typed_config: {\"@type\": "
     "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}",
     "http_filters: []",
     {"HCM.http_filters: empty, but the router is required as the last filter"}},
    {"Connect",
     "upgrade_type: websocket",
     "upgrade_type: CONNECT-UDP",
     {"HCM.upgrade_configs[0].upgrade_type: \"CONNECT-UDP\" is not implemented, expected a protocol over TCP"}},
    {"NoAbsoluteUrl",
     "strip_matching_host_port: true",
     "http_protocol_options: {allow_absolute_url: false}",
     {"HCM.http_protocol_options.allow_absolute_url: false is not implemented: servers take them (RFC 9112, 3.2.2)"}},
    {"OtherScheme",
     "strip_matching_host_port: true",
     "scheme_header_transformation: {scheme_to_overwrite: ftp}",
     {"HCM.scheme_header_transformation.scheme_to_overwrite: \"ftp\", expected http or https"}},
    {"OtherRequestIds",
     "strip_matching_host_port: true",
     "request_id_extension: {typed_config: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig}}",
     {"HCM.request_id_extension.typed_config: a envoy.config.route.v3.FilterConfig, expected UuidRequestIdConfig"}},
    {"BothStripPorts",
     "strip_matching_host_port: true",
     "strip_any_host_port: true\n          strip_matching_host_port: true",
     {"HCM.strip_any_host_port: excludes strip_matching_host_port"}},
    {"Ipv4CompatOfIpv4",
     "address: 127.0.0.1, port_value: 80}",
     "address: 127.0.0.1, port_value: 80, ipv4_compat: true}",
     {"LISTENERS[0].address.socket_address.ipv4_compat: true, but the address is no IPv6 address"}},
    {"LongUnixPath",
     "path: /run/raw.sock",
     "path: /0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "0123456",
     {"LISTENERS[1].address.pipe.path: "
      "\"/0123456789012345678901234567890123456789012345678901234567890123456789012345"
      "678...\", expected at most 107 bytes"}},
    {"SecondThresholds",
     "{priority: HIGH}",
     "{priority: DEFAULT}",
     {"CLUSTERS[0].circuit_breakers.thresholds[1]: a second entry for this priority"}},
    {"BalancerOptionsWithoutTheBalancer",
     "lb_policy: ROUND_ROBIN",
     "least_request_lb_config: {}",
     {"CLUSTERS[0].least_request_lb_config: needs lb_policy LEAST_REQUEST"}},
    {"UnknownProtocolOptions",
     "      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:",
     "      http:",
     {"CLUSTERS[0].typed_extension_protocol_options[\"http\"]: unknown extension, expected "
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"}},
    {"DownstreamOptionUpstream",
     "{http_protocol_options: {}}",
     "{http_protocol_options: {accept_http_10: true}}",
     {"UPSTREAM.explicit_http_config.http_protocol_options.accept_http_10: is for listeners only"}},
    {"UpstreamOptionDownstream",
     "connection_keepalive: {interval: 1s, timeout: 1s,",
     "connection_keepalive: {connection_idle_interval: 1s, timeout: 1s,",
     {"HCM.http2_protocol_options.connection_keepalive.connection_idle_interval: is for clusters only"}},
};

const auto kName = [](const auto& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Names, ErrorTest, testing::ValuesIn(kNames), kName);
INSTANTIATE_TEST_SUITE_P(Addresses, ErrorTest, testing::ValuesIn(kAddresses), kName);
INSTANTIATE_TEST_SUITE_P(Values, ErrorTest, testing::ValuesIn(kValues), kName);
INSTANTIATE_TEST_SUITE_P(Constraints, ErrorTest, testing::ValuesIn(kConstraints), kName);
INSTANTIATE_TEST_SUITE_P(Meaning, ErrorTest, testing::ValuesIn(kMeaning), kName);

TEST(ErrorsTest, TheGoodOneIsGood) {
  const Loaded loaded = LoadText(kGood);
  for (const ConfigError& error : loaded.errors) ADD_FAILURE() << ErrorText("", error);
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
