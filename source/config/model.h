#pragma once

// The checked, immutable model that the data path is built from. load.h makes it; nobody changes it afterwards, so any
// thread may read it. Its parts are counted one by one, so that a later version can share those that did not change.
// No protobuf type appears in it.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/config/access_log.h"
#include "source/config/address.h"
#include "source/config/admin_access.h"
#include "source/config/cluster.h"
#include "source/config/config_source.h"
#include "source/config/guard.h"
#include "source/config/http_options.h"
#include "source/config/last_good.h"
#include "source/config/listener.h"
#include "source/config/remote_secret.h"
#include "source/config/route.h"
#include "source/config/stats_config.h"
#include "source/config/watchdog.h"
#include "source/match/string_matcher.h"
#include "source/net/address.h"
#include "source/runtime/layers.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace pillion::config {

struct NamedSecrets;
struct Overload;

struct Node {
  struct BuildVersion {
    uint32_t major_number = 0;
    uint32_t minor_number = 0;
    uint32_t patch = 0;
  };

  std::string id;
  std::string cluster;
  Locality locality;
  std::string user_agent_name = "pillion";
  std::string user_agent_version;             // empty: the next
  std::optional<BuildVersion> build_version;  // none: pillion's own
};

struct Admin {
  std::optional<Address> address;  // none: no admin server
  std::vector<AccessLog> access_logs;
  std::vector<match::StringMatcher> allow_paths;  // empty: all
  std::optional<AdminAccess> access;              // none: DefaultAdminAccess()
};

// An agent that gives secrets by the SPIFFE Workload API.
struct WorkloadApi {
  net::Address endpoint;
  base::Duration initial_fetch_timeout{0};  // zero: for ever
};

// What comes while the process runs.
struct DynamicResources {
  std::optional<ApiSource> ads;  // what `ads` means, wherever it stands
  std::optional<Feed> listeners;
  std::optional<Feed> clusters;
};

struct Bootstrap {
  Node node;
  Admin admin;
  std::string outlier_event_log;  // a path; empty: none
  std::shared_ptr<const Overload> overload;  // null: nothing is given up for want of resources
  StatsConfig stats;
  std::string flags_path;                         // empty: none
  std::string log_format;                         // of the process's own log, in spdlog's syntax; empty: the default
  std::optional<uint64_t> shown_version;          // as server.version
  uint64_t unknown_fields = 0;                    // that were passed over
  std::vector<std::shared_ptr<const Listener>> listeners;  // names and addresses are unique
  std::vector<std::shared_ptr<const Cluster>> clusters;    // names are unique; references resolve, or may come
  std::shared_ptr<const Lanes> default_lanes;  // of clusters that do not say; null: they have none
  std::shared_ptr<const NameResolution> name_resolution;  // of clusters that do not say; null: DNS, as resolv.conf says
  std::shared_ptr<NamedSecrets> secrets;  // as they are now, of all that follows it too; never null in a loaded one

  Watchdog main_watchdog;    // of the main thread
  Watchdog worker_watchdog;  // of the workers
  bool turn_stats = false;   // how long turns of threads take is counted

  std::optional<WorkloadApi> workload_api;
  std::optional<LastGood> last_good;  // none: nothing is kept
  // Bytes that may be under way in a connection to an internal listener, each way. None: there may be no such listener.
  std::optional<uint32_t> internal_pipe_bytes;
  std::optional<DynamicResources> dynamic;
  std::optional<ApiSource> load_reports;  // who is told of requests; none: nobody
  std::shared_ptr<const Guard> guard;       // null: none, or the pushed one
  std::optional<PushedGuard> pushed_guard;  // counts while it is there
  std::shared_ptr<RemoteSecrets> remote_secrets;  // never null in a loaded one

  std::vector<runtime::LayerSettings> runtime_layers;
  std::vector<RuntimeSource> runtime_sources;  // of those that are pushed
  std::shared_ptr<runtime::Keys> runtime_keys;  // all that the parts name; never null in a loaded one

  // What was loaded, an envoy.config.bootstrap.v3.Bootstrap: for dump.h only. Never null in a loaded one.
  std::shared_ptr<const google::protobuf::Message> source;
};

}  // namespace pillion::config
