#include "source/upstream/outlier_detector.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/time/time.h"
#include "source/base/escape.h"

namespace pillion::upstream {
namespace {

using Kind = config::OutlierKind;

// In metrics, and in the event log.
struct KindNames {
  std::string_view metric;
  std::string_view event;
};
constexpr std::array<KindNames, static_cast<size_t>(Kind::kCount)> kNames = {{
    {"consecutive_5xx", "CONSECUTIVE_5XX"},
    {"consecutive_gateway_failure", "CONSECUTIVE_GATEWAY_FAILURE"},
    {"success_rate", "SUCCESS_RATE"},
    {"consecutive_local_origin_failure", "CONSECUTIVE_LOCAL_ORIGIN_FAILURE"},
    {"local_origin_success_rate", "SUCCESS_RATE_LOCAL_ORIGIN"},
    {"failure_percentage", "FAILURE_PERCENTAGE"},
    {"local_origin_failure_percentage", "FAILURE_PERCENTAGE_LOCAL_ORIGIN"},
}};

OutlierMonitor::Origin OriginOf(Kind kind) {
  const bool local = kind == Kind::kSuccessRateLocalOrigin || kind == Kind::kFailurePercentageLocalOrigin;
  return local ? OutlierMonitor::kLocal : OutlierMonitor::kExternal;
}

}  // namespace

OutlierDetector::Stats::Stats(stats::Scope& scope, stats::Shard& control)
    : ejections_active(control.gauge(scope.AddGauge("outlier_detection.ejections_active"))),
      ejections_enforced_total(control.counter(scope.AddCounter("outlier_detection.ejections_enforced_total"))),
      ejections_overflow(control.counter(scope.AddCounter("outlier_detection.ejections_overflow"))) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    const std::string name(kNames[i].metric);
    detected[i] = control.counter(scope.AddCounter("outlier_detection.ejections_detected_" + name));
    enforced[i] = control.counter(scope.AddCounter("outlier_detection.ejections_enforced_" + name));
  }
}

OutlierDetector::OutlierDetector(Cluster& cluster, Surroundings surroundings)
    : cluster_(cluster),
      config_(cluster.config().outlier_detection),
      with_(std::move(surroundings)),
      scope_(with_.registry, stats::Prefix("cluster").Add(stats::kClusterName, cluster.config().stat_name)),
      stats_(scope_, with_.registry.control()),
      timer_(with_.timers.New()),
      report_(std::make_shared<OutlierMonitor::Report>(
          [this, alive = alive_, post = with_.post](const std::shared_ptr<OutlierMonitor>& monitor, Kind kind) {
            post([this, alive, monitor, kind] {
              if (*alive) OnConsecutive(*monitor, kind);
            });
          })) {
  for (const std::shared_ptr<Host>& host : cluster.hosts()->hosts) Watch(host);
  cluster.AddObserver([this, alive = alive_](const Cluster::MembershipChange& change) {
    if (*alive) OnMembership(change);
  });
}

OutlierDetector::~OutlierDetector() { *alive_ = false; }

void OutlierDetector::Start() {
  timer_->Set(config_->interval, [this] { OnInterval(); });
}

void OutlierDetector::Watch(const std::shared_ptr<Host>& host) {
  host->set_outlier_monitor(std::make_shared<OutlierMonitor>(config_, report_, cluster_.workers()));
  watched_.push_back({.host = host});
}

void OutlierDetector::OnMembership(const Cluster::MembershipChange& change) {
  std::erase_if(watched_, [&](const Watched& watched) {
    return std::find(change.removed.begin(), change.removed.end(), watched.host) != change.removed.end();
  });
  for (const std::shared_ptr<Host>& host : change.added) Watch(host);
  stats_.ejections_active->Set(static_cast<int64_t>(Ejected()));
}

size_t OutlierDetector::Ejected() const {
  return static_cast<size_t>(
      std::count_if(watched_.begin(), watched_.end(), [](const Watched& watched) { return watched.ejected(); }));
}

void OutlierDetector::OnConsecutive(const OutlierMonitor& monitor, Kind kind) {
  for (Watched& watched : watched_) {
    if (watched.host->outlier_monitor() != &monitor) continue;
    if (watched.ejected()) return;
    // From none again, so that the next failures are seen though no success came between.
    watched.host->outlier_monitor()->ResetConsecutive(kind);
    Detected(watched, kind);
    Publish();
    return;
  }
}

