#include "source/admin/endpoints.h"

#include <fmt/format.h>

#include <algorithm>

namespace pillion::admin {

struct EndpointTable {
  // clang-format off
  using enum Parameter::Kind;
  using enum config::AdminRole;
  static constexpr Parameter kFilter = {"filter", kText, "regular expression (re2) to be found in the name"};
  static constexpr Parameter kFormat = {"format", kChoice, "how it is written", "text|json"};
  static constexpr Parameter kUsedOnly = {"usedonly", kFlag, "only what was written since the start"};
  static constexpr Parameter kStats[] = {
      kUsedOnly,
      kFilter,
      {"format", kChoice, "how it is written", "text|json|prometheus|html|active-html"},
      {"type", kChoice, "only metrics of one kind", "All|Counters|Gauges|Histograms|TextReadouts"},
      {"histogram_buckets", kChoice, "how histograms are shown", "summary|cumulative|disjoint|detailed"},
  };
  static constexpr Parameter kPrometheus[] = {
      kUsedOnly,
      kFilter,
      {"text_readouts", kFlag, "with texts, as gauges with a label text_value"},
      {"histogram_buckets", kChoice, "how histograms are shown", "cumulative|summary|prometheusnative"},
      {"prom_protobuf", kFlag, "as messages of protobuf, as a scraper may ask for them by Accept"},
      {"native_histogram_max_buckets", kText, "of prometheusnative: buckets of a histogram, at most"},
  };
  static constexpr Parameter kClusters[] = {kFormat, kFilter};
  static constexpr Parameter kListeners[] = {kFormat};
  static constexpr Parameter kLastGood[] = {kFormat};
  static constexpr Parameter kContext[] = {kFormat};
  static constexpr Parameter kLimits[] = {kFormat};
  static constexpr Parameter kBreakers[] = {kFormat};
  static constexpr Parameter kConfigDump[] = {
      {"resource", kText, "only this field, such as static_clusters"},
      {"mask", kText, "only these fields, of each resource where one is named: a,b.c"},
      {"name_regex", kText, "only resources whose name matches this regular expression (re2)"},
      {"include_eds", kFlag, "with the endpoints"},
  };
  static constexpr Parameter kExplain[] = {
      kFormat,
      {"method", kText, "of the request; GET where nothing is said"},
      {"authority", kText, "its host, with or without a port"},
      {"path", kText, "with its query"},
      {"header", kText, "name:value; may be repeated"},
      {"listener", kText, "by its name"},
      {"address", kText, "the listener by its address: ip:port"},
      {"port", kText, "the listener by its port"},
      {"source", kText, "who connects: ip or ip:port; 127.0.0.1 where nothing is said"},
      {"destination", kText, "where a connection that the system redirected was meant to go: ip:port"},
      {"tls", kChoice, "whether the client speaks TLS", "|true|false"},
      {"sni", kText, "the server name that it asks for"},
      {"alpn", kText, "protocols that it offers: h2,http/1.1"},
      {"principal", kText, "a name in its certificate: a URI, as a SPIFFE ID, or a DNS name; may be repeated"},
      {"colour", kText, "a label of its colour: env=gray; repeatable"},
      {"random", kText, "the request's random number, by which chance decides"},
  };
  static constexpr Parameter kGuard[] = {kFormat};
  static constexpr Parameter kDrain[] = {
      {"graceful", kFlag, "close after the drain time, not at once"},
      {"skip_exit", kFlag, "with graceful: keep the process when the drain time is over"},
      {"inboundonly", kFlag, "only listeners of inbound traffic"},
  };
  static constexpr Parameter kReload[] = {
      {"format", kChoice, "how the answer is written", "json|text"},
      {"name", kText, "what the body is called in errors"},
  };
  static constexpr Parameter kEnable[] = {{"enable", kChoice, "whether it runs", "y|n"}};
  static constexpr Parameter kLogging[] = {
      {"level", kChoice, "level of all loggers", "|trace|debug|info|warning|error|critical|off"},
      {"paths", kText, "levels of some loggers: name:level,name:level"},
      {"group", kText, "the same"},
  };

