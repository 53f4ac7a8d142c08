// What a cluster says of its connections, its bounds and the health of its hosts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

// With `rest` as further fields of its cluster, and `top` of the bootstrap.
Loaded Load(const std::string& rest, const std::string& top = "") {
  return LoadText("static_resources: {clusters: [{name: a" + (rest.empty() ? "" : ", " + rest) + "}]}\n" + top);
}

std::shared_ptr<const Cluster> Good(const std::string& rest, const std::string& top = "") {
  return GoodCluster(Load(rest, top));
}

// The errors without the cluster's place.
std::string Errors(const std::string& rest) {
  return LineAt(kFirstCluster, Load(rest).errors);
}

TEST(UpstreamTest, Bind) {
  const char* const kBind =
      "upstream_bind_config: {source_address: {address: 127.0.0.6, port_value: 0}, freebind: true, "
      "extra_source_addresses: [{address: {address: '::6', port_value: 0}}], socket_options: ["
      "{description: mark, level: 1, name: 36, int_value: 7}, "
      "{level: 1, name: 25, buf_value: ZXRoMA==, state: STATE_BOUND}]}";
  const BindOptions bind = Good(kBind)->bind;
  ASSERT_EQ(bind.source_addresses.size(), 2u);
  EXPECT_EQ(bind.source_addresses[0].ip, "127.0.0.6");
  EXPECT_EQ(bind.source_addresses[1].ip, "::6");
  EXPECT_TRUE(bind.freebind);
  ASSERT_EQ(bind.socket_options.size(), 2u);
  const int mark = 7;
  EXPECT_EQ(bind.socket_options[0].level, 1);
  EXPECT_EQ(bind.socket_options[0].name, 36);
  EXPECT_EQ(bind.socket_options[0].value, std::string(reinterpret_cast<const char*>(&mark), sizeof mark));
  EXPECT_EQ(bind.socket_options[0].state, SocketOption::State::kPrebind);
  EXPECT_EQ(bind.socket_options[1].value, "eth0");
  EXPECT_EQ(bind.socket_options[1].state, SocketOption::State::kBound);

  // The bootstrap's holds for a cluster without one.
  const std::string top = "cluster_manager: {" + std::string(kBind) + "}";
  EXPECT_EQ(Good("", top)->bind.source_addresses.size(), 2u);
  EXPECT_TRUE(Good("upstream_bind_config: {}", top)->bind.source_addresses.empty());
}

// A cluster of `type` with one endpoint.
std::string Host(const std::string& type, const std::string& endpoint) {
  return "type: " + type + ", load_assignment: {cluster_name: a, endpoints: [{lb_endpoints: [{endpoint: {" + endpoint + "}}]}]}";
}

TEST(UpstreamTest, HappyEyeballs) {
  const std::string address = "address: {socket_address: {address: 10.0.0.1, port_value: 80}}";
  const auto cluster = Good(
      "upstream_connection_options: {happy_eyeballs_config: {first_address_family_version: V6, first_address_family_count: 3}}, " +
      Host("STATIC", address + ", additional_addresses: [{address: {socket_address: {address: '::1', port_value: 81}}}]"));
  ASSERT_EQ(cluster->endpoints.size(), 1u);
  ASSERT_NE(cluster->endpoints[0].additional_addresses, nullptr);
  EXPECT_EQ(AddressText(cluster->endpoints[0].additional_addresses->at(0)), "[::1]:81");
  EXPECT_EQ(cluster->happy_eyeballs.first, HappyEyeballs::Family::kV6);
  EXPECT_EQ(cluster->happy_eyeballs.count, 3u);

  const auto plain = Good(Host("STATIC", address));
  EXPECT_EQ(plain->endpoints[0].additional_addresses, nullptr);
  EXPECT_EQ(plain->happy_eyeballs.count, 1u);
}

