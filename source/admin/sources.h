#pragma once

// What the administration shows and what it can do: plain figures and callbacks that the server fills in, so that
// nothing here knows the proxy. All callbacks run on the main thread and return soon.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "source/config/address.h"
#include "source/config/model.h"
#include "source/match/string_matcher.h"

namespace pillion::admin {

enum class State : uint8_t { kLive, kDraining, kPreInitializing, kInitializing };

// "LIVE", ...
std::string_view StateName(State state);

struct CommandLineOption {
  std::string name;  // as in the command line, with '_' for '-'
  std::variant<bool, uint64_t, std::string, std::vector<std::string>> value;
};

struct HostView {
  config::Address address;
  std::vector<config::Address> additional_addresses;
  std::string hostname;
  uint64_t cx_active = 0;
  uint64_t cx_connect_fail = 0;
  uint64_t cx_total = 0;
  uint64_t rq_active = 0;
  uint64_t rq_error = 0;
  uint64_t rq_pending_active = 0;
  uint64_t rq_success = 0;
  uint64_t rq_timeout = 0;
  uint64_t rq_total = 0;
  // Why it gets no requests, in Envoy's words ("failed_active_hc", "failed_outlier_check", ...); empty: healthy.
  std::vector<std::string> failures;
  uint32_t weight = 1;
  uint32_t priority = 0;
  config::Locality locality;
  bool canary = false;
  std::optional<std::string> lane;  // its labels, empty: of the baseline; none: the cluster has no lanes
  // In percent, of the last interval of outlier detection; -1: not enough is known.
  double success_rate = -1;
  double local_origin_success_rate = -1;
};

// Of outlier detection, where a cluster has it; -1: not enough is known.
struct OutlierView {
  double success_rate_average = -1;
  double success_rate_ejection_threshold = -1;
  double local_origin_success_rate_average = -1;
  double local_origin_success_rate_ejection_threshold = -1;
};

struct ClusterView {
  std::string name;
  std::string observability_name;
  std::string eds_service_name;  // empty: it has none
  bool added_via_api = false;
  bool leaving = false;  // it was removed, and serves as long as route tables name it
  config::CircuitBreaker default_priority;
  config::CircuitBreaker high_priority;
  std::optional<OutlierView> outlier;
  std::vector<HostView> hosts;
};

struct ListenerView {
  std::string name;
  config::Address address;  // bound: with the port that the kernel chose
  std::string error = {};   // why nobody listens there as yet; empty: somebody does
};

// What does not serve yet.
struct UnreadyView {
  enum class Kind : uint8_t { kServer, kCluster, kListener };

  Kind kind;
  std::string name;                  // none for the server
  std::vector<std::string> targets;  // that it waits for: "hosts", "route table \"local\""
};

struct ConfigDumpQuery {
  std::string resource;      // a field of the dump, like "static_clusters"; empty: all
  std::string mask;          // a google.protobuf.FieldMask: "bootstrap.node,version_info"; empty: all
  std::string name_regex;    // re2, whole name; empty: all
  bool include_eds = false;  // with the endpoints
};

struct DrainQuery {
  bool graceful = false;
  bool skip_exit = false;
  bool inbound_only = false;
};

struct RuntimeView {
  struct Entry {
    std::string name;
    std::vector<std::string> layer_values;  // of each layer; empty: it has none
    std::string final_value;
  };

  std::vector<std::string> layers;
  std::vector<Entry> entries;
};

struct CertificateView {
  std::string path;  // or "<inline>"
  std::string serial;
  std::vector<std::pair<std::string, std::string>> names;  // kind ("uri", "dns", "ip_address"), name
  std::string valid_from;       // RFC 3339
  std::string expiration_time;
  uint64_t days_until_expiration = 0;
  bool overdue = false;  // half of its life has passed, and it was not renewed
  // Of what the CA says of it (OCSP), RFC 3339; empty: nothing is sent.
  std::string ocsp_valid_from;
  std::string ocsp_expiration;
};

// Of one TLS context.
struct CertificatesView {
  std::vector<CertificateView> trusted;
  std::vector<CertificateView> chain;  // its own, one for each pair
};

// The file of last good state.
struct LastGoodView {
  struct Resource {
    std::string name;
    std::string version;
    bool in_use;  // of the file, for its control plane does not answer
  };
  struct LeftOut {
    std::string name;
    std::string why;
  };
  struct Section {
    std::string source;
    std::string kind;  // "clusters"
    std::vector<Resource> resources;
    std::vector<LeftOut> left_out;  // of the file
    std::vector<LeftOut> not_used;  // though it was needed
  };
  struct Write {
    std::string time;  // RFC 3339
    uint64_t duration_ms;
    uint64_t bytes;
    std::string error;  // empty: it went well
  };