void OutlierDetector::OnInterval() {
  timer_->Set(config_->interval, [this] { OnInterval(); });
  for (Watched& watched : watched_) TakeBackWhenDue(watched);
  JudgeRates(OutlierMonitor::kExternal);
  if (config_->split_local_origin) JudgeRates(OutlierMonitor::kLocal);
  Publish();
}

void OutlierDetector::JudgeRates(Origin origin) {
  const bool local = origin == OutlierMonitor::kLocal;
  rates_[origin] = {};
  std::vector<Watched*> compared;  // with each other
  std::vector<Watched*> by_itself;
  double sum = 0;
  for (Watched& watched : watched_) {
    const OutlierMonitor::Counts now = watched.host->outlier_monitor()->Sum(origin);
    const uint64_t requests = now.requests - watched.counted[origin].requests;
    const uint64_t successes = std::min(now.successes - watched.counted[origin].successes, requests);
    watched.counted[origin] = now;
    watched.success_rate[origin] = -1;
    if (watched.ejected() || requests == 0) continue;
    const double rate = 100.0 * static_cast<double>(successes) / static_cast<double>(requests);
    if (requests >= std::min(config_->success_rate_request_volume, config_->failure_percentage_request_volume)) {
      watched.success_rate[origin] = rate;
    }
    if (requests >= config_->success_rate_request_volume) {
      compared.push_back(&watched);
      sum += rate;
    }
    if (requests >= config_->failure_percentage_request_volume) by_itself.push_back(&watched);
  }

  if (!compared.empty() && compared.size() >= config_->success_rate_minimum_hosts) {
    const double hosts = static_cast<double>(compared.size());
    const double average = sum / hosts;
    double variance = 0;
    for (const Watched* watched : compared) variance += std::pow(watched->success_rate[origin] - average, 2) / hosts;
    const double threshold = average - std::sqrt(variance) * config_->success_rate_stdev_factor;
    rates_[origin] = {average, threshold};
    for (Watched* watched : compared) {
      if (watched->success_rate[origin] >= threshold) continue;
      Detected(*watched, local ? Kind::kSuccessRateLocalOrigin : Kind::kSuccessRate);
    }
  }
  if (!by_itself.empty() && by_itself.size() >= config_->failure_percentage_minimum_hosts) {
    for (Watched* watched : by_itself) {
      if (100 - watched->success_rate[origin] < config_->failure_percentage_threshold) continue;
      Detected(*watched, local ? Kind::kFailurePercentageLocalOrigin : Kind::kFailurePercentage);
    }
  }
}

void OutlierDetector::Detected(Watched& watched, Kind kind) {
  const auto index = static_cast<size_t>(kind);
  stats_.detected[index]->Increment();
  if (watched.ejected()) return;  // for another reason, in this interval
  const size_t ejected = Ejected();
  const double percent = 100.0 * static_cast<double>(ejected + 1) / static_cast<double>(watched_.size());
  if (percent > config_->max_ejection_percent && !(config_->always_eject_one_host && ejected == 0)) {
    stats_.ejections_overflow->Increment();
    return;
  }
  const std::optional<base::MonotonicTime> last_action = watched.returned_at;
  const bool enforced = with_.random.Below(100) < config_->enforcing_of(kind);
  if (enforced) {
    watched.host->SetFlags(kFailedOutlierCheck);
    changed_ = true;
    ++watched.ejections;
    watched.ejected_at = with_.clock.MonotonicNow();
    const base::Duration most = config_->max_ejection_time_jitter;
    watched.jitter = base::Duration(static_cast<int64_t>(with_.random.Below(static_cast<uint64_t>(most.count()) + 1)));
    if (watched.multiplier < config_->max_ejection_time / config_->base_ejection_time) ++watched.multiplier;
    stats_.enforced[index]->Increment();
    stats_.ejections_enforced_total->Increment();
    stats_.ejections_active->Set(static_cast<int64_t>(ejected + 1));
  }
  Log(watched, kind, enforced, last_action);
}

