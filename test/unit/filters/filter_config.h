#pragma once

// A configuration of HTTP filters as it is loaded, and what is said of it.

#include <string>
#include <vector>

#include "source/config/load.h"
#include "source/filters/http_filters.h"

namespace pillion::test {

// YAML, in its flow style.
struct FilterConfig {
  std::string http_filters;  // those before the router: "{name: f, typed_config: {...}}", with commas between them
  std::string of_route = "";  // fields of the one route, which goes to the cluster "app"; "calls" is another one, of HTTP/2; and of its table
  std::string of_table = "";
};

inline config::Loaded Load(const FilterConfig& filter) {
  config::LoadOptions options;
  options.http_filters = filters::HttpFilterTypes();
  const auto fields = [](const std::string& text) { return text.empty() ? "" : text + ", "; };
  return config::LoadText(R"(static_resources:
  clusters:
  - {name: app, type: STATIC, load_assignment: {cluster_name: app}}
  - name: calls
    type: STATIC
    load_assignment: {cluster_name: calls}
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
  listeners:
  - name: in
    address: {socket_address: {address: 127.0.0.1, port_value: 1}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config: {)" + fields(filter.of_table) + R"(virtual_hosts: [{name: all, domains: ["*"], routes: [
            {)" + fields(filter.of_route) + R"(match: {prefix: /}, route: {cluster: app}}]}]}
          http_filters: [)" + filter.http_filters + R"(,
            {name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
)", options);
}

// Each as "path: message" in a line of its own.
inline std::string Texts(const std::vector<config::ConfigError>& errors) {
  std::string all;
  for (const config::ConfigError& error : errors) all += error.path + ": " + error.message + "\n";
  return all;
}

inline std::string Refused(const FilterConfig& filter) { return Texts(Load(filter).errors); }

}  // namespace pillion::test
