#pragma once

// A configuration that was loaded: what a good one gives, and what is said of another one. And texts of such ones.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/config/load.h"
#include "source/filters/http_filters.h"

namespace pillion::config {

// Each error fails the test.
inline void ExpectGood(const Loaded& loaded) {
  for (const ConfigError& error : loaded.errors) ADD_FAILURE() << ErrorText("", error);
}

// A cluster of a good configuration. Each error fails the test; an empty cluster then.
inline std::shared_ptr<const Cluster> GoodCluster(const Loaded& loaded, size_t index = 0) {
  ExpectGood(loaded);
  return loaded.bootstrap == nullptr ? std::make_shared<const Cluster>() : loaded.bootstrap->clusters.at(index);
}

// "PATH: MESSAGE", the path without what leads to `place` and without that, where it stands in it.
inline std::string TextAt(std::string_view place, const ConfigError& error) {
  const size_t at = error.path.find(place);
  return (at == error.path.npos ? error.path : error.path.substr(at + place.size())) + ": " + error.message;
}
inline std::vector<std::string> TextsAt(std::string_view place, const std::vector<ConfigError>& errors) {
  std::vector<std::string> texts;
  for (const ConfigError& error : errors) texts.push_back(TextAt(place, error));
  return texts;
}
// All of them in one line.
inline std::string LineAt(std::string_view place, const std::vector<ConfigError>& errors) {
  std::string line;
  for (const ConfigError& error : errors) line += (line.empty() ? "" : "; ") + TextAt(place, error);
  return line;
}
// The first of them; "none".
inline std::string FirstAt(std::string_view place, const std::vector<ConfigError>& errors) {
  return errors.empty() ? "none" : TextAt(place, errors.front());
}
inline constexpr std::string_view kFirstCluster = "static_resources.clusters[0].";
inline constexpr std::string_view kFirstListener = "static_resources.listeners[0].";

// "LINE: PATH: MESSAGE" of each.
inline std::vector<std::string> Texts(const std::vector<ConfigError>& errors) {
  std::vector<std::string> texts;
  for (const ConfigError& error : errors) {
    texts.push_back(ErrorText("", error));
    if (texts.back().starts_with(':')) texts.back().erase(0, 1);
  }
  return texts;
}

// With the HTTP filters that the program has.
inline LoadOptions WithHttpFilters() {
  LoadOptions options;
  options.http_filters = filters::HttpFilterTypes();
  return options;
}

// A bootstrap of clusters, "{...}, {...}", and one listener of one connection manager: filters before its router, "{...}, ",
// in line 12, and from line 14 on lines of its fields, indented by ten.
inline std::string ManagerText(const std::string& lines, const std::string& filters = "", const std::string& clusters = "") {
  return R"(static_resources:
  clusters: [)" + clusters + R"(]
  listeners:
  - name: web
    address: {socket_address: {address: 127.0.0.1, port_value: 80}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          http_filters: [)" + filters + R"(
            {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
)" + lines;
}

// Of text that may stand in YAML's double quotes.
inline std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '\n' ? std::string("\\n") : std::string(1, c);
  return quoted + "\"";
}
inline std::string Inline(const std::string& text) { return "{inline_string: " + Quoted(text) + "}"; }

}  // namespace pillion::config
