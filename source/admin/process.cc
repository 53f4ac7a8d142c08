// What is said of the process: state, version, memory.

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "source/admin/endpoints.h"
#include "source/admin/json_writer.h"
#include "source/base/process_memory.h"

namespace pillion::admin {
namespace {

void WriteLocality(JsonWriter& json, const config::Locality& locality) {
  json.BeginObject("locality");
  if (!locality.region.empty()) json.String("region", locality.region);
  if (!locality.zone.empty()) json.String("zone", locality.zone);
  if (!locality.sub_zone.empty()) json.String("sub_zone", locality.sub_zone);
  json.EndObject();
}

void WriteVersion(JsonWriter& json, const config::Node& node) {
  if (!node.user_agent_version.empty()) json.String("user_agent_version", node.user_agent_version);
  if (!node.build_version) return;
  json.BeginObject("user_agent_build_version");
  json.BeginObject("version");
  json.Raw("major_number", std::to_string(node.build_version->major_number));
  json.Raw("minor_number", std::to_string(node.build_version->minor_number));
  json.Raw("patch", std::to_string(node.build_version->patch));
  json.EndObject();
  json.EndObject();
}

}  // namespace

std::string_view StateName(State state) {
  switch (state) {
    case State::kLive:
      return "LIVE";
    case State::kDraining:
      return "DRAINING";
    case State::kPreInitializing:
      return "PRE_INITIALIZING";
    case State::kInitializing:
      return "INITIALIZING";
  }
  return "";
}

Reply Endpoints::Ready(const Request&) {
  const State state = sources_.state();
  return Reply::Text(state == State::kLive ? 200 : 503, fmt::format("{}\n", StateName(state)));
}

Reply Endpoints::ServerInfo(const Request&) {
  JsonWriter json;
  const std::string uptime = fmt::format("{}s", sources_.uptime().count());
  json.String("version", sources_.version);
  json.String("state", StateName(sources_.state()));
  json.String("uptime_current_epoch", uptime);
  json.String("uptime_all_epochs", uptime);
  json.String("hot_restart_version", "disabled");
  json.BeginObject("command_line_options");
  for (const CommandLineOption& option : sources_.command_line) {
    if (const bool* flag = std::get_if<bool>(&option.value)) {
      json.Bool(option.name, *flag);
    } else if (const uint64_t* number = std::get_if<uint64_t>(&option.value)) {
      json.Raw(option.name, std::to_string(*number));
    } else if (const std::string* text = std::get_if<std::string>(&option.value)) {
      json.String(option.name, *text);
    } else {
      json.BeginArray(option.name);
      for (const std::string& element : std::get<std::vector<std::string>>(option.value)) json.String("", element);
      json.EndArray();
    }
  }
  json.EndObject();
  json.BeginObject("node");
  json.String("id", sources_.node.id);
  json.String("cluster", sources_.node.cluster);
  if (!sources_.node_metadata.empty()) json.Raw("metadata", sources_.node_metadata);
  WriteLocality(json, sources_.node.locality);
  json.String("user_agent_name", sources_.node.user_agent_name);
  WriteVersion(json, sources_.node);
  json.EndObject();
  json.Bool("hot_restart_initializing", false);
  return Reply::Json(json.Finish());
}

// Names as Envoy has them; the figures are malloc's.
Reply Endpoints::Memory(const Request&) {
  const base::Heap heap = base::ReadHeap();
  JsonWriter json;
  json.Number64("allocated", heap.allocated);
  json.Number64("heap_size", heap.heap_size);
  json.Number64("pageheap_unmapped", 0);
  json.Number64("pageheap_free", heap.free);
  json.Number64("total_thread_cache", heap.cached);
  json.Number64("total_physical_bytes", base::ResidentBytes());
  return Reply::Json(json.Finish());
}

Reply Endpoints::HotRestartVersion(const Request&) { return Reply::Text(200, "disabled\n"); }

Reply Endpoints::Certs(const Request&) {
  JsonWriter json;
  const auto write = [&](std::string_view key, const std::vector<CertificateView>& certificates) {
    json.BeginArray(key);
    for (const CertificateView& certificate : certificates) {
      json.BeginElement();
      json.String("path", certificate.path);
      json.String("serial_number", certificate.serial);
      json.BeginArray("subject_alt_names");
      for (const auto& [kind, name] : certificate.names) {
        json.BeginElement();
        json.String(kind, name);
        json.EndObject();
      }
      json.EndArray();
      json.Number64("days_until_expiration", certificate.days_until_expiration);
      json.String("valid_from", certificate.valid_from);
      json.String("expiration_time", certificate.expiration_time);
      if (certificate.overdue) json.Bool("overdue", true);
      if (!certificate.ocsp_valid_from.empty()) {
        json.BeginObject("ocsp_details");
        json.String("valid_from", certificate.ocsp_valid_from);
        json.String("expiration", certificate.ocsp_expiration);
        json.EndObject();
      }
      json.EndObject();
    }
    json.EndArray();
  };
  json.BeginArray("certificates");
  for (const CertificatesView& context : sources_.certificates ? sources_.certificates() : std::vector<CertificatesView>()) {
    json.BeginElement();
    write("ca_cert", context.trusted);
    write("cert_chain", context.chain);
    json.EndObject();
  }
  json.EndArray();
  return Reply::Json(json.Finish());
}

// envoy.admin.v3.UnreadyTargetsDumps.
Reply Endpoints::InitDump(const Request& request) {
  using Kind = UnreadyView::Kind;
  constexpr std::tuple<Kind, std::string_view, std::string_view> kKinds[] = {
      {Kind::kServer, "server", "init manager Server"},
      {Kind::kCluster, "cluster", "init manager Cluster "},
      {Kind::kListener, "listener", "init manager Listener-local-init-manager "}};
  const std::string* const mask = request.Find("mask");
  const auto is_mask = [mask](const auto& kind) { return std::get<1>(kind) == *mask; };
  if (mask != nullptr && std::ranges::none_of(kKinds, is_mask)) {
    return Reply::Text(400, fmt::format("mask: \"{}\", expected server, cluster or listener\n", *mask));
  }
  JsonWriter json;
  bool any = false;
  const std::vector<UnreadyView> all = sources_.unready();
  for (const auto& [kind, word, manager] : kKinds) {
    if (mask != nullptr && *mask != word) continue;
    for (const UnreadyView& unready : all) {
      if (unready.kind != kind) continue;
      if (!std::exchange(any, true)) json.BeginArray("unready_targets_dumps");
      json.BeginElement();
      json.String("name", fmt::format("{}{}", manager, unready.name));
      json.BeginArray("target_names");
      for (const std::string& target : unready.targets) json.String("", target);
      json.EndArray();
      json.EndObject();
    }
  }
  if (any) json.EndArray();
  return Reply::Json(json.Finish());
}

Reply Endpoints::Contention(const Request&) { return Reply::Text(200, "Mutex contention tracing is not enabled.\n"); }

Reply Endpoints::CpuProfiler(const Request& request) {
  if (request.Find("enable") == nullptr) return Reply::Text(400, "?enable=<y|n>\n");
  return Reply::Text(501, "The current build does not support cpu profiler\n");
}

Reply Endpoints::HeapProfiler(const Request&) {
  return Reply::Text(501, "The current build does not support heap profiler\n");
}

Reply Endpoints::HeapDump(const Request&) { return Reply::Text(501, "The current build does not support heap dump\n"); }

Reply Endpoints::AllocationProfiler(const Request& request) {
  if (request.Find("enable") == nullptr) return Reply::Text(400, "?enable=<y|n>\n");
  return Reply::Text(501, "The current build does not support allocation profiler\n");
}

Reply Endpoints::AllocatorStats(const Request&) {
  return Reply::Text(501, "The current build does not use TCMalloc: see /memory\n");
}

}  // namespace pillion::admin