TEST(UpstreamTest, AdditionalAddressesThatCannotBe) {
  const std::string at = "load_assignment.endpoints[0].lb_endpoints[0].endpoint.";
  const std::string ip = "address: {socket_address: {address: 10.0.0.1, port_value: 80}}";
  EXPECT_EQ(Errors(Host("STRICT_DNS", ip + ", additional_addresses: [{" + ip + "}]")),
            at + "additional_addresses: a name is all that DNS is asked for, expected none; clusters of type STATIC and EDS may "
                 "have some");
  EXPECT_EQ(Errors(Host("STATIC", "address: {pipe: {path: /a}}, additional_addresses: [{" + ip + "}]")),
            at + "address: a unix path, expected a socket_address beside additional_addresses");
  EXPECT_EQ(Errors(Host("STATIC", ip + ", additional_addresses: [{" + ip + "}, {address: {pipe: {path: /a}}}]")),
            at + "additional_addresses[1].address: a unix path, expected a socket_address");
  EXPECT_EQ(Errors(Host("STATIC", ip + ", additional_addresses: [{address: {socket_address: {address: a.test, port_value: 1}}}]")),
            at + "additional_addresses[0].address.socket_address.address: \"a.test\", expected an IP address; names need type STRICT_DNS");
}

TEST(UpstreamTest, BindThatCannotBe) {
  EXPECT_EQ(Errors("upstream_bind_config: {source_address: {address: here, port_value: 0}}"),
            "upstream_bind_config.source_address.address: \"here\", expected an IP address");
  EXPECT_EQ(Errors("upstream_bind_config: {source_address: {address: 127.0.0.1, port_value: 0}, "
                   "extra_source_addresses: [{address: {address: 127.0.0.2, port_value: 0}}]}"),
            "upstream_bind_config.extra_source_addresses[0].address.address: \"127.0.0.2\", expected the other version of "
            "IP than 127.0.0.1");
  EXPECT_EQ(Errors("upstream_bind_config: {extra_source_addresses: [{address: {address: 127.0.0.2, port_value: 0}}]}"),
            "upstream_bind_config.extra_source_addresses: needs a source_address");
  EXPECT_EQ(Errors("upstream_bind_config: {socket_options: [{level: 9999999999, name: 1, int_value: 1}]}"),
            "upstream_bind_config.socket_options[0].level: 9999999999, expected an int of the system");
}

std::string Http1(const std::string& options) {
  return "typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': "
         "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: "
         "{http_protocol_options: {" + options + "}}}}";
}

TEST(UpstreamTest, HeaderKeyFormat) {
  const auto http1 = [](const std::string& format) {
    return Good(Http1(format.empty() ? "" : "header_key_format: {" + format + "}"))->http.http1;
  };
  const auto preserving = [](const std::string& fields) {
    return "stateful_formatter: {name: a, typed_config: {'@type': type.googleapis.com/envoy.extensions.http."
           "header_formatters.preserve_case.v3.PreserveCaseFormatterConfig" + fields + "}}";
  };
  EXPECT_EQ(http1("").names, http::NameStyle::kLowerCase);
  EXPECT_EQ(http1("").keep_spelling, std::nullopt);
  EXPECT_EQ(http1("proper_case_words: {}").names, http::NameStyle::kProperCase);
  const Http1Options kept = http1(preserving(""));
  EXPECT_EQ(kept.names, http::NameStyle::kLowerCase);
  EXPECT_EQ(kept.keep_spelling, http::NameStyle::kLowerCase);
  EXPECT_FALSE(kept.keep_reason);
  const Http1Options more = http1(preserving(", forward_reason_phrase: true, formatter_type_on_envoy_headers: PROPER_CASE"));
  EXPECT_EQ(more.keep_spelling, http::NameStyle::kProperCase);
  EXPECT_TRUE(more.keep_reason);

  const std::string place = "typed_extension_protocol_options[\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\"]."
                            "explicit_http_config.http_protocol_options.header_key_format";
  EXPECT_EQ(Errors(Http1("header_key_format: {}")), place + ": one of proper_case_words, stateful_formatter is required");
  EXPECT_EQ(Errors(Http1("header_key_format: {stateful_formatter: {name: a, typed_config: {'@type': "
                         "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}}")),
            place + ".stateful_formatter.typed_config: a envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer, expected "
                    "PreserveCaseFormatterConfig");
}