  static constexpr Endpoint kAll[] = {
      {"/", kRead, false, "this administration's home page", &Endpoints::IndexPage},
      {"/allocprofiler", kProfile, true, "profile allocations as they are made (not in this build)",
       &Endpoints::AllocationProfiler, kEnable},
      {"/api/reload", kWrite, true,
       "replace the configured clusters, listeners and secrets by those of the body; without one, read the file again",
       &Endpoints::Reload, kReload, true},
      {"/breakers", kRead, false, "rules of breakers, those that are not closed, and their figures", &Endpoints::Breakers,
       kBreakers},
      {"/certs", kRead, false, "certificates in use", &Endpoints::Certs},
      {"/clusters", kRead, false, "clusters, their hosts and figures", &Endpoints::Clusters, kClusters},
      {"/config_dump", kRead, false, "the configuration in use", &Endpoints::ConfigDump, kConfigDump},
      {"/contention", kProfile, false, "how threads wait for locks", &Endpoints::Contention},
      {"/context", kRead, false,
       "requests that have a context, the oldest of them, and the table that outbound ones are found by",
       &Endpoints::Context, kContext},
      {"/cpuprofiler", kProfile, true, "profile the CPU (not in this build)", &Endpoints::CpuProfiler, kEnable},
      {"/drain_listeners", kWrite, true, "stop taking connections", &Endpoints::DrainListeners, kDrain},
      {"/explain", kRead, false, "what a request would meet now: listener, filters, route, endpoint; nothing is sent",
       &Endpoints::Explain, kExplain},
      {"/guard", kRead, false, "what the guard watches, and what it went back from", &Endpoints::Guard, kGuard},
      {"/guard/forget", kWrite, true, "what the guard went back from may come again", &Endpoints::ForgetRefused},
      {"/healthcheck/fail", kWrite, true, "say that this process is not ready: /ready answers 503",
       &Endpoints::HealthcheckFail},
      {"/healthcheck/ok", kWrite, true, "take back /healthcheck/fail", &Endpoints::HealthcheckOk},
      {"/heap_dump", kProfile, false, "what is allocated (not in this build)", &Endpoints::HeapDump},
      {"/heapprofiler", kProfile, true, "profile allocations (not in this build)", &Endpoints::HeapProfiler, kEnable},
      {"/help", kRead, false, "this list", &Endpoints::Help},
      {"/hot_restart_version", kRead, false, "the hot restart compatibility version", &Endpoints::HotRestartVersion},
      {"/init_dump", kRead, false, "what the start still waits for", &Endpoints::InitDump},
      {"/last_good", kRead, false, "the file of what control planes gave: how old, what is in it, what is left out and why",
       &Endpoints::LastGood, kLastGood},
      {"/limits", kRead, false, "rules of limits, the keys that they keep and who waits for them", &Endpoints::Limits,
       kLimits},
      {"/listeners", kRead, false, "listeners and their addresses", &Endpoints::Listeners, kListeners},
      {"/logging", kWrite, true, "show or change log levels", &Endpoints::Logging, kLogging},
      {"/memory", kProfile, false, "memory in use", &Endpoints::Memory},
      {"/memory/tcmalloc", kProfile, false, "what TCMalloc says of it (not in this build)", &Endpoints::AllocatorStats},
      {"/peak_heap_dump", kProfile, false, "what was allocated at the most (not in this build)", &Endpoints::HeapDump},
      {"/quitquitquit", kWrite, true, "end the process", &Endpoints::Quit},
      {"/ready", kMonitor, false, "the state; status 200 only when LIVE, else 503", &Endpoints::Ready},
      {"/reopen_logs", kWrite, true, "open the access logs' files again", &Endpoints::ReopenLogs},
      {"/reset_counters", kWrite, true, "set all counters to zero", &Endpoints::ResetCounters},
      {"/runtime", kRead, false, "values that may be set while the process runs", &Endpoints::Runtime},
      {"/runtime_modify", kWrite, true, "set such values: ?key=value&key=value; an empty one takes what was set away",
       &Endpoints::RuntimeModify},
      {"/server_info", kRead, false, "version, state, uptime, command line and node", &Endpoints::ServerInfo},
      {"/stats", kMonitor, false, "all metrics", &Endpoints::Stats, kStats},
      {"/stats/prometheus", kMonitor, false, "all metrics in Prometheus' format", &Endpoints::StatsPrometheus, kPrometheus},
      {"/stats/recentlookups", kRead, false, "names of metrics that were looked up", &Endpoints::RecentLookups},
      {"/stats/recentlookups/clear", kWrite, true, "forget them", &Endpoints::ChangeRecentLookups},
      {"/stats/recentlookups/disable", kWrite, true, "note them no longer", &Endpoints::ChangeRecentLookups},
      {"/stats/recentlookups/enable", kWrite, true, "note them", &Endpoints::ChangeRecentLookups},
  };
  // clang-format on

