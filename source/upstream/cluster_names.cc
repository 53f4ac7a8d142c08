#include "source/upstream/cluster_names.h"

#include <utility>

#include "source/upstream/cluster.h"

namespace pillion::upstream {

ClusterNames::~ClusterNames() {
  for (ClusterShard* shard : all_) shard->names_ = nullptr;
}

ClusterShard* ClusterNames::Find(std::string_view name) const {
  const auto found = shards_.find(name);
  return found == shards_.end() ? nullptr : found->second;
}

void ClusterNames::Set(const std::string& name, ClusterShard* shard) {
  shards_.erase(name);  // with the key, which the former one has
  if (shard != nullptr) {
    shards_.emplace(shard->config().name, shard);
    all_.insert(shard);
    shard->names_ = this;
    shard->ForEachNeeded([&](const std::string& needed) { needed_by_[needed].insert(shard); });
    shard->Link();
  }
  const auto found = needed_by_.find(name);
  if (found == needed_by_.end()) return;
  for (ClusterShard* each : found->second) {
    if (each != shard) each->Link();
  }
}

void ClusterNames::Clear() {
  shards_.clear();
  for (const auto& [name, shards] : needed_by_) {
    for (ClusterShard* shard : shards) shard->Link();
  }
}

void ClusterNames::TellHosts(const std::string& name) const {
  const auto found = needed_by_.find(name);
  if (found == needed_by_.end()) return;
  for (ClusterShard* shard : found->second) shard->OnHostsChanged();
}

void ClusterNames::Forget(ClusterShard& shard) {
  all_.erase(&shard);
  shard.ForEachNeeded([&](const std::string& needed) {
    const auto found = needed_by_.find(needed);
    if (found == needed_by_.end()) return;  // it names that one twice
    found->second.erase(&shard);
    if (found->second.empty()) needed_by_.erase(found);
  });
}

}  // namespace pillion::upstream
