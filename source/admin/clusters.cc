// /clusters and /listeners.

#include <fmt/format.h>
#include <re2/re2.h>

#include <iterator>
#include <optional>

#include "source/admin/endpoints.h"
#include "source/admin/json_writer.h"
#include "source/base/escape.h"

namespace pillion::admin {
namespace {

// The figures of a host, counters and gauges, in the order of Envoy's list.
struct HostFigure {
  std::string_view name;
  bool gauge;
  uint64_t HostView::*value;
};
constexpr HostFigure kHostFigures[] = {
    {"cx_active", true, &HostView::cx_active},    {"cx_connect_fail", false, &HostView::cx_connect_fail},
    {"cx_total", false, &HostView::cx_total},     {"rq_active", true, &HostView::rq_active},
    {"rq_error", false, &HostView::rq_error},     {"rq_pending_active", true, &HostView::rq_pending_active},
    {"rq_success", false, &HostView::rq_success}, {"rq_timeout", false, &HostView::rq_timeout},
    {"rq_total", false, &HostView::rq_total},
};

// A host's failures in text, and their fields in envoy.admin.v3.HostHealthStatus.
constexpr std::pair<std::string_view, std::string_view> kFailures[] = {
    {"failed_active_hc", "failed_active_health_check"},
    {"failed_outlier_check", "failed_outlier_check"},
    {"degraded_active_hc", "failed_active_degraded_check"},
    {"pending_dynamic_removal", "pending_dynamic_removal"},
    {"pending_active_hc", "pending_active_hc"},
    {"excluded_via_immediate_hc_fail", "excluded_via_immediate_hc_fail"},
    {"active_hc_timeout", "active_hc_timeout"},
};

void AppendBreaker(std::string& out, std::string_view cluster, std::string_view priority,
                   const config::CircuitBreaker& breaker) {
  fmt::format_to(
      std::back_inserter(out),
      "{0}::{1}::max_connections::{2}\n{0}::{1}::max_pending_requests::{3}\n{0}::{1}::max_requests::{4}\n"
      "{0}::{1}::max_retries::{5}\n",
      cluster, priority, breaker.max_connections, breaker.max_pending_requests, breaker.max_requests,
      breaker.max_retries);
}

std::string Printable(std::string_view text) {
  std::string out;
  base::AppendPrintable(out, text);
  return out;
}

void AppendHost(std::string& out, const std::string& cluster, const HostView& host) {
  const std::string front = fmt::format("{}::{}", cluster, Printable(config::AddressText(host.address)));
  const auto line = [&](std::string_view key, const auto& value) {
    fmt::format_to(std::back_inserter(out), "{}::{}::{}\n", front, key, value);
  };
  for (const HostFigure& figure : kHostFigures) line(figure.name, host.*figure.value);
  line("hostname", Printable(host.hostname));
  std::string flags;
  for (const std::string& failure : host.failures) flags += "/" + failure;
  line("health_flags", flags.empty() ? "healthy" : flags);
  line("weight", host.weight);
  line("region", Printable(host.locality.region));
  line("zone", Printable(host.locality.zone));
  line("sub_zone", Printable(host.locality.sub_zone));
  line("canary", host.canary);
  line("priority", host.priority);
  if (host.lane) line("lane", Printable(host.lane->empty() ? "baseline" : *host.lane));
  line("success_rate", host.success_rate);
  line("local_origin_success_rate", host.local_origin_success_rate);
}

std::string ClustersText(const std::vector<ClusterView>& clusters) {
  std::string out;
  for (const ClusterView& cluster : clusters) {
    const std::string name = Printable(cluster.name);
    out += fmt::format("{}::observability_name::{}\n", name, Printable(cluster.observability_name));
    if (const std::optional<OutlierView>& outlier = cluster.outlier) {
      fmt::format_to(std::back_inserter(out),
                     "{0}::outlier::success_rate_average::{1:g}\n{0}::outlier::success_rate_ejection_threshold::{2:g}\n"
                     "{0}::outlier::local_origin_success_rate_average::{3:g}\n"
                     "{0}::outlier::local_origin_success_rate_ejection_threshold::{4:g}\n",
                     name, outlier->success_rate_average, outlier->success_rate_ejection_threshold,
                     outlier->local_origin_success_rate_average,
                     outlier->local_origin_success_rate_ejection_threshold);
    }
    AppendBreaker(out, name, "default_priority", cluster.default_priority);
    AppendBreaker(out, name, "high_priority", cluster.high_priority);
    out += fmt::format("{}::added_via_api::{}\n", name, cluster.added_via_api);
    if (cluster.leaving) out += fmt::format("{}::leaving::true\n", name);
    if (!cluster.eds_service_name.empty()) {
      out += fmt::format("{}::eds_service_name::{}\n", name, Printable(cluster.eds_service_name));
    }
    for (const HostView& host : cluster.hosts) AppendHost(out, name, host);
  }
  return out;
}

void WriteAddress(JsonWriter& json, std::string_view key, const config::Address& address) {
  json.BeginObject(key);
  if (const auto* socket = std::get_if<config::SocketAddress>(&address)) {
    json.BeginObject("socket_address");
    json.String("address", socket->ip);
    json.Number("port_value", socket->port);
  } else if (const auto* internal = std::get_if<config::InternalAddress>(&address)) {
    json.BeginObject("envoy_internal_address");
    json.String("server_listener_name", internal->listener);
    if (!internal->endpoint_id.empty()) json.String("endpoint_id", internal->endpoint_id);
  } else {
    json.BeginObject("pipe");
    json.String("path", std::get<config::UnixPath>(address).path);
  }
  json.EndObject();
  json.EndObject();
}

// Of what is known.
void WriteRate(JsonWriter& json, std::string_view key, double percent) {
  if (percent < 0) return;
  json.BeginObject(key);
  json.Raw("value", fmt::format("{}", percent));
  json.EndObject();
}

std::string_view EdsHealth(const HostView& host) {
  for (const std::string& failure : host.failures) {
    if (failure == "failed_eds_health") return "UNHEALTHY";
    if (failure == "degraded_eds_health") return "DEGRADED";
    if (failure == "eds_status_draining") return "DRAINING";
  }
  return "HEALTHY";
}

void WriteHost(JsonWriter& json, const HostView& host) {
  json.BeginElement();
  WriteAddress(json, "address", host.address);
  json.BeginArray("stats");
  for (const HostFigure& figure : kHostFigures) {
    json.BeginElement();
    if (figure.gauge) json.String("type", "GAUGE");
    json.String("name", figure.name);
    if (host.*figure.value != 0) json.Number64("value", host.*figure.value);
    json.EndObject();
  }
  json.EndArray();
  json.BeginObject("health_status");
  json.String("eds_health_status", EdsHealth(host));
  for (const std::string& failure : host.failures) {
    for (const auto& [text, field] : kFailures) {
      if (failure == text) json.Bool(field, true);
    }
  }
  json.EndObject();
  WriteRate(json, "success_rate", host.success_rate);
  json.Number("weight", host.weight);
  if (!host.hostname.empty()) json.String("hostname", host.hostname);
  if (host.priority != 0) json.Number("priority", host.priority);
  if (host.lane) json.String("lane", host.lane->empty() ? "baseline" : *host.lane);  // not in Envoy's
  WriteRate(json, "local_origin_success_rate", host.local_origin_success_rate);
  json.BeginObject("locality");
  if (!host.locality.region.empty()) json.String("region", host.locality.region);
  if (!host.locality.zone.empty()) json.String("zone", host.locality.zone);
  if (!host.locality.sub_zone.empty()) json.String("sub_zone", host.locality.sub_zone);
  json.EndObject();
  json.EndObject();
}

void WriteBreaker(JsonWriter& json, bool high, const config::CircuitBreaker& breaker) {
  json.BeginElement();
  if (high) json.String("priority", "HIGH");
  json.Number("max_connections", breaker.max_connections);
  json.Number("max_pending_requests", breaker.max_pending_requests);
  json.Number("max_requests", breaker.max_requests);
  json.Number("max_retries", breaker.max_retries);
  json.EndObject();
}

std::string ClustersJson(const std::vector<ClusterView>& clusters) {
  JsonWriter json;
  json.BeginArray("cluster_statuses");
  for (const ClusterView& cluster : clusters) {
    json.BeginElement();
    json.String("name", cluster.name);
    if (cluster.added_via_api) json.Bool("added_via_api", true);
    if (cluster.outlier) {
      WriteRate(json, "success_rate_ejection_threshold", cluster.outlier->success_rate_ejection_threshold);
    }
    if (!cluster.hosts.empty()) {
      json.BeginArray("host_statuses");
      for (const HostView& host : cluster.hosts) WriteHost(json, host);
      json.EndArray();
    }
    if (cluster.outlier) {
      WriteRate(json, "local_origin_success_rate_ejection_threshold",
                cluster.outlier->local_origin_success_rate_ejection_threshold);
    }
    json.BeginObject("circuit_breakers");
    json.BeginArray("thresholds");
    WriteBreaker(json, /*high=*/false, cluster.default_priority);
    WriteBreaker(json, /*high=*/true, cluster.high_priority);
    json.EndArray();
    json.EndObject();
    json.String("observability_name", cluster.observability_name);
    if (!cluster.eds_service_name.empty()) json.String("eds_service_name", cluster.eds_service_name);
    json.EndObject();
  }
  json.EndArray();
  return json.Finish();
}

// Nothing: not one of the two.
}  // namespace

Reply Endpoints::Clusters(const Request& request) {
  const std::optional<bool> json = request.WantsJson();
  if (!json) return Reply::WrongFormat();
  std::vector<ClusterView> clusters = sources_.clusters();
  if (const std::string* filter = request.Find("filter")) {
    const re2::RE2 regex(*filter, re2::RE2::Quiet);
    if (!regex.ok()) return Reply::Text(400, "Invalid re2 regex: " + regex.error() + "\n");
    std::erase_if(clusters,
                  [&](const ClusterView& cluster) { return !re2::RE2::PartialMatch(cluster.name, regex); });
  }
  return *json ? Reply::Json(ClustersJson(clusters)) : Reply::Text(200, ClustersText(clusters));
}

Reply Endpoints::Listeners(const Request& request) {
  const std::optional<bool> json = request.WantsJson();
  if (!json) return Reply::WrongFormat();
  const std::vector<ListenerView> listeners = sources_.listeners();
  if (!*json) {
    std::string out;
    for (const ListenerView& listener : listeners) {
      const std::string error = listener.error.empty() ? "" : " (" + Printable(listener.error) + ")";
      out += fmt::format("{}::{}{}\n", Printable(listener.name), Printable(config::AddressText(listener.address)), error);
    }
    return Reply::Text(200, std::move(out));
  }
  JsonWriter writer;
  writer.BeginArray("listener_statuses");
  for (const ListenerView& listener : listeners) {
    writer.BeginElement();
    writer.String("name", listener.name);
    WriteAddress(writer, "local_address", listener.address);
    if (!listener.error.empty()) writer.String("error", listener.error);
    writer.EndObject();
  }
  writer.EndArray();
  return Reply::Json(writer.Finish());
}

}  // namespace pillion::admin
