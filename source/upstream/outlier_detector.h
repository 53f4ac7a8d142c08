#pragma once

// Ejects those hosts of a cluster whose answers are worse than they should be, and takes them back after a while.
//
// | of a host               | becomes  | when                                                                    |
// |-------------------------|----------|-------------------------------------------------------------------------|
// | in use                  | ejected  | at once: so many failures in a row; at the end of an interval: too few   |
// |                         |          | successes, compared with the other hosts or by themselves               |
// | ejected                 | in use   | at the end of an interval, when its time is over; by a health check that |
// |                         |          | passes                                                                  |
//
// The time is the base time multiplied by how often the host was ejected, which an interval without trouble makes less
// by one. Not more than max_ejection_percent of the hosts are ejected at a time.
//
// One for each cluster that has outlier detection, on the main thread; ends after the workers, before the cluster.

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/event/control_timer.h"
#include "source/stats/registry.h"
#include "source/upstream/cluster.h"
#include "source/upstream/outlier_monitor.h"

namespace pillion::upstream {

class OutlierDetector {
 public:
  using Kind = config::OutlierKind;
  using Origin = OutlierMonitor::Origin;

  // Runs work on the main thread; called on any.
  using PostToMain = std::function<void(std::function<void()> work)>;
  // Takes one line of the event log, with its end; may be null.
  using EventLog = std::function<void(std::string_view line)>;

  struct Surroundings {
    event::ControlTimers& timers;
    const base::Clock& clock;
    base::Random& random;
    stats::Registry& registry;
    PostToMain post;
    EventLog log;
  };

  // All outlive it. Its hosts are watched from now on: before any worker has them.
  OutlierDetector(Cluster& cluster, Surroundings surroundings);
  OutlierDetector(const OutlierDetector&) = delete;
  OutlierDetector& operator=(const OutlierDetector&) = delete;
  ~OutlierDetector();

  // Begins the first interval.
  void Start();

  // An active health check of `host` has passed, and it is healthy as far as these go.
  void OnCheckPassed(Host& host);

  // For the administration. -1: not enough is known.
  struct Rates {
    double average = -1;
    double threshold = -1;  // of ejection
  };
  const Rates& rates(Origin origin) const { return rates_[origin]; }
  double success_rate(const Host& host, Origin origin) const;

 private:
  struct Watched {
    std::shared_ptr<Host> host;
    std::array<OutlierMonitor::Counts, OutlierMonitor::kOrigins> counted;  // at the end of the last interval
    std::array<double, OutlierMonitor::kOrigins> success_rate = {-1, -1};  // of the last interval, in percent
    uint32_t ejections = 0;
    uint32_t multiplier = 0;  // of the base time
    base::Duration jitter{0};
    std::optional<base::MonotonicTime> ejected_at;
    std::optional<base::MonotonicTime> returned_at;

    bool ejected() const { return (host->flags() & kFailedOutlierCheck) != 0; }
  };
  struct Stats {
    Stats(stats::Scope& scope, stats::Shard& control);
    stats::Gauge* ejections_active;
    stats::Counter* ejections_enforced_total;
    stats::Counter* ejections_overflow;
    std::array<stats::Counter*, static_cast<size_t>(Kind::kCount)> detected;
    std::array<stats::Counter*, static_cast<size_t>(Kind::kCount)> enforced;
  };

  void Watch(const std::shared_ptr<Host>& host);
  void OnMembership(const Cluster::MembershipChange& change);
  void OnConsecutive(const OutlierMonitor& monitor, Kind kind);
  void OnInterval();
  void JudgeRates(Origin origin);
  void Detected(Watched& watched, Kind kind);
  void TakeBackWhenDue(Watched& watched);
  void TakeBack(Watched& watched);
  void Publish();
  size_t Ejected() const;
  void Log(const Watched& watched, std::optional<Kind> kind, bool enforced,
           std::optional<base::MonotonicTime> last_action);

  Cluster& cluster_;
  const std::shared_ptr<const config::OutlierDetection> config_;
  const Surroundings with_;
  stats::Scope scope_;
  const Stats stats_;
  const std::unique_ptr<event::ControlTimer> timer_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // told to reports that come too late
  const std::shared_ptr<const OutlierMonitor::Report> report_;
  std::vector<Watched> watched_;
  std::array<Rates, OutlierMonitor::kOrigins> rates_;
  bool changed_ = false;  // flags of hosts, since the last Publish()
};

}  // namespace pillion::upstream