void OutlierDetector::TakeBackWhenDue(Watched& watched) {
  if (!watched.ejected()) {
    if (watched.multiplier > 0) --watched.multiplier;
    return;
  }
  const base::Duration time =
      std::min(config_->base_ejection_time * watched.multiplier, config_->max_ejection_time) + watched.jitter;
  if (with_.clock.MonotonicNow() - *watched.ejected_at >= time) TakeBack(watched);
}

void OutlierDetector::TakeBack(Watched& watched) {
  watched.host->ClearFlags(kFailedOutlierCheck);
  changed_ = true;
  stats_.ejections_active->Set(static_cast<int64_t>(Ejected()));
  // Not ejected again for the failures of requests that it had before.
  OutlierMonitor& monitor = *watched.host->outlier_monitor();
  monitor.ResetConsecutive(Kind::kConsecutive5xx);
  monitor.ResetConsecutive(Kind::kConsecutiveGatewayFailure);
  monitor.ResetConsecutive(Kind::kConsecutiveLocalOriginFailure);
  const std::optional<base::MonotonicTime> last_action = watched.ejected_at;
  watched.returned_at = with_.clock.MonotonicNow();
  Log(watched, std::nullopt, false, last_action);
}

void OutlierDetector::OnCheckPassed(Host& host) {
  if (!config_->successful_check_unejects || (host.flags() & kFailedOutlierCheck) == 0) return;
  for (Watched& watched : watched_) {
    if (watched.host.get() == &host) TakeBack(watched);
  }
  Publish();
}

void OutlierDetector::Publish() {
  if (std::exchange(changed_, false)) cluster_.HealthChanged();
}

double OutlierDetector::success_rate(const Host& host, Origin origin) const {
  for (const Watched& watched : watched_) {
    if (watched.host.get() == &host) return watched.success_rate[origin];
  }
  return -1;
}

// One JSON object a line: an envoy.data.cluster.v3.OutlierDetectionEvent. Without a kind the host has returned.
void OutlierDetector::Log(const Watched& watched, std::optional<Kind> kind, bool enforced,
                          std::optional<base::MonotonicTime> last_action) {
  if (!with_.log) return;
  const Kind type = kind.value_or(Kind::kConsecutive5xx);
  const auto quoted = [](std::string_view text) {
    std::string json;
    base::AppendJsonString(json, text);
    return json;
  };
  const std::string time = absl::FormatTime(
      "%Y-%m-%d%ET%H:%M:%E3SZ", absl::FromUnixNanos(with_.clock.WallNow().time_since_epoch().count()),
      absl::UTCTimeZone());
  std::string line = "{\"type\":" + quoted(kNames[static_cast<size_t>(type)].event) + ",\"timestamp\":" + quoted(time);
  if (last_action) {
    const auto since =
        std::chrono::duration_cast<std::chrono::seconds>(with_.clock.MonotonicNow() - *last_action).count();
    line += ",\"secs_since_last_action\":\"" + std::to_string(since) + "\"";
  }
  line += ",\"cluster_name\":" + quoted(cluster_.config().name) + ",\"upstream_url\":" +
          quoted(watched.host->address_text()) + ",\"action\":" + (kind ? "\"EJECT\"" : "\"UNEJECT\"") +
          ",\"num_ejections\":" + std::to_string(watched.ejections) +
          ",\"enforced\":" + (enforced ? "true" : "false");
  if (kind) {
    const Origin origin = OriginOf(type);
    const auto rate = [](double percent) { return std::to_string(static_cast<uint32_t>(std::max(percent, 0.0))); };
    const std::string of_host = "{\"host_success_rate\":" + rate(watched.success_rate[origin]);
    switch (type) {
      case Kind::kSuccessRate:
      case Kind::kSuccessRateLocalOrigin:
        line += ",\"eject_success_rate_event\":" + of_host +
                ",\"cluster_average_success_rate\":" + rate(rates_[origin].average) +
                ",\"cluster_success_rate_ejection_threshold\":" + rate(rates_[origin].threshold) + "}";
        break;
      case Kind::kFailurePercentage:
      case Kind::kFailurePercentageLocalOrigin:
        line += ",\"eject_failure_percentage_event\":" + of_host + "}";
        break;
      default:
        line += ",\"eject_consecutive_event\":{}";
        break;
    }
  }
  line += "}\n";
  with_.log(line);
}

}  // namespace pillion::upstream