// What HttpProtocolOptions says nowadays, in the cluster itself.
TEST(UpstreamTest, FormerHttp) {
  const UpstreamHttp http2 = Good("http2_protocol_options: {max_concurrent_streams: 7}, max_requests_per_connection: 3, "
                                  "common_http_protocol_options: {idle_timeout: 9s}")->http;
  EXPECT_EQ(http2.protocol, UpstreamHttp::Protocol::kHttp2);
  EXPECT_EQ(http2.http2.max_concurrent_streams, 7u);
  EXPECT_EQ(http2.options.idle_timeout, std::chrono::seconds(9));
  EXPECT_EQ(http2.options.max_requests_per_connection, 3u);
  const UpstreamHttp http1 = Good("http_protocol_options: {enable_trailers: true}")->http;
  EXPECT_EQ(http1.protocol, UpstreamHttp::Protocol::kHttp1);
  EXPECT_TRUE(http1.http1.enable_trailers);
  EXPECT_EQ(Good("protocol_selection: USE_DOWNSTREAM_PROTOCOL, http_protocol_options: {}, http2_protocol_options: {}")
                ->http.protocol,
            UpstreamHttp::Protocol::kAsDownstream);
}

TEST(UpstreamTest, FormerHttpThatCannotBe) {
  EXPECT_EQ(Errors("http_protocol_options: {}, http2_protocol_options: {}"),
            "http_protocol_options: expected none beside http2_protocol_options without protocol_selection "
            "USE_DOWNSTREAM_PROTOCOL");
  EXPECT_EQ(Errors("max_requests_per_connection: 3, common_http_protocol_options: {max_requests_per_connection: 4}"),
            "max_requests_per_connection: 3, but common_http_protocol_options says 4");
  EXPECT_EQ(Errors("upstream_http_protocol_options: {auto_sni: true}"),
            "upstream_http_protocol_options.auto_sni: needs a transport_socket with UpstreamTlsContext");
}

