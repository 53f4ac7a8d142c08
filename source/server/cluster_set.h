#pragma once

// The clusters of the process, by name: each with where its hosts come from and who watches them, and its part on every
// worker. One may come, change or go while the process runs:
//
// | state    | meaning                                                  | left by                                          |
// |----------|----------------------------------------------------------|--------------------------------------------------|
// | warming  | its hosts are sought, then checked for the first time; a former one of that name serves | warm: serving; another of that name, Remove(): gone |
// | serving  | requests go to it                                        | another that is warm: draining; Remove(): draining, or leaving where a route table names it |
// | leaving  | the same, but nobody owns it                             | no table names it, kMostSweeps, another that is warm: draining |
// | draining | requests that have begun finish                          | the last one's end: gone                         |
//
// Main thread. Owned by the server; the workers end first.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "source/event/control_timer.h"
#include "source/event/retired.h"
#include "source/route/named_cluster.h"
#include "source/server/awaited.h"
#include "source/server/certificate_renewal.h"
#include "source/server/discovery.h"
#include "source/server/host_health.h"
#include "source/server/origin.h"
#include "source/server/worker_thread.h"
#include "source/upstream/cluster.h"

namespace pillion::server {

// Calls `ready` once, when each of `secrets` has come or is not waited for any more; perhaps at once.
using WhenSecretsReady = std::function<void(const std::vector<std::shared_ptr<config::RemoteSecret>>& secrets,
                                            std::function<void()> ready)>;

// One of them.
struct RunningCluster {
  std::shared_ptr<upstream::Cluster> cluster;
  std::shared_ptr<const uint32_t> index;  // by which workers have it
  std::unique_ptr<HostHealth::Watch> watch;
  std::unique_ptr<upstream::HostSource> source;  // null: its hosts are configured
  std::unique_ptr<CertificateRenewal::Watch> certificates;
  bool pushed;                 // a control plane gave it
  std::optional<int> leaving;  // how many sweeps have seen it so; nothing: it does not leave
};

class ClusterSet {
 public:
  // How long hosts, and then their first checks, are waited for; but a control plane for as long as the configuration says.
  static constexpr base::Duration kMostWarming = std::chrono::seconds(15);
  // How often it is looked for clusters that may leave. Control planes say that a cluster is gone before they give the route
  // table that no longer names it, and a table may be held for a second: it leaves when such a table serves, or when it was
  // looked for as often. One that is configured no more goes when listeners that go with it have drained as well.
  static constexpr base::Duration kSweep = std::chrono::milliseconds(500);
  static constexpr int kMostSweeps = 4;
  // Names that nobody uses are forgotten when there are twice as many as were left, but not before there are these.
  static constexpr size_t kFewNames = 256;

  struct Surroundings {
    stats::Registry& registry;
    Discovery& discovery;
    HostHealth& health;
    CertificateRenewal& certificates;
    WhenSecretsReady secrets;
    event::ControlTimers& timers;
    const base::Clock& clock;
    base::Duration drain_time;  // of connections of listeners that are gone
    const std::vector<std::unique_ptr<WorkerThread>>& workers;
  };

  // All that is given outlives it. `outliers`: where ejections are logged.
  ClusterSet(Surroundings surroundings, HostHealth::EventLog outliers);
  ~ClusterSet();

  // For route tables: also of one that there is not, or not yet.
  route::NamedCluster IndexOf(const std::string& name);

  // At the start. AddFirst() for each of them, before there are workers that run; then, in this order, what finds
  // hosts without a control plane, what finds the others, and what checks them; each calls `ready` once.
  absl::Status AddFirst(std::shared_ptr<const config::Cluster> config);
  enum class HostsFrom : uint8_t { kNamesAndFiles, kControlPlanes };
  void DiscoverFirst(HostsFrom from, std::function<void()> ready);
  void CheckFirst(std::function<void()> ready);

  // The cluster of that name is from now on as `config` says, once it is warm. An error: it can't be; a former one stays.
  absl::Status Set(std::shared_ptr<const config::Cluster> config, Origin origin = Origin::kPushed);
  // That of `origin` leaves, with the hosts that it has: at once, but one that route tables name as kSweep says.
  void Remove(const std::string& name, Origin origin);
  // `warm` is called once: when none is warming, perhaps at once.
  void WhenWarm(std::function<void()> warm);
  // `ready` is called once: when none of `names` is one that has been warming for less than `most` while there is no former
  // one; perhaps at once.
  void WhenServing(const std::vector<std::string>& names, base::Duration most, std::function<void()> ready);
  // There is one of that name, perhaps still warming, which `origin` gave, and which does not leave.
  bool Has(std::string_view name, Origin origin) const;
  bool IsWarming(const std::string& name) const;
  // Of those that warm, and of the first ones, by name.
  std::vector<Unready> unready() const;

  // Of those that serve; null: there is none.
  const RunningCluster* Find(std::string_view name) const;
  std::vector<const RunningCluster*> All() const;
  size_t size() const { return serving_.size(); }
  size_t warming() const { return warming_.size(); }
  uint64_t added() const { return added_; }
  uint64_t modified() const { return modified_; }
  uint64_t removed() const { return removed_; }
  uint64_t updated() const { return updated_; }  // the hosts of one that serves

  // Before the workers' ends: nothing changes any more.
  void Stop();

 private:
  struct Warming {
    RunningCluster running;
    std::unique_ptr<Awaited> hosts;  // and secrets
    std::unique_ptr<Awaited> checks;
    base::MonotonicTime since;
  };

  absl::StatusOr<RunningCluster> Make(std::shared_ptr<const config::Cluster> config, bool pushed);
  // Its hosts are told to the workers.
  void Publish(RunningCluster& running);
  void Serve(RunningCluster running);
  // It serves no more.
  void Drop(uint32_t index);
  void Retire(RunningCluster running);
  static bool IsNamed(const RunningCluster& running);
  const std::shared_ptr<const uint32_t>& IndexFor(const std::string& name);
  void ForgetNames();
  // After kSweep those that leave, and may, do.
  void SweepSoon();
  // It warms no more.
  void TellWarm(uint32_t index);

  const Surroundings with_;
  const HostHealth::EventLog outliers_;
  // Of names that somebody uses, or used when they were last looked through: what else has the index does.
  absl::flat_hash_map<std::string, std::shared_ptr<const uint32_t>> indexes_;
  std::vector<uint32_t> free_;  // that no name has, below the others
  size_t most_names_ = kFewNames;
  std::map<uint32_t, RunningCluster> serving_;  // by index
  std::set<uint32_t> leaving_;                  // of these
  const std::unique_ptr<event::ControlTimer> sweep_;
  std::map<uint32_t, std::unique_ptr<Warming>> warming_;
  event::Retired retired_;
  Awaited first_hosts_;
  Awaited first_pushed_hosts_;
  Awaited first_checks_;
  std::vector<std::function<void()>> when_warm_;
  struct Waiting {
    std::set<uint32_t> clusters;
    std::function<void()> ready;
    std::unique_ptr<event::ControlTimer> timer;
  };
  std::vector<std::shared_ptr<Waiting>> waiting_;
  uint64_t added_ = 0;
  uint64_t modified_ = 0;
  uint64_t removed_ = 0;
  uint64_t updated_ = 0;
};

}  // namespace pillion::server
