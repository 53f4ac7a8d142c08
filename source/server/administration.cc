#include "source/server/administration.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "source/admin/config_dump.h"
#include "source/server/server.h"
#include "source/server/version.h"
#include "spdlog/spdlog.h"

namespace pillion::server {
namespace {

config::Address ToConfigAddress(const net::Address& address) {
  if (address.family() == AF_UNIX) return config::UnixPath{.path = address.text(), .mode = {}};
  return config::SocketAddress{
      .ip = address.ip(), .is_ipv6 = address.family() == AF_INET6, .port = address.port(), .ipv4_compat = false};
}

// In the order in which Envoy names them.
std::vector<std::string> FailuresOf(uint32_t flags) {
  constexpr std::pair<upstream::HostFlag, const char*> kNames[] = {
      {upstream::kFailedActiveCheck, "failed_active_hc"},   {upstream::kFailedOutlierCheck, "failed_outlier_check"},
      {upstream::kFailedEds, "failed_eds_health"},          {upstream::kDegradedActiveCheck, "degraded_active_hc"},
      {upstream::kDegradedEds, "degraded_eds_health"},      {upstream::kPendingRemoval, "pending_dynamic_removal"},
      {upstream::kPendingActiveCheck, "pending_active_hc"}, {upstream::kExcludedAtOnce, "excluded_via_immediate_hc_fail"},
      {upstream::kActiveCheckTimeout, "active_hc_timeout"}, {upstream::kDrainingEds, "eds_status_draining"},
  };
  std::vector<std::string> result;
  for (const auto& [flag, name] : kNames) {
    if ((flags & flag) != 0) result.emplace_back(name);
  }
  return result;
}

admin::HostView ViewOf(const upstream::Host& host) {
  using Figures = upstream::HostFigures;
  admin::HostView view;
  view.address = ToConfigAddress(host.address());
  view.hostname = host.hostname();
  view.cx_active = host.Sum(Figures::kCxActive);
  view.cx_connect_fail = host.Sum(Figures::kCxConnectFail);
  view.cx_total = host.Sum(Figures::kCxTotal);
  view.rq_active = host.Sum(Figures::kRqActive);
  view.rq_error = host.Sum(Figures::kRqError);
  view.rq_pending_active = host.Sum(Figures::kRqPending);
  view.rq_success = host.Sum(Figures::kRqSuccess);
  view.rq_timeout = host.Sum(Figures::kRqTimeout);
  view.rq_total = host.Sum(Figures::kRqTotal);
  view.failures = FailuresOf(host.flags());
  view.weight = host.weight();
  view.priority = host.priority();
  view.locality = host.locality();
  return view;
}

// `detector` may be null.
admin::ClusterView ViewOf(const upstream::Cluster& cluster, const upstream::OutlierDetector* detector) {
  constexpr auto kExternal = upstream::OutlierMonitor::kExternal;
  constexpr auto kLocal = upstream::OutlierMonitor::kLocal;
  admin::ClusterView view;
  view.name = cluster.config().name;
  view.observability_name = cluster.config().stat_name;
  view.default_priority = cluster.config().circuit_breaker(config::Priority::kDefault);
  view.high_priority = cluster.config().circuit_breaker(config::Priority::kHigh);
  if (detector != nullptr) {
    view.outlier = {.success_rate_average = detector->rates(kExternal).average,
                    .success_rate_ejection_threshold = detector->rates(kExternal).threshold,
                    .local_origin_success_rate_average = detector->rates(kLocal).average,
                    .local_origin_success_rate_ejection_threshold = detector->rates(kLocal).threshold};
  }
  for (const std::shared_ptr<upstream::Host>& host : cluster.hosts()->hosts) {
    admin::HostView& shown = view.hosts.emplace_back(ViewOf(*host));
    if (detector == nullptr) continue;
    shown.success_rate = detector->success_rate(*host, kExternal);
    shown.local_origin_success_rate = detector->success_rate(*host, kLocal);
  }
  return view;
}

std::vector<admin::CommandLineOption> ViewOf(const Options& options) {
  return {{"concurrency", uint64_t{options.concurrency}},
          {"config_path", options.config_path},
          {"config_yaml", options.config_yaml},
          {"log_level", options.log_level},
          {"drain_time", std::to_string(options.drain_time_s) + "s"},
          {"file_flush_interval", std::to_string(options.file_flush_interval_ms) + "ms"},
          {"mode", std::string("Serve")}};
}

}  // namespace

Administration::Administration(Server& server)
    : server_(server), sources_(MakeSources()), endpoints_(sources_, server.registry_) {}

admin::Sources Administration::MakeSources() {
  admin::Sources sources;
  sources.version = std::string("0/") + kVersion + "/Clean/RELEASE/none";
  sources.node = server_.bootstrap_->node;
  sources.command_line = ViewOf(server_.options_);
  sources.state = [this] { return server_.admin_state(); };
  sources.uptime = [this] { return server_.uptime(); };
  sources.clusters = [this] {
    std::vector<admin::ClusterView> views;
    for (size_t i = 0; i < server_.clusters_.size(); ++i) {
      views.push_back(ViewOf(*server_.clusters_[i], server_.host_health_->detector(i)));
    }
    return views;
  };
  sources.listeners = [this] {
    std::vector<admin::ListenerView> views;
    for (const Server::BoundListener& listener : server_.bound_) {
      views.push_back({listener.name, ToConfigAddress(listener.address)});
    }
    return views;
  };
  sources.config_dump = [this](const admin::ConfigDumpQuery& query) {
    return admin::DumpConfig(*server_.bootstrap_, server_.started_wall_, query);
  };
  sources.runtime = [this] { return server_.runtime_.View(); };
  sources.modify_runtime = [this](const auto& changes) { return server_.runtime_.Modify(changes); };
  sources.fail_healthcheck = [this](bool fail) { server_.healthcheck_failed_ = fail; };
  sources.drain_listeners = [this](const admin::DrainQuery& query) { return server_.DrainListeners(query); };
  // Not from within a call of the admin server, which goes with the rest.
  sources.quit = [this] { boost::asio::post(server_.io_, [this] { server_.Stop(); }); };
  sources.reopen_logs = [this] { server_.log_writer_.Reopen(); };
  sources.log_levels = [] {
    const spdlog::string_view_t level = spdlog::level::to_string_view(spdlog::get_level());
    return std::vector<std::pair<std::string, std::string>>{{"pillion", std::string(level.data(), level.size())}};
  };
  sources.set_log_level = [](const std::string& logger, const std::string& level) {
    if (!logger.empty() && logger != "pillion") {
      return absl::NotFoundError("unknown logger '" + logger + "': expected 'pillion'");
    }
    spdlog::set_level(spdlog::level::from_str(level));
    return absl::OkStatus();
  };
  return sources;
}

absl::Status Administration::Start() {
  const config::Admin& config = server_.bootstrap_->admin;
  if (!config.address) return absl::OkStatus();
  std::vector<std::unique_ptr<telemetry::AccessLog>> logs;
  std::vector<std::string> errors;
  for (const config::AccessLog& log : config.access_logs) {
    logs.push_back(telemetry::AccessLog::Create(log, server_.log_writer_, errors));
  }
  if (!errors.empty()) return absl::InvalidArgumentError("admin.access_log: " + errors.front());
  http_ = std::make_unique<admin::Server>(server_.io_, endpoints_, server_.registry_, std::move(logs));
  if (absl::Status status = http_->Listen(*config.address); !status.ok()) return status;
  spdlog::info("admin on {}", config::AddressText(http_->local_address()));
  return absl::OkStatus();
}

}  // namespace pillion::server
