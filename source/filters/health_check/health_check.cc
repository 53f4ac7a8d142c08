#include "source/filters/health_check/health_check.h"

#include <algorithm>

namespace pillion::filters::health_check {
namespace {

using filter::Step;

constexpr std::string_view kChecked = "x-envoy-upstream-healthchecked-cluster";
constexpr std::string_view kFail = "x-envoy-immediate-health-check-fail";

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : config(config), health(context.health), worker(context.worker) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override;

  const Config& config;
  const filter::HealthView& health;
  event::Worker& worker;
};

class HealthCheck final : public filter::HttpFilter {
 public:
  explicit HealthCheck(const Shard& shard) : shard_(shard), settings_(shard.config.settings()) {}

  Step OnRequestHead(http::RequestHead& head, bool) override {
    if (!std::all_of(settings_.headers.begin(), settings_.headers.end(),
                     [&](const match::HeaderMatcher& header) { return header.Matches(head); })) {
      return Step::kContinue;
    }
    is_check_ = true;
    stream().SetHealthCheck();
    if (shard_.health.failed()) return Answer(503, "health_check_failed");
    if (settings_.pass_through) {
      const int cached = Caches() ? shard_.config.CachedStatus(shard_.worker.now()) : 0;
      return cached == 0 ? Step::kContinue : Answer(cached, "health_check_cached");
    }
    if (settings_.clusters.empty()) return Answer(200, "health_check_ok");
    for (const auto& [cluster, percent] : settings_.clusters) {
      if (const std::string_view why = WhyUnhealthy(cluster, percent); !why.empty()) return Answer(503, why);
    }
    return Answer(200, "health_check_ok_cluster_healthy");
  }

  Step OnResponseHead(http::ResponseHead& head, bool) override {
    if (is_check_) {
      if (!answered_ && Caches()) shard_.config.Cache(head.status, shard_.worker.now());
      head.headers.Remove(kChecked);
      head.headers.Add(kChecked, settings_.service_cluster);
    } else if (shard_.health.failed()) {
      // Whoever checks by looking at answers learns it from any of them.
      head.headers.Remove(kFail);
      head.headers.Add(kFail, "true");
    }
    return Step::kContinue;
  }

 private:
  bool Caches() const { return settings_.pass_through && settings_.cache_time > base::Duration::zero(); }

  // Empty: it has the hosts that it needs.
  std::string_view WhyUnhealthy(std::string_view cluster, double percent) const {
    const std::optional<filter::HealthView::Members> members = shard_.health.MembersOf(cluster);
    if (!members) return "health_check_failed_no_cluster_found";
    if (members->total == 0) return percent == 0 ? "" : "health_check_failed_cluster_empty";
    const double healthy = 100.0 * static_cast<double>(members->healthy);
    return healthy >= percent * static_cast<double>(members->total) ? "" : "health_check_failed_cluster_unhealthy";
  }

  Step Answer(int status, std::string_view details) {
    answered_ = true;
    filter::Reply reply{.status = status, .details = details};
    if (status != 200) reply.flag = telemetry::ResponseFlag::kFailedLocalHealthCheck;
    SendReply(reply);
    return Step::kPause;
  }

  const Shard& shard_;
  const Settings& settings_;
  bool is_check_ = false;
  bool answered_ = false;  // here
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig*) {
  return stream.arena().New<HealthCheck>(*this);
}

}  // namespace

int Config::CachedStatus(base::MonotonicTime now) const {
  if (now.time_since_epoch().count() >= cached_until_.load(std::memory_order_acquire)) return 0;
  return cached_status_.load(std::memory_order_relaxed);
}

void Config::Cache(int status, base::MonotonicTime now) const {
  cached_status_.store(status, std::memory_order_relaxed);
  cached_until_.store((now + settings_.cache_time).time_since_epoch().count(), std::memory_order_release);
}

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::health_check
