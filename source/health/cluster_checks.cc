#include "source/health/cluster_checks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "source/base/escape.h"
#include "source/upstream/address.h"

namespace pillion::health {
namespace {

using upstream::Host;

bool IsFailed(const Host& host) { return (host.flags() & upstream::kFailedActiveCheck) != 0; }

Target TargetOf(const upstream::Cluster& cluster, const Host& host) {
  const config::HealthCheck& check = *cluster.config().health_check;
  Target target{.cluster = cluster.shared_config(),
                .address = host.address(),
                .tls = host.transport()->tls,
                .hostname = host.hostname(),
                .proxy_version = host.transport()->proxy_version,
                .authority = {}};
  const config::EndpointCheck* endpoint = host.check();
  if (endpoint != nullptr) {
    if (endpoint->address) target.address = upstream::SystemAddress(*endpoint->address);
    if (endpoint->port != 0) {
      if (const auto moved = net::Address::Ip(target.address.ip(), endpoint->port)) target.address = *moved;
    }
    target.authority = endpoint->hostname;
  }
  if (target.authority.empty()) {
    if (const auto* http = std::get_if<config::HttpHealthCheck>(&check.how)) target.authority = http->host;
    if (const auto* grpc = std::get_if<config::GrpcHealthCheck>(&check.how)) target.authority = grpc->authority;
  }
  if (target.authority.empty()) target.authority = cluster.config().name;
  return target;
}

}  // namespace

ClusterChecks::Stats::Stats(stats::Scope& scope, stats::Shard& control)
    : attempt(control.counter(scope.AddCounter("health_check.attempt"))),
      success(control.counter(scope.AddCounter("health_check.success"))),
      failure(control.counter(scope.AddCounter("health_check.failure"))),
      passive_failure(control.counter(scope.AddCounter("health_check.passive_failure"))),
      network_failure(control.counter(scope.AddCounter("health_check.network_failure"))),
      verify_cluster(control.counter(scope.AddCounter("health_check.verify_cluster"))),
      healthy(control.gauge(scope.AddGauge("health_check.healthy"))),
      degraded(control.gauge(scope.AddGauge("health_check.degraded"))) {}

ClusterChecks::ClusterChecks(upstream::Cluster& cluster, Surroundings surroundings)
    : cluster_(cluster),
      with_(std::move(surroundings)),
      scope_(with_.registry, stats::Prefix("cluster").Add(stats::kClusterName, cluster.config().stat_name)),
      stats_(scope_, with_.registry.control()) {
  for (const std::shared_ptr<Host>& host : cluster.hosts()->hosts) Add(host);
  cluster.AddObserver([this, alive = alive_](const upstream::Cluster::MembershipChange& change) {
    if (*alive) OnMembership(change);
  });
  cluster.set_on_immediate_failure([this, alive = alive_, post = with_.post](const std::shared_ptr<Host>& host) {
    post([this, alive, host] {
      if (*alive) OnImmediateFailure(host);
    });
  });
  Publish();
}

ClusterChecks::~ClusterChecks() { *alive_ = false; }

void ClusterChecks::Start(std::function<void()> first) {
  started_ = true;
  first_ = std::move(first);
  awaited_ = checked_.size();
  for (const std::unique_ptr<Checked>& checked : checked_) {
    checked->awaited = true;
    Begin(*checked);
  }
  if (awaited_ == 0) std::exchange(first_, nullptr)();
}

void ClusterChecks::Add(const std::shared_ptr<Host>& host) {
  if (host->check() != nullptr && host->check()->disabled) return;  // as healthy as it is otherwise
  host->SetFlags(upstream::kFailedActiveCheck);
  if (cluster_.config().ignore_new_hosts_until_first_check) host->SetFlags(upstream::kPendingActiveCheck);
  changed_ = true;
  checked_.push_back(std::make_unique<Checked>(Checked{
      .host = host, .session = with_.prober.Open(TargetOf(cluster_, *host)), .timer = with_.timers.New()}));
  if (started_) Begin(*checked_.back());
}

void ClusterChecks::Begin(Checked& checked) {
  if (config().initial_jitter == base::Duration::zero()) {
    Check(checked);
  } else {
    checked.timer->Set(Random(config().initial_jitter), [this, &checked] { Check(checked); });
  }
}

void ClusterChecks::Check(Checked& checked) {
  stats_.attempt->Increment();
  checked.session->Check([this, &checked](const Result& result) { OnResult(checked, result); });
}

void ClusterChecks::OnMembership(const upstream::Cluster::MembershipChange& change) {
  for (const std::shared_ptr<Host>& host : change.added) Add(host);
  std::erase_if(checked_, [&](const std::unique_ptr<Checked>& checked) {
    if (std::find(change.removed.begin(), change.removed.end(), checked->host) == change.removed.end()) return false;
    NotAwaited(*checked);
    return true;
  });
  changed_ = false;  // the set that is made now has it
}

void ClusterChecks::NotAwaited(Checked& checked) {
  if (!std::exchange(checked.awaited, false) || --awaited_ > 0) return;
  // Not from within what called: a host may be about to go.
  with_.post([alive = alive_, first = std::exchange(first_, nullptr)] {
    if (*alive) first();
  });
}

void ClusterChecks::OnResult(Checked& checked, const Result& result) {
  if (result.exclude) {
    checked.host->SetFlags(upstream::kExcludedAtOnce);
    changed_ = true;
  }
  if (result.name_compared) stats_.verify_cluster->Increment();
  bool passed = false;
  Change change = Change::kNone;
  switch (result.outcome) {
    case Outcome::kPassed:
    case Outcome::kDegraded:
      passed = true;
      change = Passed(checked, result.outcome == Outcome::kDegraded);
      break;
    case Outcome::kFailed:
    case Outcome::kRetriable:
      change = Failed(checked, Cause::kActive, result.outcome == Outcome::kRetriable);
      break;
    case Outcome::kNetworkFailure:
      change = Failed(checked, Cause::kNetwork, false);
      break;
    case Outcome::kTimeout:
      change = Failed(checked, Cause::kNetworkTimeout, false);
      break;
  }
  checked.timer->Set(Interval(passed, change), [this, &checked] { Check(checked); });
  NotAwaited(checked);
  const std::shared_ptr<Host> host = checked.host;
  const bool healthy = passed && !IsFailed(*host);
  Publish();
  if (healthy && with_.passed) with_.passed(*host);
  // Last, for it may end `checked`.
  if (IsFailed(*host) && (host->flags() & upstream::kPendingRemoval) != 0) cluster_.Drop(*host);
}

ClusterChecks::Change ClusterChecks::Passed(Checked& checked, bool degraded) {
  Host& host = *checked.host;
  Change change = Change::kNone;
  checked.failed = 0;
  if (IsFailed(host)) {
    if (checked.first || ++checked.passed >= config().healthy_threshold) {
      host.ClearFlags(upstream::kFailedActiveCheck | upstream::kActiveCheckTimeout | upstream::kExcludedAtOnce);
      change = Change::kDone;
      host.BeginAgain();
      Log(checked, checked.first ? R"("add_healthy_event":{"first_check":true})"
                                 : R"("add_healthy_event":{"first_check":false})");
    } else {
      change = Change::kPending;
    }
  }
  if ((host.flags() & upstream::kPendingActiveCheck) != 0) {
    host.ClearFlags(upstream::kPendingActiveCheck);
    change = Change::kDone;
  }
  if (degraded != ((host.flags() & upstream::kDegradedActiveCheck) != 0)) {
    if (degraded) {
      host.SetFlags(upstream::kDegradedActiveCheck);
      Log(checked, R"("degraded_healthy_host":{})");
    } else {
      host.ClearFlags(upstream::kDegradedActiveCheck);
      Log(checked, R"("no_longer_degraded_host":{})");
    }
    change = Change::kDone;
  }
  stats_.success->Increment();
  checked.first = false;
  changed_ |= change == Change::kDone;
  return change;
}

ClusterChecks::Change ClusterChecks::Failed(Checked& checked, Cause cause, bool retriable) {
  constexpr std::string_view kCauses[] = {"ACTIVE", "PASSIVE", "NETWORK", "NETWORK_TIMEOUT"};
  const std::string type = "{\"failure_type\":\"" + std::string(kCauses[static_cast<size_t>(cause)]) + "\"";
  const bool network = cause == Cause::kNetwork || cause == Cause::kNetworkTimeout;
  Host& host = *checked.host;
  Change change = Change::kNone;
  checked.passed = 0;
  if (!IsFailed(host)) {
    if ((!network && !retriable) || ++checked.failed >= config().unhealthy_threshold) {
      host.SetFlags(upstream::kFailedActiveCheck);
      change = Change::kDone;
      Log(checked, "\"eject_unhealthy_event\":" + type + "}");
    } else {
      change = Change::kPending;
    }
  }
  const uint32_t timeout = upstream::kActiveCheckTimeout;
  if (IsFailed(host)) {
    cause == Cause::kNetworkTimeout ? host.SetFlags(timeout) : host.ClearFlags(timeout);
  }
  if ((host.flags() & upstream::kPendingActiveCheck) != 0) {
    host.ClearFlags(upstream::kPendingActiveCheck);
    change = Change::kDone;
  }
  if (checked.first || config().always_log_failures) {
    Log(checked, "\"health_check_failure_event\":" + type + ",\"first_check\":" + (checked.first ? "true" : "false") + "}");
  }
  stats_.failure->Increment();
  if (network) stats_.network_failure->Increment();
  if (cause == Cause::kPassive) stats_.passive_failure->Increment();
  checked.first = false;
  changed_ |= change == Change::kDone;
  return change;
}

void ClusterChecks::OnImmediateFailure(const std::shared_ptr<Host>& host) {
  for (const std::unique_ptr<Checked>& checked : checked_) {
    if (checked->host != host) continue;
    if ((host->flags() & upstream::kExcludedAtOnce) == 0) changed_ = true;
    host->SetFlags(upstream::kExcludedAtOnce);
    Failed(*checked, Cause::kPassive, false);
    Publish();
    if ((host->flags() & upstream::kPendingRemoval) != 0) cluster_.Drop(*host);
    return;
  }
}

base::Duration ClusterChecks::Interval(bool healthy, Change change) {
  base::Duration interval;
  if (!cluster_.used()) {
    interval = healthy ? config().no_traffic_healthy_interval : config().no_traffic_interval;
  } else if (change == Change::kPending) {
    interval = healthy ? config().healthy_edge_interval : config().unhealthy_edge_interval;
  } else {
    interval = healthy ? config().interval : config().unhealthy_interval;
  }
  return interval + Random(interval / 100 * config().interval_jitter_percent) + Random(config().interval_jitter);
}

base::Duration ClusterChecks::Random(base::Duration most) {
  if (most <= base::Duration::zero()) return base::Duration::zero();
  return base::Duration(static_cast<int64_t>(with_.random.Below(static_cast<uint64_t>(most.count()))));
}

void ClusterChecks::Publish() {
  int64_t healthy = 0, degraded = 0;
  for (const std::unique_ptr<Checked>& checked : checked_) {
    if (IsFailed(*checked->host)) continue;
    ++healthy;
    if ((checked->host->flags() & upstream::kDegradedActiveCheck) != 0) ++degraded;
  }
  stats_.healthy->Set(healthy);
  stats_.degraded->Set(degraded);
  if (std::exchange(changed_, false)) cluster_.HealthChanged();
}

// One JSON object a line: an envoy.data.core.v3.HealthCheckEvent.
void ClusterChecks::Log(const Checked& checked, std::string_view event) {
  if (!with_.log) return;
  constexpr std::string_view kTypes[] = {"HTTP", "TCP", "GRPC"};
  const net::Address& address = checked.host->address();
  std::string line = "{\"health_checker_type\":\"" + std::string(kTypes[config().how.index()]) + "\",\"host\":";
  if (address.family() == AF_UNIX) {
    line += "{\"pipe\":{\"path\":";
    base::AppendJsonString(line, address.text());
    line += "}}";
  } else if (address.is_internal()) {
    line += "{\"envoy_internal_address\":{\"server_listener_name\":";
    base::AppendJsonString(line, address.internal_listener());
    line += ",\"endpoint_id\":";
    base::AppendJsonString(line, address.internal_endpoint());
    line += "}}";
  } else {
    line += "{\"socket_address\":{\"protocol\":\"TCP\",\"address\":\"" + address.ip() +
            "\",\"port_value\":" + std::to_string(address.port()) + "}}";
  }
  line += ",\"cluster_name\":";
  base::AppendJsonString(line, cluster_.config().name);
  line += "," + std::string(event) + ",\"timestamp\":\"" +
          absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ",
                           absl::FromUnixNanos(with_.clock.WallNow().time_since_epoch().count()),
                           absl::UTCTimeZone()) +
          "\"}\n";
  with_.log(line);
}

}  // namespace pillion::health
