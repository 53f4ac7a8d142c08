#pragma once

// What the administration answers: one table of endpoints, from which /help and the index page are made too. No
// sockets here (server.h has them). Owned by the server; main thread only.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "source/admin/message.h"
#include "source/admin/sources.h"
#include "source/config/admin_access.h"
#include "source/stats/registry.h"

namespace pillion::admin {

class Endpoints;

struct Parameter {
  enum class Kind : uint8_t { kText, kFlag, kChoice };

  std::string_view name;
  Kind kind;
  std::string_view help;
  std::string_view choices = {};  // kChoice: "text|json"; the first is the default
};

struct Endpoint {
  std::string_view path;
  config::AdminRole role;  // that it needs
  bool changes;            // it needs POST
  std::string_view help;
  Reply (Endpoints::*answer)(const Request&);
  std::span<const Parameter> parameters = {};
  bool takes_body = false;  // that is no form
};

class Endpoints {
 public:
  // Both outlive this.
  Endpoints(const Sources& sources, stats::Registry& stats) : sources_(sources), stats_(stats) {}

  Reply Answer(const Request& request);

  static std::span<const Endpoint> All();
  // Null: there is none.
  static const Endpoint* Find(std::string_view path);
  // What a request for this path needs; for one that there is not: kWrite.
  static config::AdminRole RoleFor(std::string_view path);

 private:
  friend struct EndpointTable;

  // endpoints.cc
  Reply Help(const Request&);
  Reply HealthcheckFail(const Request&);
  Reply HealthcheckOk(const Request&);
  Reply DrainListeners(const Request& request);
  Reply Quit(const Request&);
  Reply ResetCounters(const Request&);
  Reply ReopenLogs(const Request&);
  Reply Logging(const Request& request);
  Reply ConfigDump(const Request& request);
  Reply Explain(const Request& request);
  Reply Guard(const Request& request);
  Reply ForgetRefused(const Request& request);
  // process.cc
  Reply Ready(const Request&);
  Reply ServerInfo(const Request&);
  Reply Memory(const Request&);
  Reply HotRestartVersion(const Request&);
  Reply Certs(const Request&);
  Reply InitDump(const Request&);
  Reply Contention(const Request&);
  Reply CpuProfiler(const Request& request);
  Reply HeapProfiler(const Request&);
  Reply HeapDump(const Request&);
  Reply AllocationProfiler(const Request& request);
  Reply AllocatorStats(const Request&);
  // stats.cc
  Reply Stats(const Request& request);
  Reply StatsPrometheus(const Request& request);
  Reply RecentLookups(const Request&);
  Reply ChangeRecentLookups(const Request&);
  // clusters.cc
  Reply Clusters(const Request& request);
  Reply Listeners(const Request& request);
  // context.cc
  Reply Context(const Request& request);
  // breakers.cc
  Reply Breakers(const Request& request);
  // limits.cc
  Reply Limits(const Request& request);
  // last_good.cc
  Reply LastGood(const Request& request);
  // reload.cc
  Reply Reload(const Request& request);
  // runtime.cc
  Reply Runtime(const Request&);
  Reply RuntimeModify(const Request& request);
  // index_page.cc
  Reply IndexPage(const Request&);

  const Sources& sources_;
  stats::Registry& stats_;
};

}  // namespace pillion::admin
