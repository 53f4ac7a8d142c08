#include "source/upstream/reported_weights.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace pillion::upstream {
namespace {

// Of a weight by its reports; 0: it has none that counts now.
uint32_t OwnWeight(Host& host, const config::ReportedWeighting& config, base::MonotonicTime now) {
  const Host::Reported& reported = host.reported();
  const int64_t since = reported.since.load(std::memory_order_relaxed);
  if (since == 0) return 0;
  const int64_t at = now.time_since_epoch().count();
  if (at - reported.last.load(std::memory_order_relaxed) > config.expiration.count()) {
    host.ForgetReports();  // what comes then begins anew
    return 0;
  }
  return at - since < config.blackout.count() ? 0 : reported.weight.load(std::memory_order_relaxed);
}

// `weights` is not empty, and changes its order.
uint32_t Median(std::vector<uint32_t>& weights) {
  const auto middle = weights.begin() + static_cast<std::ptrdiff_t>(weights.size() / 2);
  std::nth_element(weights.begin(), middle, weights.end());
  if (weights.size() % 2 == 1) return *middle;
  const uint32_t below = *std::max_element(weights.begin(), middle);
  return static_cast<uint32_t>((uint64_t{below} + *middle) / 2);
}

}  // namespace

uint32_t WeightOf(const http::LoadReport& report, double error_penalty) {
  const double rate = report.requests_per_second;
  double utilization = report.application_utilization;
  if (utilization <= 0) utilization = report.named;
  if (utilization <= 0) utilization = report.cpu_utilization;
  if (rate <= 0) return 0;
  utilization += error_penalty * report.errors_per_second / rate;
  if (!(utilization > 0)) return 0;
  const double weight = rate / utilization;
  constexpr double kMost = std::numeric_limits<uint32_t>::max();
  return static_cast<uint32_t>(std::clamp(weight, 1.0, kMost));
}

ReportedWeights::ReportedWeights(Cluster& cluster, event::ControlTimers& timers, const base::Clock& clock)
    : cluster_(cluster), clock_(clock), timer_(timers.New()) {}

void ReportedWeights::Start() { Wait(); }

void ReportedWeights::Wait() {
  timer_->Set(cluster_.config().load_balancing.reported_weights->update, [this] { Update(); });
}

void ReportedWeights::Update() {
  Wait();
  const config::ReportedWeighting& config = *cluster_.config().load_balancing.reported_weights;
  const base::MonotonicTime now = clock_.MonotonicNow();
  const Hosts& hosts = cluster_.hosts()->hosts;
  std::vector<uint32_t> own(hosts.size());
  std::vector<uint32_t> known;
  for (size_t i = 0; i < hosts.size(); ++i) {
    own[i] = OwnWeight(*hosts[i], config, now);
    if (own[i] > 0) known.push_back(own[i]);
  }
  // Without any report that counts, all stay as they are.
  if (known.empty()) return;
  const uint32_t median = std::max(1u, Median(known));
  bool changed = false;
  for (size_t i = 0; i < hosts.size(); ++i) changed |= hosts[i]->set_own_weight(own[i] > 0 ? own[i] : median);
  if (changed) cluster_.HealthChanged();
}

}  // namespace pillion::upstream
