#include "source/server/cluster_set.h"

#include <atomic>
#include <utility>

namespace pillion::server {
namespace {

// How often it is looked whether the last request of a former cluster is over. The main thread is to end it, as that may
// take long.
constexpr base::Duration kSweep = std::chrono::seconds(1);

}  // namespace

ClusterSet::ClusterSet(Surroundings surroundings, HostHealth::EventLog outliers)
    : with_(surroundings),
      outliers_(std::move(outliers)),
      sweep_(with_.timers.New()),
      first_hosts_(with_.timers),
      first_checks_(with_.timers) {}

ClusterSet::~ClusterSet() = default;

uint32_t ClusterSet::IndexOf(const std::string& name) {
  return indexes_.try_emplace(name, static_cast<uint32_t>(indexes_.size())).first->second;
}

absl::StatusOr<RunningCluster> ClusterSet::Make(std::shared_ptr<const config::Cluster> config) {
  RunningCluster running;
  running.index = IndexOf(config->name);
  running.cluster = std::make_shared<upstream::Cluster>(std::move(config), with_.registry);
  absl::StatusOr<std::unique_ptr<HostHealth::Watch>> watch = with_.health.Make(*running.cluster, outliers_);
  if (!watch.ok()) return watch.status();
  running.watch = *std::move(watch);
  running.source = with_.discovery.Make(*running.cluster);
  return running;
}

void ClusterSet::Publish(RunningCluster& running) {
  for (const std::unique_ptr<WorkerThread>& worker : with_.workers) worker->SetCluster(running.index, running.cluster);
  running.cluster->set_publish([this, index = running.index](const std::shared_ptr<const upstream::HostSet>& hosts) {
    for (const std::unique_ptr<WorkerThread>& worker : with_.workers) worker->SetHosts(index, hosts);
  });
}

absl::Status ClusterSet::AddFirst(std::shared_ptr<const config::Cluster> config) {
  absl::StatusOr<RunningCluster> running = Make(std::move(config));
  if (!running.ok()) return running.status();
  Publish(*running);
  ++added_;
  serving_.emplace(running->index, *std::move(running));
  return absl::OkStatus();
}

void ClusterSet::LinkFirst() {
  for (const std::unique_ptr<WorkerThread>& worker : with_.workers) worker->LinkClusters();
}

absl::Status ClusterSet::DiscoverFirst(std::function<void()> ready) {
  for (auto& [index, running] : serving_) {
    if (running.source == nullptr) continue;
    if (absl::Status status = running.source->Start(first_hosts_.One()); !status.ok()) return status;
  }
  first_hosts_.Wait(kMostWarming, std::move(ready));
  return absl::OkStatus();
}

void ClusterSet::CheckFirst(std::function<void()> ready) {
  for (auto& [index, running] : serving_) running.watch->Start(first_checks_.One());
  first_checks_.Wait(kMostWarming, std::move(ready));
}

absl::Status ClusterSet::Set(std::shared_ptr<const config::Cluster> config, std::function<void()> warm) {
  absl::StatusOr<RunningCluster> made = Make(std::move(config));
  if (!made.ok()) return made.status();
  const uint32_t index = made->index;
  auto warming = std::make_unique<Warming>(Warming{.running = *std::move(made),
                                                   .hosts = std::make_unique<Awaited>(with_.timers),
                                                   .checks = std::make_unique<Awaited>(with_.timers)});
  Warming& now = *warming;
  if (now.running.source != nullptr) {
    if (absl::Status status = now.running.source->Start(now.hosts->One()); !status.ok()) return status;
  }
  warming_[index] = std::move(warming);  // another one that was warming is not wanted any more
  now.hosts->Wait(kMostWarming, [this, &now, index, warm = std::move(warm)]() mutable {
    now.running.watch->Start(now.checks->One());
    now.checks->Wait(kMostWarming, [this, index, warm = std::move(warm)] {
      const auto found = warming_.find(index);
      const std::unique_ptr<Warming> done = std::move(found->second);
      warming_.erase(found);
      Serve(std::move(done->running));
      warm();
    });
  });
  return absl::OkStatus();
}

void ClusterSet::Serve(RunningCluster running) {
  Publish(running);
  LinkFirst();
  const auto before = serving_.find(running.index);
  if (before == serving_.end()) {
    ++added_;
    serving_.emplace(running.index, std::move(running));
    return;
  }
  ++modified_;
  Retire(std::exchange(before->second, std::move(running)));
}

void ClusterSet::Remove(const std::string& name) {
  const uint32_t index = IndexOf(name);
  warming_.erase(index);
  const auto found = serving_.find(index);
  if (found == serving_.end()) return;
  ++removed_;
  for (const std::unique_ptr<WorkerThread>& worker : with_.workers) worker->SetCluster(index, nullptr);
  LinkFirst();
  Retire(std::move(found->second));
  serving_.erase(found);
}

void ClusterSet::Retire(RunningCluster running) {
  running.cluster->set_publish(nullptr);
  leaving_.push_back(std::move(running.cluster));
  sweep_->Set(kSweep, [this] { Sweep(); });
}

void ClusterSet::Sweep() {
  std::erase_if(leaving_, [](const std::shared_ptr<upstream::Cluster>& cluster) {
    if (cluster.use_count() > 1) return false;
    std::atomic_thread_fence(std::memory_order_acquire);  // with what the last worker did to it
    return true;
  });
  if (!leaving_.empty()) sweep_->Set(kSweep, [this] { Sweep(); });
}

const RunningCluster* ClusterSet::Find(std::string_view name) const {
  const auto index = indexes_.find(absl::string_view(name.data(), name.size()));
  if (index == indexes_.end()) return nullptr;
  const auto found = serving_.find(index->second);
  return found == serving_.end() ? nullptr : &found->second;
}

std::vector<const RunningCluster*> ClusterSet::All() const {
  std::vector<const RunningCluster*> all;
  for (const auto& [index, running] : serving_) all.push_back(&running);
  return all;
}

void ClusterSet::Stop() {
  sweep_->Cancel();
  warming_.clear();
  for (auto& [index, running] : serving_) {
    running.cluster->set_publish(nullptr);
    running.source.reset();
  }
}

}  // namespace pillion::server