// The extension holds, and the log says so.
TEST(UpstreamTest, FormerHttpBesideTheExtension) {
  const char* const kBoth =
      "http2_protocol_options: {}, max_requests_per_connection: 3, typed_extension_protocol_options: {"
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {"
      "'@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
      "explicit_http_config: {http_protocol_options: {}}}}";
  const std::shared_ptr<const Cluster> cluster = Good(kBoth);
  EXPECT_EQ(cluster->http.protocol, UpstreamHttp::Protocol::kHttp1);
  EXPECT_EQ(cluster->http.options.max_requests_per_connection, 3u);
  const Loaded loaded = Load(kBoth);
  ASSERT_EQ(loaded.notes.size(), 1u);
  EXPECT_EQ(loaded.notes[0].path, "static_resources.clusters[0].http2_protocol_options");
  EXPECT_EQ(loaded.notes[0].message, "says nothing: typed_extension_protocol_options stands instead");
}

TEST(UpstreamTest, ProxyHead) {
  const auto socket = [](const std::string& version, const std::string& inner) {
    return "transport_socket: {name: a, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets."
           "proxy_protocol.v3.ProxyProtocolUpstreamTransport" + version + inner + "}}";
  };
  const std::string raw =
      ", transport_socket: {name: b, typed_config: {'@type': "
      "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}";
  EXPECT_FALSE(Good("")->names_clients);
  EXPECT_EQ(Good(socket("", raw))->proxy_version, net::ProxyVersion::kV1);
  const auto second = Good(socket(", config: {version: V2}", raw));
  EXPECT_EQ(second->proxy_version, net::ProxyVersion::kV2);
  EXPECT_EQ(second->tls, nullptr);
  EXPECT_TRUE(second->names_clients);
  EXPECT_EQ(Errors(socket("", "")), "transport_socket.typed_config.transport_socket: missing, but required");
  EXPECT_EQ(Errors(socket("", ", " + socket("", raw))),
            "transport_socket.typed_config.transport_socket.typed_config: a second ProxyProtocolUpstreamTransport, expected "
            "UpstreamTlsContext or RawBuffer");
  // TLVs.
  EXPECT_EQ(second->proxy_tlvs, nullptr);
  const auto with = [&](const std::string& config) { return socket(", config: {" + config + "}", raw); };
  const auto tlvs = Good(with("version: V2, pass_through_tlvs: {match_type: INCLUDE, tlv_type: [1, 255]}, "
                              "added_tlvs: [{type: 240, value: YQ==}]"))->proxy_tlvs;
  ASSERT_NE(tlvs, nullptr);
  EXPECT_EQ(tlvs->passes.count(), 2u);
  EXPECT_TRUE(tlvs->passes.test(255));
  EXPECT_TRUE(tlvs->added_types.test(0xf0));
  EXPECT_EQ(tlvs->added, std::string("\xf0\0\1a", 4));
  EXPECT_TRUE(Good(with("version: V2, pass_through_tlvs: {}"))->proxy_tlvs->passes.all());
  const std::string place = "transport_socket.typed_config.config.";
  EXPECT_EQ(Errors(with("pass_through_tlvs: {}")), place + "pass_through_tlvs: there are TLVs in version V2 only");
  EXPECT_EQ(Errors(with("added_tlvs: [{type: 1, value: YQ==}]")), place + "added_tlvs: there are TLVs in version V2 only");
  EXPECT_EQ(Errors(with("version: V2, pass_through_tlvs: {match_type: INCLUDE, tlv_type: [256]}")),
            place + "pass_through_tlvs.tlv_type[0]: 256, expected at most 255");
  EXPECT_EQ(Errors(with("version: V2, added_tlvs: [{type: 1, value: YQ==}, {type: 1, value: Yg==}]")),
            place + "added_tlvs[1].type: 1 has been there before, expected each type once");
  EXPECT_EQ(Errors(with("version: V2, added_tlvs: [{type: 1, value: " + std::string(48 * 1024, 'A') + "}]")),
            place + "added_tlvs: 36867 bytes in all, expected at most 32768");
}

TEST(UpstreamTest, CircuitBreakers) {
  const auto cluster = Good(
      "circuit_breakers: {thresholds: [{priority: HIGH, max_connection_pools: 3, track_remaining: true, "
      "retry_budget: {budget_percent: {value: 12.5}}}], per_host_thresholds: [{max_connections: 4}]}");
  const CircuitBreaker& high = cluster->circuit_breakers[1];
  EXPECT_EQ(high.max_connection_pools, 3u);
  EXPECT_TRUE(high.track_remaining);
  EXPECT_EQ(high.retry_budget->percent, 12.5);
  EXPECT_EQ(high.retry_budget->min_concurrency, 3u);
  EXPECT_FALSE(cluster->circuit_breakers[0].retry_budget.has_value());
  EXPECT_EQ(cluster->max_connections_per_host[0], 4u);
  EXPECT_FALSE(cluster->max_connections_per_host[1].has_value());

  EXPECT_EQ(Errors("circuit_breakers: {per_host_thresholds: [{max_requests: 1}, {priority: DEFAULT}]}"),
            "circuit_breakers.per_host_thresholds[0].max_requests: there is no such bound for a host, only "
            "max_connections; circuit_breakers.per_host_thresholds[1]: a second entry for this priority");
}

TEST(UpstreamTest, OutlierDetection) {
  EXPECT_EQ(Good("")->outlier_detection, nullptr);
  const OutlierDetection defaults = *Good("outlier_detection: {}")->outlier_detection;
  EXPECT_EQ(defaults.consecutive_5xx, 5u);
  EXPECT_EQ(defaults.max_ejection_percent, 10u);
  EXPECT_EQ(defaults.success_rate_stdev_factor, 1.9);
  EXPECT_TRUE(defaults.successful_check_unejects);
  EXPECT_EQ(defaults.enforcing, (std::array<uint32_t, 7>{100, 0, 100, 100, 100, 0, 0}));
  const OutlierDetection all = *Good(
      "outlier_detection: {consecutive_5xx: 1, interval: 2s, base_ejection_time: 400s, max_ejection_percent: 4, "
      "enforcing_consecutive_5xx: 5, enforcing_success_rate: 6, success_rate_minimum_hosts: 7, "
      "success_rate_request_volume: 8, success_rate_stdev_factor: 900, consecutive_gateway_failure: 10, "
      "enforcing_consecutive_gateway_failure: 11, split_external_local_origin_errors: true, "
      "consecutive_local_origin_failure: 13, enforcing_consecutive_local_origin_failure: 14, "
      "enforcing_local_origin_success_rate: 15, failure_percentage_threshold: 16, enforcing_failure_percentage: 17, "
      "enforcing_failure_percentage_local_origin: 18, failure_percentage_minimum_hosts: 19, "
      "failure_percentage_request_volume: 20, max_ejection_time_jitter: 22s, "
      "successful_active_health_check_uneject_host: false, always_eject_one_host: true}")->outlier_detection;
  using std::chrono::seconds;
  EXPECT_EQ(all.consecutive_5xx, 1u);
  EXPECT_EQ(all.interval, seconds(2));
  EXPECT_EQ(all.base_ejection_time, seconds(400));
  EXPECT_EQ(all.max_ejection_time, seconds(400));  // never less than the base
  EXPECT_EQ(all.max_ejection_time_jitter, seconds(22));
  EXPECT_EQ(all.max_ejection_percent, 4u);
  EXPECT_EQ(all.success_rate_minimum_hosts, 7u);
  EXPECT_EQ(all.success_rate_request_volume, 8u);
  EXPECT_EQ(all.success_rate_stdev_factor, 0.9);
  EXPECT_EQ(all.consecutive_gateway_failure, 10u);
  EXPECT_TRUE(all.split_local_origin);
  EXPECT_EQ(all.consecutive_local_origin_failure, 13u);
  EXPECT_EQ(all.failure_percentage_threshold, 16u);
  EXPECT_EQ(all.failure_percentage_minimum_hosts, 19u);
  EXPECT_EQ(all.failure_percentage_request_volume, 20u);
  EXPECT_FALSE(all.successful_check_unejects);
  EXPECT_TRUE(all.always_eject_one_host);
  EXPECT_EQ(all.enforcing, (std::array<uint32_t, 7>{5, 11, 6, 14, 15, 17, 18}));
  EXPECT_EQ(Good("outlier_detection: {max_ejection_time: 21s, base_ejection_time: 3s}")
                ->outlier_detection->max_ejection_time, seconds(21));

  EXPECT_EQ(Errors("outlier_detection: {max_ejection_percent: 101}"),
            "outlier_detection.max_ejection_percent: 101, expected at most 100");
  EXPECT_EQ(Errors("outlier_detection: {interval: 0s}"), "outlier_detection.interval: 0s, expected more than 0s");
  const Loaded log = Load("", "cluster_manager: {outlier_detection: {event_log_path: /tmp/events}}");
  EXPECT_EQ(log.bootstrap->outlier_event_log, "/tmp/events");
}

constexpr std::string_view kTimes = "timeout: 1s, interval: 2s, unhealthy_threshold: 3, healthy_threshold: 4, ";

std::string Check(const std::string& rest) { return "health_checks: [{" + std::string(kTimes) + rest + "}]"; }

TEST(UpstreamTest, HealthCheckTimes) {
  using std::chrono::seconds;
  EXPECT_EQ(Good("")->health_check, nullptr);
  const HealthCheck defaults = *Good(Check("tcp_health_check: {}"))->health_check;
  EXPECT_EQ(defaults.timeout, seconds(1));
  EXPECT_EQ(defaults.interval, seconds(2));
  EXPECT_EQ(defaults.unhealthy_threshold, 3u);
  EXPECT_EQ(defaults.healthy_threshold, 4u);
  EXPECT_TRUE(defaults.reuse_connection);
  EXPECT_EQ(defaults.unhealthy_interval, seconds(2));
  EXPECT_EQ(defaults.unhealthy_edge_interval, seconds(2));
  EXPECT_EQ(defaults.healthy_edge_interval, seconds(2));
  EXPECT_EQ(defaults.no_traffic_interval, seconds(60));
  EXPECT_EQ(defaults.no_traffic_healthy_interval, seconds(60));
  const HealthCheck all = *Good(Check(
      "tcp_health_check: {}, interval_jitter: 5s, interval_jitter_percent: 6, initial_jitter: 7s, reuse_connection: false, "
      "no_traffic_interval: 8s, no_traffic_healthy_interval: 9s, unhealthy_interval: 10s, unhealthy_edge_interval: 11s, "
      "healthy_edge_interval: 12s, event_log_path: /tmp/e, always_log_health_check_failures: true"))->health_check;
  EXPECT_EQ(all.interval_jitter, seconds(5));
  EXPECT_EQ(all.interval_jitter_percent, 6u);
  EXPECT_EQ(all.initial_jitter, seconds(7));
  EXPECT_FALSE(all.reuse_connection);
  EXPECT_EQ(all.no_traffic_interval, seconds(8));
  EXPECT_EQ(all.no_traffic_healthy_interval, seconds(9));
  EXPECT_EQ(all.unhealthy_interval, seconds(10));
  EXPECT_EQ(all.unhealthy_edge_interval, seconds(11));
  EXPECT_EQ(all.healthy_edge_interval, seconds(12));
  EXPECT_EQ(all.event_log, "/tmp/e");
  EXPECT_TRUE(all.always_log_failures);
  EXPECT_TRUE(Good("ignore_health_on_host_removal: true")->ignore_health_on_host_removal);
  EXPECT_TRUE(Good("")->wait_for_warm);
  EXPECT_FALSE(Good("wait_for_warm_on_init: false")->wait_for_warm);
}

TEST(UpstreamTest, HealthCheckKinds) {
  const auto http = std::get<HttpHealthCheck>(Good(Check(
      "http_health_check: {host: h, path: /p, method: POST, send: {text: '6869'}, receive: [{binary: aGk=}], "
      "request_headers_to_add: [{header: {key: X-A, value: 100%%}}], request_headers_to_remove: [x-b], "
      "expected_statuses: [{start: 200, end: 300}], retriable_statuses: [{start: 503, end: 504}], "
      "codec_client_type: HTTP2, service_name_matcher: {prefix: be}, response_buffer_size: 5}"))->health_check->how);
  EXPECT_EQ(http.host, "h");
  EXPECT_EQ(http.path, "/p");
  EXPECT_EQ(http.method, "POST");
  EXPECT_TRUE(http.http2);
  EXPECT_EQ(http.send, "hi");
  EXPECT_EQ(http.receive, std::vector<std::string>{"hi"});
  EXPECT_EQ(http.response_buffer, 5u);
  ASSERT_EQ(http.add.size(), 1u);
  EXPECT_EQ(http.add[0].name, "x-a");
  EXPECT_EQ(http.add[0].value, "100%");
  EXPECT_TRUE(http.add[0].append);
  EXPECT_EQ(http.remove.at(0).text(), "x-b");
  EXPECT_EQ(http.expected_statuses.at(0).end, 300);
  EXPECT_EQ(http.retriable_statuses.at(0).start, 503);
  EXPECT_TRUE(http.service_name->Matches("be1"));
  const auto plain =
      std::get<HttpHealthCheck>(Good(Check("http_health_check: {path: /}"))->health_check->how);
  EXPECT_EQ(plain.method, "GET");
  EXPECT_EQ(plain.expected_statuses.at(0).end, 201);
  const auto tcp = std::get<TcpHealthCheck>(
      Good(Check("tcp_health_check: {send: {text: '50'}, receive: [{text: '51'}]}"))->health_check->how);
  EXPECT_EQ(tcp.send, "P");
  EXPECT_EQ(tcp.receive, std::vector<std::string>{"Q"});
}

TEST(UpstreamTest, HealthChecksThatCannotBe) {
  const std::string one = "{" + std::string(kTimes) + "tcp_health_check: {}}";
  EXPECT_EQ(Errors("health_checks: [" + one + ", " + one + "]"),
            "health_checks[1]: a second health check, expected at most one");
  EXPECT_EQ(Errors("health_checks: [{interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {}}]"),
            "health_checks[0].timeout: missing, but required");
  EXPECT_EQ(Errors(Check("tcp_health_check: {send: {text: abc}}")),
            "health_checks[0].tcp_health_check.send.text: \"abc\", expected bytes in hexadecimal, two digits each");
  EXPECT_EQ(Errors(Check("http_health_check: {path: /, expected_statuses: [{start: 300, end: 200}]}")),
            "health_checks[0].http_health_check.expected_statuses[0]: from 300 to below 200, expected a range of statuses "
            "from 100 to below 600");
  EXPECT_EQ(Errors(Check("http_health_check: {path: /, method: CONNECT}")),
            "health_checks[0].http_health_check.method: CONNECT, expected another method");
  EXPECT_EQ(Errors(Check("http_health_check: {path: /, send: {text: '00'}}")),
            "health_checks[0].http_health_check.send: a body, which GET does not have");
  EXPECT_EQ(Errors(Check("http_health_check: {path: a b}")),
            "health_checks[0].http_health_check.path: \"a b\", expected no blanks or control characters");
  EXPECT_EQ(Errors(Check("http_health_check: {path: /, request_headers_to_add: [{header: {key: a, value: '%PROTOCOL%'}}]}")),
            "health_checks[0].http_health_check.request_headers_to_add[0].header.value: \"%PROTOCOL%\", expected a text "
            "without operators");
  const std::string long_one(64001, 'a');
  EXPECT_EQ(Errors(Check("http_health_check: {path: /, method: POST, send: {text: '" + long_one + long_one + "'}}")),
            "health_checks[0].http_health_check.send: 64001 bytes, expected at most 64000");
  EXPECT_THAT(Errors(Check("grpc_health_check: {service_name: " + long_one + "}")),
              testing::HasSubstr("health_checks[0].grpc_health_check.service_name: 64001 bytes, expected at most 64000"));
  EXPECT_EQ(Errors(Check("grpc_health_check: {}")), "health_checks[0].grpc_health_check: needs a cluster that speaks HTTP/2");
}

TEST(UpstreamTest, GrpcHealthCheck) {
  const auto cluster = Good(Check("grpc_health_check: {service_name: s, authority: a, initial_metadata: [{header: {key: k, "
                                  "value: v}}]}") +
                            ", typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: "
                            "{'@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
                            "explicit_http_config: {http2_protocol_options: {}}}}");
  const auto grpc = std::get<GrpcHealthCheck>(cluster->health_check->how);
  EXPECT_EQ(grpc.service_name, "s");
  EXPECT_EQ(grpc.authority, "a");
  EXPECT_EQ(grpc.add.at(0).name, "k");
}

TEST(UpstreamTest, HealthCheckOfAnEndpoint) {
  const auto cluster = Good(
      "load_assignment: {cluster_name: a, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: "
      "10.0.0.1, port_value: 80}}, health_check_config: {port_value: 81, hostname: h, disable_active_health_check: true, "
      "address: {socket_address: {address: 10.0.0.2, port_value: 82}}}}}]}]}");
  const EndpointCheck& check = *cluster->endpoints.at(0).check;
  EXPECT_TRUE(check.disabled);
  EXPECT_EQ(check.port, 81);
  EXPECT_EQ(check.hostname, "h");
  EXPECT_EQ(AddressText(*check.address), "10.0.0.2:82");
}

}  // namespace
}  // namespace pillion::config