  std::string path;
  bool include_secrets = false;
  std::string refused;   // why the file of the start is not used; empty: it may be
  std::string written;   // RFC 3339; empty: there is none
  std::string age;       // since then: "3 h 12 min"
  uint64_t age_s = 0;
  std::optional<Write> last_write;  // by this process
  std::vector<Section> sections;
};

// A rule of limits (filter pillion.filters.http.limit).
struct LimitView {
  std::string name;
  std::string terms;  // "window of 600 in 60s, bucket of 40, 20 per 1s"
  uint64_t keys = 0;
  uint64_t capacity = 0;
  uint64_t expired = 0;
  uint64_t evicted = 0;
  uint64_t without_room = 0;  // times that a new key had to share
  uint64_t waiting = 0;       // of its queues
  // Keys that it refused of late, most often first.
  struct Key {
    std::string name;      // "tenant=\"acme\""; or a number that stands for it, "#3f2a9c01"
    uint64_t refused = 0;  // at least, in the last minutes
    uint64_t seconds = 0;  // since the last time
    std::string left;      // "window 0 of 600, bucket 31 of 40"
  };
  std::vector<Key> refused;
};

// A rule of breakers (filter pillion.filters.http.degradation).
struct BreakersView {
  struct Breaker {
    std::string key;    // "route=all/pay, lane=baseline"; empty: it is the only one
    std::string state;  // "closed", "open", "half_open", "recovering"
    uint64_t since_ms = 0;           // ago
    uint64_t retry_after_ms = 0;     // of one that is open
    uint64_t calls = 0;              // that ended in the last interval
    uint64_t bad = 0;
    uint64_t opened_by_calls = 0;    // last
    uint64_t opened_by_bad = 0;
    uint64_t probes_on_their_way = 0;
    uint64_t good_probes = 0;
    uint64_t good_windows = 0;
    uint64_t passed = 0;
    uint64_t refused = 0;
    uint64_t probes = 0;
    uint64_t opened = 0;
    uint64_t late = 0;
  };

  std::string rule;
  std::string terms;  // "error ratio 0.6 in 10s of at least 5 calls; open for 60s, 1 probe"
  std::string per;    // "route, lane"
  uint64_t count = 0;
  uint64_t most = 0;
  uint64_t no_room = 0;    // times that a request had none
  uint64_t forgotten = 0;
  std::vector<Breaker> breakers;  // those that are not closed first, then by key; so many at most
};

// Requests with a context, where a listener has the filter for it.
struct ContextView {
  struct Oldest {
    int64_t age_ms;                    // since its first byte
    std::optional<int64_t> time_left_ms;  // nothing: it has no deadline
  };
  // The table of what inbound requests carry; each has a record by its trace and one by its id.
  struct Correlation {
    uint64_t size = 0;
    uint64_t capacity = 0;
    uint64_t remembered = 0;
    uint64_t refused = 0;
    uint64_t forgotten = 0;
    // Outbound requests.
    uint64_t restored = 0;
    uint64_t partly = 0;
    uint64_t unclear = 0;
    uint64_t unknown = 0;
  };

  uint64_t in_flight = 0;
  uint64_t with_deadline = 0;
  std::optional<Oldest> oldest;  // whose head came first, of each worker
  Correlation correlation;
};

// What became of a configuration that was to take the place of the one that there is.
struct ReloadView {
  struct Names {
    std::vector<std::string> clusters;
    std::vector<std::string> listeners;
    std::vector<std::string> secrets;
  };
  struct Refused {
    std::string kind;  // "cluster"
    std::string name;  // of the bootstrap: empty
    std::vector<std::string> errors;
  };

  bool now = true;                  // else errors say why it can't be done now
  std::vector<std::string> errors;  // not empty: nothing was done
  Names added;
  Names changed;
  Names removed;
  Names kept;  // gone, but there as long as something is refused
  Names unchanged;
  std::vector<Refused> refused;  // the first ones
  size_t more_refused = 0;       // than these
  std::vector<std::string> needs_restart;  // fields that changed: "admin.address"
};

struct Sources {
  std::string version;  // <revision>/<version>/<Clean or Modified>/<build type>/<TLS library>
  config::Node node;
  std::string node_metadata;  // a JSON object; empty: it has none
  std::vector<CommandLineOption> command_line;
  std::vector<match::StringMatcher> allow_paths;  // that are answered; empty: all

  std::function<State()> state;
  std::function<std::chrono::seconds()> uptime;  // of this process
  std::function<std::vector<ClusterView>()> clusters;
  std::function<std::vector<ListenerView>()> listeners;
  std::function<std::vector<UnreadyView>()> unready;
  std::function<absl::StatusOr<std::string>(const ConfigDumpQuery&)> config_dump;  // see config_dump.h
  // What a request would meet that the parameters describe, as text or JSON; InvalidArgument names a parameter that is
  // wrong.
  std::function<absl::StatusOr<std::string>(const std::vector<std::pair<std::string, std::string>>& parameters, bool json)>
      explain;

  std::function<void()> flush_stats;  // before somebody sees them; null: they are flushed by time
  std::function<std::string(bool json)> guard;  // what is watched, and what was gone back from
  std::function<size_t()> forget_refused;        // may come again; returns how much that was

  std::function<std::optional<LastGoodView>()> last_good;  // nothing: there is none
  std::function<std::optional<ContextView>()> context;  // nothing: no listener has the filter
  std::function<std::vector<LimitView>()> limits;       // by name
  std::function<std::vector<BreakersView>()> breakers;  // the same
  std::function<std::vector<CertificatesView>()> certificates;
  std::function<RuntimeView()> runtime;
  std::function<absl::Status(const std::vector<std::pair<std::string, std::string>>&)> modify_runtime;

  // `text`: of the new configuration; empty: as its files are now. `name`: what that is called in errors.
  std::function<ReloadView(const std::string& text, const std::string& name)> reload;
  std::function<void(bool fail)> fail_healthcheck;
  std::function<absl::Status(const DrainQuery&)> drain_listeners;
  std::function<void()> quit;  // called when the answer has been written
  std::function<void()> reopen_logs;
  std::function<std::vector<std::pair<std::string, std::string>>()> log_levels;  // logger, level
  // An empty logger: all of them.
  std::function<absl::Status(const std::string& logger, const std::string& level)> set_log_level;
};

}  // namespace pillion::admin
