#pragma once

// A good configuration, and what is said where a part of it is replaced.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pillion::config {

// A good configuration, of which each case replaces a part. LISTENER, CHAIN... shorten the expected paths.
inline constexpr char kGood[] = R"(node: {id: n, metadata: {a: 1}}
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

struct ErrorCase {
  const char* name;
  const char* from;  // replaced where it first stands in kGood
  const char* to;
  std::vector<std::string> errors;
  int line = 0;  // of the errors, from the line of the replaced part
};

inline std::string Expand(std::string text) {
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

class ErrorTest : public testing::TestWithParam<ErrorCase> {};

// Of an instance.
inline const auto kCaseName = [](const auto& info) { return std::string(info.param.name); };

}  // namespace pillion::config
