#include "source/server/watchdog.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pillion::server {
namespace {

constexpr base::Duration kLeastInterval = std::chrono::milliseconds(1);

base::Duration KillTimeout(const config::Watchdog& config, uint64_t random) {
  if (config.kill <= base::Duration::zero() || config.most_kill_jitter <= base::Duration::zero()) return config.kill;
  const auto choices = static_cast<uint64_t>(config.most_kill_jitter.count()) + 1;
  return config.kill + base::Duration(static_cast<int64_t>(random % choices));
}

// Half of the shortest time, so that what is stuck for so long is seen.
base::Duration IntervalOf(const config::Watchdog& config, base::Duration kill) {
  base::Duration shortest = std::min(config.miss, config.mega_miss);
  for (const base::Duration each : {kill, config.multi_kill}) {
    if (each > base::Duration::zero()) shortest = std::min(shortest, each);
  }
  return std::max(shortest / 2, kLeastInterval);
}

}  // namespace

Watchdog::Watchdog(const config::Watchdog& config, std::vector<const event::Heartbeat*> threads, uint64_t random)
    : config_(config),
      threads_(std::move(threads)),
      kill_(KillTimeout(config_, random)),
      interval_(IntervalOf(config_, kill_)),
      seen_(threads_.size()) {
  for (size_t i = 0; i < threads_.size(); ++i) counts_.push_back(std::make_unique<Counts>());
}

std::vector<Watchdog::Finding> Watchdog::Look(base::MonotonicTime now) {
  using enum config::Watchdog::Event;
  std::vector<Finding> findings;
  const base::MonotonicTime before = std::exchange(last_, now);
  if (before != base::MonotonicTime() && now - before > 2 * interval_) return findings;
  Finding misses{kMiss, {}};
  Finding mega_misses{kMegaMiss, {}};
  Finding kills{kKill, {}};
  Finding multi_kills{kMultiKill, {}};
  for (size_t i = 0; i < threads_.size(); ++i) {
    const std::optional<base::MonotonicTime> since = threads_[i]->busy_since();
    if (!since) continue;
    if (seen_[i].since != *since) seen_[i] = {.since = *since};
    const base::Duration so_long = now - *since;
    if (so_long > config_.miss && !std::exchange(seen_[i].miss, true)) {
      counts_[i]->misses.fetch_add(1, std::memory_order_relaxed);
      misses.threads.push_back({i, so_long});
    }
    if (so_long > config_.mega_miss && !std::exchange(seen_[i].mega_miss, true)) {
      counts_[i]->mega_misses.fetch_add(1, std::memory_order_relaxed);
      mega_misses.threads.push_back({i, so_long});
    }
    if (kill_ > base::Duration::zero() && so_long > kill_) kills.threads.push_back({i, so_long});
    if (config_.multi_kill > base::Duration::zero() && so_long > config_.multi_kill) {
      multi_kills.threads.push_back({i, so_long});
    }
  }
  const auto part = std::ceil(config_.multi_kill_threshold / 100 * static_cast<double>(threads_.size()));
  if (multi_kills.threads.size() < std::max<size_t>(2, static_cast<size_t>(part))) multi_kills.threads.clear();
  for (Finding* finding : {&misses, &mega_misses, &kills, &multi_kills}) {
    if (finding->threads.empty()) continue;
    std::ranges::stable_sort(finding->threads, std::ranges::greater(), &Stuck::so_long);
    findings.push_back(std::move(*finding));
  }
  return findings;
}

uint64_t Watchdog::misses() const {
  uint64_t sum = 0;
  for (const auto& counts : counts_) sum += counts->misses.load(std::memory_order_relaxed);
  return sum;
}

uint64_t Watchdog::mega_misses() const {
  uint64_t sum = 0;
  for (const auto& counts : counts_) sum += counts->mega_misses.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace pillion::server