  // Without the empty choice, which changes nothing.
  static std::string_view Choices(const Parameter& parameter) {
    return parameter.choices.substr(parameter.choices.starts_with('|') ? 1 : 0);
  }

  static std::string List() {
    std::string out = "admin commands are:\n";
    for (const Endpoint& endpoint : kAll) {
      out += fmt::format("  {}{}: {}\n", endpoint.path, endpoint.changes ? " (POST)" : "", endpoint.help);
      for (const Parameter& parameter : endpoint.parameters) {
        out += fmt::format("      {}: {}", parameter.name, parameter.help);
        if (parameter.kind == kChoice) out += fmt::format(" ({})", Choices(parameter));
        out += '\n';
      }
    }
    return out;
  }
};

std::span<const Endpoint> Endpoints::All() {
  return EndpointTable::kAll;
}

const Endpoint* Endpoints::Find(std::string_view path) {
  const auto found = std::ranges::find(EndpointTable::kAll, path, &Endpoint::path);
  return found == std::end(EndpointTable::kAll) ? nullptr : found;
}

config::AdminRole Endpoints::RoleFor(std::string_view path) {
  const Endpoint* const found = Find(path);
  return found == nullptr ? config::AdminRole::kWrite : found->role;
}

Reply Endpoints::Answer(const Request& request) {
  const auto& allowed = sources_.allow_paths;
  const auto matches = [&request](const match::StringMatcher& matcher) { return matcher.Matches(request.path); };
  if (!allowed.empty() && std::none_of(allowed.begin(), allowed.end(), matches)) {
    return Reply::Text(403, fmt::format("request to path {} not allowed\n", request.path));
  }
  const Endpoint* const found = Find(request.path);
  if (found == nullptr) return Reply::Text(404, "invalid path. " + EndpointTable::List());
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (request.method != "POST" && (found->changes || !get)) {
    return Reply::Text(405, fmt::format("Method {} not allowed, {} required.\n", request.method,
                                        found->changes ? "POST" : "GET"));
  }
  return (this->*found->answer)(request);
}

Reply Endpoints::Help(const Request&) {
  return Reply::Text(200, EndpointTable::List());
}

Reply Endpoints::HealthcheckFail(const Request&) {
  sources_.fail_healthcheck(true);
  return Reply::Text(200, "OK\n");
}

Reply Endpoints::HealthcheckOk(const Request&) {
  sources_.fail_healthcheck(false);
  return Reply::Text(200, "OK\n");
}

Reply Endpoints::DrainListeners(const Request& request) {
  const DrainQuery query{request.Flag("graceful"), request.Flag("skip_exit"), request.Flag("inboundonly")};
  if (query.skip_exit && !query.graceful) return Reply::Text(400, "skip_exit requires graceful\n");
  const absl::Status status = sources_.drain_listeners(query);
  return status.ok() ? Reply::Text(200, "OK\n") : Reply::Text(400, std::string(status.message()) + "\n");
}

Reply Endpoints::Quit(const Request&) {
  Reply reply = Reply::Text(200, "OK\n");
  reply.after = sources_.quit;
  return reply;
}

Reply Endpoints::ResetCounters(const Request&) {
  stats_.ResetCounters();
  return Reply::Text(200, "OK\n");
}

Reply Endpoints::ReopenLogs(const Request&) {
  sources_.reopen_logs();
  return Reply::Text(200, "OK\n");
}

// level=debug for all, paths=a:debug,b:info for some; nothing: only shows them. Another name is a logger's.
Reply Endpoints::Logging(const Request& request) {
  std::vector<std::pair<std::string, std::string>> changes;
  for (const auto& [name, value] : request.query) {
    if (value.empty()) continue;  // a form's field that was left blank
    if (name == "level") {
      changes.emplace_back("", value);
    } else if (name == "paths" || name == "group") {
      for (size_t start = 0; start < value.size();) {
        const size_t end = std::min(value.find(',', start), value.size());
        const std::string part = value.substr(start, end - start);
        const size_t colon = part.find(':');
        if (colon == std::string::npos) {
          return Reply::Text(400, fmt::format("error: expected {}=name:level,name:level\n", name));
        }
        changes.emplace_back(part.substr(0, colon), part.substr(colon + 1));
        start = end + 1;
      }
    } else {
      changes.emplace_back(name, value);
    }
  }
  for (const auto& [logger, level] : changes) {
    if (const absl::Status status = sources_.set_log_level(logger, level); !status.ok()) {
      return Reply::Text(400, fmt::format("error: {}\n", std::string(status.message())));
    }
  }
  std::string body = "active loggers:\n";
  for (const auto& [logger, level] : sources_.log_levels()) body += fmt::format("  {}: {}\n", logger, level);
  return Reply::Text(200, std::move(body));
}

Reply Endpoints::ConfigDump(const Request& request) {
  ConfigDumpQuery query;
  if (const std::string* mask = request.Find("mask")) query.mask = *mask;
  if (const std::string* resource = request.Find("resource")) query.resource = *resource;
  if (const std::string* name = request.Find("name_regex")) query.name_regex = *name;
  query.include_eds = request.Flag("include_eds");
  absl::StatusOr<std::string> dump = sources_.config_dump(query);
  if (dump.ok()) return Reply::Json(*std::move(dump));
  const int status = absl::IsNotFound(dump.status()) ? 404 : absl::IsInvalidArgument(dump.status()) ? 400 : 500;
  return Reply::Text(status, std::string(dump.status().message()) + "\n");
}

Reply Endpoints::Explain(const Request& request) {
  std::vector<std::pair<std::string, std::string>> parameters;
  bool json = false;
  for (const auto& [name, value] : request.query) {
    if (name != "format") {
      parameters.emplace_back(name, value);
    } else if (value == "json" || value == "text" || value.empty()) {
      json = value == "json";
    } else {
      return Reply::Text(400, fmt::format("format: {}, expected text or json\n", value));
    }
  }
  absl::StatusOr<std::string> answer = sources_.explain(parameters, json);
  if (!answer.ok()) return Reply::Text(400, std::string(answer.status().message()) + "\n");
  return json ? Reply::Json(*std::move(answer)) : Reply::Text(200, *std::move(answer));
}

Reply Endpoints::Guard(const Request& request) {
  const std::string* const format = request.Find("format");
  if (format == nullptr || *format == "text") return Reply::Text(200, sources_.guard(false));
  if (*format == "json") return Reply::Json(sources_.guard(true));
  return Reply::Text(400, fmt::format("format: {}, expected text or json\n", *format));
}

Reply Endpoints::ForgetRefused(const Request&) {
  return Reply::Text(200, fmt::format("{} forgotten\n", sources_.forget_refused()));
}

}  // namespace pillion::admin
