#include "source/proxy/worker_context.h"

#include <ctime>

#include "source/proxy/mirror.h"
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

uint32_t WorkerContext::FindCluster(std::string_view name) const {
  const auto found = cluster_indexes.find(absl::string_view(name.data(), name.size()));
  return found == cluster_indexes.end() ? route::Entry::kNoCluster : found->second;
}

std::optional<filter::HealthView::Members> WorkerContext::MembersOf(std::string_view cluster) const {
  const uint32_t index = FindCluster(cluster);
  if (index == route::Entry::kNoCluster) return std::nullopt;
  Members members;
  for (const std::shared_ptr<upstream::Host>& host : clusters[index]->hosts().hosts) {
    ++members.total;
    if (host->health() != upstream::HostHealth::kUnhealthy) ++members.healthy;
  }
  return members;
}

void WorkerContext::AddCluster(std::unique_ptr<upstream::ClusterShard> cluster) {
  cluster_indexes[cluster->config().name] = static_cast<uint32_t>(clusters.size());
  clusters.push_back(std::move(cluster));
}

void WorkerContext::LinkClusters() {
  for (const std::unique_ptr<upstream::ClusterShard>& shard : clusters) {
    shard->Link([this](const std::string& name) {
      const uint32_t index = FindCluster(name);
      return index == route::Entry::kNoCluster ? nullptr : clusters[index].get();
    });
  }
}

void WorkerContext::RescaleStreams() {
  scaled_streams.ForEach([](Stream& stream) { stream.Rescale(); });
}

void WorkerContext::EndMirrors() {
  while (!mirrors.empty()) mirrors.front().GiveUp();
}

}  // namespace pillion::proxy
