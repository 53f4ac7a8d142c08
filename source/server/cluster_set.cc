#include "source/server/cluster_set.h"

#include <algorithm>
#include <utility>

#include "source/guard/return.h"
#include "source/server/log.h"

namespace pillion::server {
namespace {

const std::string kHosts = "hosts";
const std::string kFirstChecks = "first health checks";

bool FromControlPlane(const config::Cluster& cluster) {
  return cluster.discovery == config::Cluster::Discovery::kEds &&
         std::holds_alternative<config::ApiSource>(cluster.eds.source);
}

}  // namespace

ClusterSet::ClusterSet(Surroundings surroundings, HostHealth::EventLog outliers)
    : with_(surroundings),
      outliers_(std::move(outliers)),
      sweep_(with_.timers.New()),
      retired_(with_.timers),
      first_hosts_(with_.timers),
      first_pushed_hosts_(with_.timers),
      first_checks_(with_.timers) {}

ClusterSet::~ClusterSet() = default;

route::NamedCluster ClusterSet::IndexOf(const std::string& name) {
  const std::shared_ptr<const uint32_t>& index = IndexFor(name);
  return {*index, index};
}

const std::shared_ptr<const uint32_t>& ClusterSet::IndexFor(const std::string& name) {
  if (const auto found = indexes_.find(name); found != indexes_.end()) return found->second;
  if (indexes_.size() >= most_names_) ForgetNames();
  const auto next = static_cast<uint32_t>(indexes_.size() + free_.size());
  const uint32_t index = free_.empty() ? next : free_.back();
  if (!free_.empty()) free_.pop_back();
  return indexes_.emplace(name, std::make_shared<const uint32_t>(index)).first->second;
}

// A table that names one is held here until no worker has it (Retired), and workers do what they are told in order: whatever
// gets the index next, none takes it for the former one.
void ClusterSet::ForgetNames() {
  absl::erase_if(indexes_, [this](const auto& entry) {
    if (entry.second.use_count() > 1) return false;
    free_.push_back(*entry.second);
    return true;
  });
  std::atomic_thread_fence(std::memory_order_acquire);  // with what was done by the last that had it
  most_names_ = std::max(kFewNames, 2 * indexes_.size());
}

absl::StatusOr<RunningCluster> ClusterSet::Make(std::shared_ptr<const config::Cluster> config, bool pushed) {
  RunningCluster running;
  running.pushed = pushed;
  absl::StatusOr<std::unique_ptr<CertificateRenewal::Watch>> certificates =
      with_.certificates.Add(OwnerOf(*config), ContextsOf(*config));
  if (!certificates.ok()) return certificates.status();
  running.certificates = *std::move(certificates);
  running.index = IndexFor(config->name);
  running.cluster = std::make_shared<upstream::Cluster>(std::move(config), with_.registry);
  absl::StatusOr<std::unique_ptr<HostHealth::Watch>> watch = with_.health.Make(*running.cluster, outliers_);
  if (!watch.ok()) return watch.status();
  running.watch = *std::move(watch);
  running.source = with_.discovery.Make(*running.cluster);
  return running;
}

void ClusterSet::Publish(RunningCluster& running) {
  for (const std::unique_ptr<WorkerThread>& worker : with_.workers) worker->SetCluster(*running.index, running.cluster);
  running.cluster->set_publish([this, index = *running.index](const std::shared_ptr<const upstream::HostSet>& hosts) {
    ++updated_;
    for (const std::unique_ptr<WorkerThread>& worker : with_.workers) worker->SetHosts(index, hosts);
  });
}

absl::Status ClusterSet::AddFirst(std::shared_ptr<const config::Cluster> config) {
  absl::StatusOr<RunningCluster> running = Make(std::move(config), false);
  if (!running.ok()) return running.status();
  Publish(*running);
  ++added_;
  const uint32_t index = *running->index;
  serving_.emplace(index, *std::move(running));
  return absl::OkStatus();
}

void ClusterSet::DiscoverFirst(HostsFrom from, std::function<void()> ready) {
  const bool pushed = from == HostsFrom::kControlPlanes;
  Awaited& hosts = pushed ? first_pushed_hosts_ : first_hosts_;
  for (auto& [index, running] : serving_) {
    if (running.source == nullptr || running.pushed || FromControlPlane(running.cluster->config()) != pushed) continue;
    running.source->Start(hosts.One(running.cluster->config().name));
  }
  hosts.Wait(pushed ? base::Duration::zero() : kMostWarming, std::move(ready));
}

void ClusterSet::CheckFirst(std::function<void()> ready) {
  for (auto& [index, running] : serving_) {
    if (!running.pushed) running.watch->Start(first_checks_.One(running.cluster->config().name));
  }
  first_checks_.Wait(kMostWarming, std::move(ready));
}

absl::Status ClusterSet::Set(std::shared_ptr<const config::Cluster> config, Origin origin) {
  absl::StatusOr<RunningCluster> made = Make(config, origin == Origin::kPushed);
  if (!made.ok()) return made.status();
  const uint32_t index = *made->index;
  auto warming = std::make_unique<Warming>(Warming{.running = *std::move(made),
                                                   .hosts = std::make_unique<Awaited>(with_.timers),
                                                   .checks = std::make_unique<Awaited>(with_.timers),
                                                   .since = with_.clock.MonotonicNow()});
  Warming& now = *warming;
  if (now.running.source != nullptr) now.running.source->Start(now.hosts->One(kHosts));
  const std::vector<std::shared_ptr<config::RemoteSecret>> secrets = SecretsOf(ContextsOf(*config));
  for (const std::shared_ptr<config::RemoteSecret>& secret : secrets) {
    with_.secrets({secret}, now.hosts->One(SecretText(*secret)));
  }
  warming_[index] = std::move(warming);  // another one that was warming is not wanted any more
  const base::Duration most = FromControlPlane(*config) || !secrets.empty() ? base::Duration::zero() : kMostWarming;
  now.hosts->Wait(most, [this, &now, index, has_secrets = !secrets.empty()] {
    if (has_secrets) with_.certificates.RenewDue();
    now.running.watch->Start(now.checks->One(kFirstChecks));
    now.checks->Wait(kMostWarming, [this, index] {
      const auto found = warming_.find(index);
      const std::unique_ptr<Warming> done = std::move(found->second);
      warming_.erase(found);
      Serve(std::move(done->running));
      TellWarm(index);
    });
  });
  return absl::OkStatus();
}

void ClusterSet::WhenWarm(std::function<void()> warm) {
  if (warming_.empty()) return warm();
  when_warm_.push_back(std::move(warm));
}

void ClusterSet::WhenServing(const std::vector<std::string>& names, base::Duration most, std::function<void()> ready) {
  std::set<uint32_t> clusters;
  base::Duration left = base::Duration::zero();
  for (const std::string& name : names) {
    const auto index = indexes_.find(name);
    if (index == indexes_.end() || serving_.contains(*index->second)) continue;
    const auto warming = warming_.find(*index->second);
    if (warming == warming_.end()) continue;
    const base::Duration its = warming->second->since + most - with_.clock.MonotonicNow();
    if (its <= base::Duration::zero()) continue;
    left = std::max(left, its);
    clusters.insert(*index->second);
  }
  if (clusters.empty()) return ready();
  const auto waiting = std::make_shared<Waiting>(Waiting{std::move(clusters), std::move(ready), with_.timers.New()});
  waiting_.push_back(waiting);
  waiting->timer->Set(left, [this, waiting = waiting.get()] {
    const auto found = std::ranges::find(waiting_, waiting, [](const auto& each) { return each.get(); });
    const std::shared_ptr<Waiting> over = *found;
    waiting_.erase(found);
    over->ready();
  });
}

void ClusterSet::TellWarm(uint32_t index) {
  std::vector<std::shared_ptr<Waiting>> over;
  std::erase_if(waiting_, [&](const std::shared_ptr<Waiting>& waiting) {
    waiting->clusters.erase(index);
    if (waiting->clusters.empty()) over.push_back(waiting);
    return waiting->clusters.empty();
  });
  for (const std::shared_ptr<Waiting>& waiting : over) waiting->ready();
  if (!warming_.empty()) return;
  for (const std::function<void()>& warm : std::exchange(when_warm_, {})) warm();
}

bool ClusterSet::Has(std::string_view name, Origin origin) const {
  const auto index = indexes_.find(absl::string_view(name.data(), name.size()));
  if (index == indexes_.end()) return false;
  const bool pushed = origin == Origin::kPushed;
  const auto warming = warming_.find(*index->second);
  if (warming != warming_.end()) return warming->second->running.pushed == pushed;
  const auto serving = serving_.find(*index->second);
  return serving != serving_.end() && serving->second.pushed == pushed && !serving->second.leaving;
}

bool ClusterSet::IsWarming(const std::string& name) const {
  const auto index = indexes_.find(name);
  return index != indexes_.end() && warming_.contains(*index->second);
}

std::vector<Unready> ClusterSet::unready() const {
  std::map<std::string, std::vector<std::string>> all;
  const auto first = [&all](const Awaited& awaited, const std::string& what) {
    for (const std::string& name : awaited.open()) all[name].push_back(what);
  };
  first(first_hosts_, kHosts);
  first(first_pushed_hosts_, kHosts);
  first(first_checks_, kFirstChecks);
  for (const auto& [index, warming] : warming_) {
    std::vector<std::string>& targets = all[warming->running.cluster->config().name];
    for (const Awaited* const awaited : {warming->hosts.get(), warming->checks.get()}) {
      for (std::string& target : awaited->open()) targets.push_back(std::move(target));
    }
  }
  std::vector<Unready> unready;
  for (auto& [name, targets] : all) unready.push_back({name, std::move(targets)});
  return unready;
}

void ClusterSet::Serve(RunningCluster running) {
  Publish(running);
  const uint32_t index = *running.index;
  const auto before = serving_.find(index);
  if (before == serving_.end()) {
    ++added_;
    serving_.emplace(index, std::move(running));
    return;
  }
  ++modified_;
  leaving_.erase(index);
  Retire(std::exchange(before->second, std::move(running)));
}

void ClusterSet::Remove(const std::string& name, Origin origin) {
  const auto named = indexes_.find(name);
  if (named == indexes_.end()) return;
  const uint32_t index = *named->second;
  const bool pushed = origin == Origin::kPushed;
  const auto warming = warming_.find(index);
  if (warming != warming_.end() && warming->second->running.pushed == pushed) {
    const std::unique_ptr<Warming> gone = std::move(warming->second);
    warming_.erase(warming);
    TellWarm(index);
  }
  const auto found = serving_.find(index);
  if (found == serving_.end() || found->second.pushed != pushed || found->second.leaving) return;
  if (!warming_.contains(index) && !IsNamed(found->second)) return Drop(index);
  found->second.leaving = 0;
  found->second.source.reset();  // that its hosts are gone as well may be said next
  if (leaving_.empty()) SweepSoon();
  leaving_.insert(index);
}

// By a route table: the name has its index, and so has the cluster.
bool ClusterSet::IsNamed(const RunningCluster& running) { return running.index.use_count() > 2; }

void ClusterSet::SweepSoon() {
  sweep_->Set(kSweep, [this] {
    std::vector<std::string> unnamed, named;
    for (const uint32_t index : std::set(leaving_)) {
      if (warming_.contains(index)) continue;  // which takes its place
      RunningCluster& running = serving_.at(index);
      const auto most = kMostSweeps + (running.pushed ? 0 : with_.drain_time / kSweep);
      const bool is_named = IsNamed(running);
      if (++*running.leaving < most && is_named) continue;
      (is_named ? named : unnamed).push_back(running.cluster->config().name);
      Drop(index);
    }
    if (!unnamed.empty()) Log("main").info("gone, as no route names them any more: clusters {}", guard::Names(unnamed));
    if (!named.empty()) Log("main").info("gone, though routes still name them: clusters {}", guard::Names(named));
    if (!leaving_.empty()) SweepSoon();
  });
}

void ClusterSet::Drop(uint32_t index) {
  ++removed_;
  for (const std::unique_ptr<WorkerThread>& worker : with_.workers) worker->SetCluster(index, nullptr);
  leaving_.erase(index);
  const auto found = serving_.find(index);
  Retire(std::move(found->second));
  serving_.erase(found);
}

void ClusterSet::Retire(RunningCluster running) {
  running.cluster->set_publish(nullptr);
  retired_.Add(std::move(running.cluster));
}

const RunningCluster* ClusterSet::Find(std::string_view name) const {
  const auto index = indexes_.find(absl::string_view(name.data(), name.size()));
  if (index == indexes_.end()) return nullptr;
  const auto found = serving_.find(*index->second);
  return found == serving_.end() ? nullptr : &found->second;
}

std::vector<const RunningCluster*> ClusterSet::All() const {
  std::vector<const RunningCluster*> all;
  for (const auto& [index, running] : serving_) all.push_back(&running);
  return all;
}

void ClusterSet::Stop() {
  retired_.Stop();
  sweep_->Cancel();
  warming_.clear();
  waiting_.clear();
  for (auto& [index, running] : serving_) {
    running.cluster->set_publish(nullptr);
    running.source.reset();
  }
}

}  // namespace pillion::server
