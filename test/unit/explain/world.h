#pragma once

// Bootstraps, as they would run, and questions about them.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/config/load.h"
#include "source/explain/explain.h"
#include "source/filters/load_options.h"
#include "source/stats/registry.h"

namespace pillion::explain {

// What a bootstrap describes, as it would run.
class World {
 public:
  explicit World(const std::string& yaml) : loaded_(config::LoadText(yaml, filters::LoadOptions())) {
    for (const config::ConfigError& error : loaded_.errors) ADD_FAILURE() << config::ErrorText("", error);
    if (loaded_.bootstrap == nullptr) return;
    for (const auto& cluster : loaded_.bootstrap->clusters) {
      clusters_.emplace(cluster->name, std::make_unique<upstream::Cluster>(cluster, registry_));
    }
    uint16_t port = 8000;
    for (const auto& listener : loaded_.bootstrap->listeners) {
      const auto made = std::make_shared<const proxy::Listener>(
          listener, proxy::References{.clusters = [](const std::string&) { return 0; }}, registry_,
          [](const auto&) { return proxy::AccessLogs(); });
      running_.listeners.push_back({made, {*net::Address::Ip("0.0.0.0", port++)}});
    }
    running_.routes = [this](const proxy::ConnectionManager& manager) { return routes_ ? manager.routes() : nullptr; };
    running_.scopes = [](const proxy::ConnectionManager& manager) { return manager.scopes(); };
    running_.next_routes = [this](const proxy::ConnectionManager&) { return next_routes_; };
    running_.cluster = [this](std::string_view name) -> const upstream::Cluster* {
      const auto found = clusters_.find(std::string(name));
      return found == clusters_.end() ? nullptr : found->second.get();
    };
  }

  std::string Ask(const Parameters& parameters) const {
    const absl::StatusOr<Question> question = ParseQuestion(parameters);
    if (!question.ok()) return std::string(question.status().message());
    const absl::StatusOr<Answer> answer = Explain(*question, running_);
    return answer.ok() ? answer->ToText() : std::string(answer.status().message());
  }
  // The first line, without its name.
  std::string Result(const Parameters& parameters) const {
    const std::string text = Ask(parameters);
    constexpr std::string_view kName = "result: ";
    EXPECT_TRUE(text.starts_with(kName)) << text;
    return text.substr(kName.size(), text.find('\n') - kName.size());
  }
  void TakeRoutesAway() { routes_ = false; }
  void Warm(const std::string& listener, const std::vector<std::string>& needs) { running_.warming[listener] = needs; }
  void WarmCluster(const std::string& name, const std::vector<std::string>& needs) { running_.warming_clusters[name] = needs; }
  void AnnounceRoutes(const std::string& text) { next_routes_ = text; }
  // So many requests more are in flight at one of its hosts.
  void Busy(const std::string& cluster, size_t host, int64_t requests) const {
    clusters_.at(cluster)->hosts()->hosts[host]->figures(0).Add(upstream::HostFigures::kRqActive, requests);
  }
  void TakeClusterAway(const std::string& name) { clusters_.erase(name); }

 private:
  const config::Loaded loaded_;
  stats::Registry registry_{1};
  std::map<std::string, std::unique_ptr<upstream::Cluster>> clusters_;
  Running running_;
  bool routes_ = true;
  std::string next_routes_;
};

inline std::string Cluster(const std::string& name, const std::string& more = "") {
  return "  - {name: " + name + ", load_assignment: {cluster_name: " + name +
         ", endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}}]}]}" + more + "}\n";
}

// A listener of one connection manager with these lines, indented by ten.
inline std::string Manager(const std::string& lines) {
  return "  - name: in\n"
         "    address: {socket_address: {address: 127.0.0.1, port_value: 0}}\n"
         "    filter_chains:\n"
         "    - filters:\n"
         "      - name: http\n"
         "        typed_config:\n"
         "          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n"
         "          stat_prefix: in\n" + lines +
         "          http_filters: [{name: router, typed_config: {'@type': "
         "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]\n";
}

// Its routes, more lines, and more of its virtual host.
inline std::string Http(const std::string& routes, const std::string& manager = "", const std::string& host = "") {
  return Manager(manager + "          route_config: {name: t, virtual_hosts: [{name: v, domains: ['*']" + host + ", routes: [" +
                 routes + "]}]}\n");
}

inline std::string Tcp(const std::string& cluster) {
  return "  - name: in\n"
         "    address: {socket_address: {address: 127.0.0.1, port_value: 0}}\n"
         "    filter_chains: [{filters: [{name: t, typed_config: {'@type': "
         "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: " +
         cluster + "}}]}]\n";
}

inline std::string Bootstrap(const std::string& listeners, const std::string& clusters = Cluster("a") + Cluster("b")) {
  return "static_resources:\n  listeners:\n" + listeners + "  clusters:\n" + clusters;
}

}  // namespace pillion::explain
