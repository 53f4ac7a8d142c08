#include "source/proxy/worker_context.h"

#include <ctime>

#include "source/proxy/cluster_call.h"
#include "source/proxy/mirror.h"
#include "source/proxy/routes.h"
#include "source/proxy/scopes.h"
#include "source/proxy/stream.h"
#include "source/route/table.h"

namespace pillion::proxy {

std::string_view DateText::At(base::WallTime now) {
  const int64_t second = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (second != second_) {
    second_ = second;
    const std::time_t time = second;
    std::tm parts;
    gmtime_r(&time, &parts);
    std::strftime(text_, sizeof text_, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  }
  return {text_, kSize};
}

std::optional<filter::HealthView::Members> WorkerContext::MembersOf(std::string_view cluster) const {
  const upstream::ClusterShard* const shard = FindCluster(cluster);
  if (shard == nullptr) return std::nullopt;
  Members members;
  for (const std::shared_ptr<upstream::Host>& host : shard->hosts().hosts) {
    ++members.total;
    if (host->health() != upstream::HostHealth::kUnhealthy) ++members.healthy;
  }
  return members;
}

filter::ClusterCall* WorkerContext::Call(const filter::ClusterCallRequest& request, filter::ClusterCallEvents& events) {
  upstream::ClusterShard* const shard = FindCluster(request.cluster);
  if (shard == nullptr) return nullptr;
  ClusterCall* const call = cluster_call_slab.New(*this, *shard, request, &events);
  return call->Start(request.timeout) ? call : nullptr;
}

bool WorkerContext::Tell(const filter::ClusterCallRequest& request) {
  upstream::ClusterShard* const shard = FindCluster(request.cluster);
  return shard != nullptr && cluster_call_slab.New(*this, *shard, request, nullptr)->Start(request.timeout);
}

void WorkerContext::SetCluster(uint32_t index, event::Kept<upstream::ClusterShard> cluster) {
  if (index >= clusters.size()) clusters.resize(index + 1);
  const event::Kept<upstream::ClusterShard> before = std::exchange(clusters[index], std::move(cluster));
  const upstream::ClusterShard* const named = before ? before.get() : clusters[index].get();
  if (named == nullptr) return;
  cluster_names.Set(named->config().name, clusters[index].get());
  if (before) before->Drain();
}

std::shared_ptr<LiveRoutes> WorkerContext::RoutesAt(uint64_t id) {
  std::shared_ptr<LiveRoutes>& live = routes[id];
  if (live == nullptr) live = std::make_shared<LiveRoutes>();
  return live;
}

std::shared_ptr<LiveScopes> WorkerContext::ScopesAt(uint64_t id) {
  std::shared_ptr<LiveScopes>& live = scopes[id];
  if (live == nullptr) live = std::make_shared<LiveScopes>();
  return live;
}

void WorkerContext::EndClusters() {
  scopes.clear();
  routes.clear();
  cluster_names.Clear();
  clusters.clear();
}

void WorkerContext::RescaleStreams() {
  scaled_streams.ForEach([](Stream& stream) { stream.Rescale(); });
}

void WorkerContext::EndOwnRequests() {
  while (!mirrors.empty()) mirrors.front().GiveUp();
  while (!cluster_calls.empty()) cluster_calls.front().GiveUp();
}

}  // namespace pillion::proxy
