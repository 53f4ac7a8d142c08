#pragma once

// The active health checks of one cluster: when each host is asked, and what its answers make of it.
//
// A host begins as failed; its first check decides at once. From then on
//
// | it is    | becomes | after                                                                                     |
// |----------|---------|-------------------------------------------------------------------------------------------|
// | healthy  | failed  | an answer that says so; or unhealthy_threshold results in a row of no answer, or of an answer |
// |          |         | that is retriable; or x-envoy-immediate-health-check-fail in an answer to a request         |
// | failed   | healthy | healthy_threshold checks in a row that pass                                                 |
//
// The next check follows the interval that belongs to the state: edge intervals while a change is not confirmed,
// no_traffic ones until the cluster has had a connection.
//
// One for each cluster with a health_check, on the main thread; ends after the workers, before the cluster.

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/event/control_timer.h"
#include "source/health/prober.h"
#include "source/stats/registry.h"
#include "source/upstream/cluster.h"

namespace pillion::health {

class ClusterChecks {
 public:
  struct Surroundings {
    event::ControlTimers& timers;
    const base::Clock& clock;
    base::Random& random;
    stats::Registry& registry;
    Prober& prober;
    std::function<void(std::function<void()> work)> post;  // runs work on the main thread; called on any
    std::function<void(std::string_view line)> log;        // one line of the event log; may be null
    std::function<void(upstream::Host& host)> passed;      // a check passed and the host is healthy; may be null
  };

  // All outlive it. Before any worker has the hosts.
  ClusterChecks(upstream::Cluster& cluster, Surroundings surroundings);
  ClusterChecks(const ClusterChecks&) = delete;
  ClusterChecks& operator=(const ClusterChecks&) = delete;
  ~ClusterChecks();

  // Begins. `first` is called once, when each host that is there now has had its first result or has gone; at once
  // when there is none.
  void Start(std::function<void()> first);

 private:
  struct Checked {
    std::shared_ptr<upstream::Host> host;
    std::unique_ptr<Prober::Session> session;
    std::unique_ptr<event::ControlTimer> timer;
    uint32_t passed = 0;  // in a row
    uint32_t failed = 0;
    bool first = true;    // no result yet
    bool awaited = false;  // by the start
  };
  enum class Cause : uint8_t { kActive, kPassive, kNetwork, kNetworkTimeout };
  enum class Change : uint8_t { kNone, kPending, kDone };
  struct Stats {
    Stats(stats::Scope& scope, stats::Shard& control);
    stats::Counter* attempt;
    stats::Counter* success;
    stats::Counter* failure;
    stats::Counter* passive_failure;
    stats::Counter* network_failure;
    stats::Counter* verify_cluster;
    stats::Gauge* healthy;
    stats::Gauge* degraded;
  };

  void Add(const std::shared_ptr<upstream::Host>& host);
  void Begin(Checked& checked);
  void Check(Checked& checked);
  void OnMembership(const upstream::Cluster::MembershipChange& change);
  void OnResult(Checked& checked, const Result& result);
  Change Passed(Checked& checked, bool degraded);
  Change Failed(Checked& checked, Cause cause, bool retriable);
  void OnImmediateFailure(const std::shared_ptr<upstream::Host>& host);
  base::Duration Interval(bool healthy, Change change);
  base::Duration Random(base::Duration most);
  void Publish();
  void NotAwaited(Checked& checked);
  void Log(const Checked& checked, std::string_view event);

  const config::HealthCheck& config() const { return *cluster_.config().health_check; }

  upstream::Cluster& cluster_;
  const Surroundings with_;
  stats::Scope scope_;
  const Stats stats_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // told to what comes too late
  std::vector<std::unique_ptr<Checked>> checked_;
  std::function<void()> first_;
  size_t awaited_ = 0;
  bool started_ = false;
  bool changed_ = false;  // flags of hosts, since the last Publish()
};

}  // namespace pillion::health
