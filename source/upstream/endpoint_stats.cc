#include "source/upstream/endpoint_stats.h"

namespace pillion::upstream {
namespace {

struct Shown {
  const char* name;
  HostFigures::Figure figure;
};

constexpr Shown kCounters[] = {
    {"cx_connect_fail", HostFigures::kCxConnectFail}, {"cx_total", HostFigures::kCxTotal},
    {"rq_error", HostFigures::kRqError},              {"rq_success", HostFigures::kRqSuccess},
    {"rq_timeout", HostFigures::kRqTimeout},          {"rq_total", HostFigures::kRqTotal},
};
constexpr Shown kGauges[] = {
    {"cx_active", HostFigures::kCxActive},
    {"rq_active", HostFigures::kRqActive},
    {"rq_pending_active", HostFigures::kRqPending},
};

}  // namespace

void EndpointStats::Update(const Hosts& added, const Hosts& removed) {
  for (const std::shared_ptr<Host>& host : removed) scopes_.erase(host.get());
  for (const std::shared_ptr<Host>& host : added) {
    const stats::Prefix prefix = stats::Prefix("cluster")
                                     .Add(stats::kClusterName, stat_name_)
                                     .Add("endpoint")
                                     .Add(stats::kEndpointAddress, host->address_text());
    auto scope = std::make_unique<stats::Scope>(registry_, prefix);
    for (const Shown& shown : kCounters) {
      scope->AddCounterCallback(shown.name, [host, figure = shown.figure] { return host->Sum(figure); });
    }
    for (const Shown& shown : kGauges) {
      scope->AddGaugeCallback(shown.name, [host, figure = shown.figure] { return host->Sum(figure); });
    }
    scope->AddGaugeCallback("healthy", [host] { return uint64_t{host->health() == HostHealth::kHealthy}; });
    scopes_[host.get()] = std::move(scope);
  }
}

}  // namespace pillion::upstream
