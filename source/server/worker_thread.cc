#include "source/server/worker_thread.h"

#include <pthread.h>

#include <algorithm>
#include <string>

#include "source/upstream/http_client_codecs.h"

namespace pillion::server {
namespace {

// How often a draining worker looks whether its last connection has gone.
constexpr base::Duration kIdleCheck = std::chrono::milliseconds(10);

}  // namespace

WorkerThread::WorkerThread(uint32_t index, const base::Clock& clock, stats::Registry& registry, uint64_t seed,
                           const std::atomic<bool>& healthcheck_failed, std::atomic<uint64_t>& connections)
    : worker_(index, clock),
      loop_(worker_),
      internal_(worker_),
      connector_(loop_, internal_),
      stats_(registry.shard(index)),
      context_(worker_, seed),
      idle_check_(this, [](void* self) { static_cast<WorkerThread*>(self)->CheckIdle(); }),
      leaving_check_(this, [](void* self) { static_cast<WorkerThread*>(self)->EndLeft(); }) {
  context_.healthcheck_failed = &healthcheck_failed;
  context_.connections = &connections;
}

WorkerThread::~WorkerThread() { StopAndJoin(); }

void WorkerThread::Run(std::function<void()> work) {
  if (thread_.joinable()) {
    worker_.Post(std::move(work));
  } else {
    work();
  }
}

void WorkerThread::SetCluster(uint32_t index, const std::shared_ptr<upstream::Cluster>& cluster) {
  if (cluster == nullptr) return Run([this, index] { context_.SetCluster(index, {}); });
  Run([this, index, cluster, hosts = cluster->hosts()] {
    auto codecs = std::make_unique<upstream::HttpClientCodecs>(cluster->config(), worker_.blocks(), context_.http2_memory);
    context_.SetCluster(index, event::Kept(new upstream::ClusterShard(cluster, hosts, worker_, connector_, stats_,
                                                                      context_.random, std::move(codecs))));
  });
}

void WorkerThread::SetHosts(uint32_t index, std::shared_ptr<const upstream::HostSet> hosts) {
  Run([this, index, hosts = std::move(hosts)] {
    if (upstream::ClusterShard* cluster = context_.FindCluster(index)) cluster->SetHosts(hosts);
  });
}

void WorkerThread::SetRoutes(uint64_t id, std::shared_ptr<const proxy::Routes> routes) {
  Run([this, id, routes = std::move(routes)]() mutable {
    context_.RoutesAt(id)->now = event::Kept(new proxy::RoutesShard(std::move(routes), worker_, stats_));
  });
}

void WorkerThread::DropRoutes(uint64_t id) {
  Run([this, id] { context_.DropRoutes(id); });
}

void WorkerThread::SetScopes(uint64_t id, std::shared_ptr<const proxy::Scopes> scopes) {
  Run([this, id, scopes = std::move(scopes)]() mutable {
    context_.ScopesAt(id)->now = event::Kept(new proxy::ScopesShard(std::move(scopes), context_, stats_));
  });
}

void WorkerThread::DropScopes(uint64_t id) {
  Run([this, id] { context_.DropScopes(id); });
}

void WorkerThread::AddListener(uint64_t id, std::shared_ptr<const proxy::Listener> listener,
                               std::vector<const net::ListenSocket*> sockets, std::vector<ListenAddress> addresses) {
  Run([this, id, listener = std::move(listener), sockets = std::move(sockets), addresses = std::move(addresses)] {
    listeners_.push_back({id, std::make_unique<proxy::ListenerShard>(listener, context_, stats_), sockets});
    proxy::ListenerShard& shard = *listeners_.back().shard;
    shard.JoinBalance(loop_);
    for (const ListenAddress& at : addresses) {
      if (at.address.is_internal()) {
        internal_.Add(at.address.internal_listener(), shard);
      } else {
        context_.listeners.Add(at.address, at.v4_too, shard);
      }
    }
    if (thread_.joinable()) Accept(listeners_.back());
  });
}

void WorkerThread::UpdateListener(uint64_t id, std::shared_ptr<const proxy::Listener> listener, base::Duration drain_time) {
  Run([this, id, listener = std::move(listener), drain_time] { Find(id)->shard->Update(listener, drain_time); });
}

void WorkerThread::RemoveListener(uint64_t id, base::Duration drain_time, std::function<void()> stopped,
                                  std::function<void()> gone) {
  Run([this, id, drain_time, stopped = std::move(stopped), gone = std::move(gone)] {
    Accepting& listener = *Find(id);
    listener.gone = gone;
    context_.listeners.Remove(*listener.shard);
    internal_.Remove(*listener.shard);
    listener.shard->StopAccepting();
    listener.shard->Leave(drain_time);
    stopped();
    if (!leaving_check_.armed()) worker_.SetTimer(leaving_check_, kIdleCheck);
  });
}

WorkerThread::Accepting* WorkerThread::Find(uint64_t id) {
  const auto found = std::ranges::find(listeners_, id, &Accepting::id);
  return found == listeners_.end() ? nullptr : &*found;
}

void WorkerThread::Accept(const Accepting& listener) {
  for (const net::ListenSocket* socket : listener.sockets) listener.shard->Accept(loop_, *socket);
}

void WorkerThread::EndLeft() {
  bool left = false;
  std::erase_if(listeners_, [&](const Accepting& listener) {
    if (listener.gone == nullptr) return false;
    left = left || !listener.shard->empty();
    if (listener.shard->empty()) listener.gone();
    return listener.shard->empty();
  });
  if (left) worker_.SetTimer(leaving_check_, kIdleCheck);
}

void WorkerThread::ForEach(Listeners which, const std::function<void(proxy::ListenerShard&)>& visit) {
  for (Accepting& listener : listeners_) {
    const config::Listener& config = listener.shard->config();
    if (which == Listeners::kInbound && config.direction != config::TrafficDirection::kInbound) continue;
    if (which == Listeners::kUnhealthy && !config.drains_when_unhealthy) continue;
    visit(*listener.shard);
  }
}

void WorkerThread::CountTurns(stats::Registry& registry) {
  turn_scope_.emplace(registry, stats::Prefix("listener_manager").AddWorker(worker_.index()).Add("dispatcher"));
  loop_.set_stats({.duration = stats_.histogram(turn_scope_->AddHistogram("loop_duration_us")),
                   .delay = stats_.histogram(turn_scope_->AddHistogram("poll_delay_us"))});
}

void WorkerThread::Start() {
  worker_.Post([this] {
    for (const Accepting& listener : listeners_) Accept(listener);
  });
  thread_ = std::thread([this] { loop_.Run(); });
  const std::string name = "worker_" + std::to_string(worker_.index());
  pthread_setname_np(thread_.native_handle(), name.c_str());
}

void WorkerThread::StartDrain(Listeners which) {
  worker_.Post([this, which] { ForEach(which, [](proxy::ListenerShard& listener) { listener.StartDrain(); }); });
}

void WorkerThread::EndDrain() {
  worker_.Post([this] {
    for (Accepting& listener : listeners_) listener.shard->EndDrain();
  });
}

void WorkerThread::PauseAccepting(bool pause) {
  worker_.Post([this, pause] {
    for (Accepting& listener : listeners_) listener.shard->PauseAccepting(pause);
  });
}

void WorkerThread::Rescale() {
  worker_.Post([this] {
    for (Accepting& listener : listeners_) listener.shard->Rescale();
    context_.RescaleStreams();
  });
}

void WorkerThread::CheckIdentities(base::Duration drain_time) {
  worker_.Post([this, drain_time] {
    for (Accepting& listener : listeners_) listener.shard->CheckIdentities(drain_time);
    for (const event::Kept<upstream::ClusterShard>& cluster : context_.clusters) {
      if (cluster) cluster->CheckIdentities(context_.identity_checks, drain_time);
    }
  });
}

void WorkerThread::Trim() {
  worker_.Post([this] { worker_.blocks().Trim(0); });
}

void WorkerThread::StopAccepting(Listeners which, std::function<void()> done) {
  worker_.Post([this, which, done = std::move(done)] {
    ForEach(which, [](proxy::ListenerShard& listener) { listener.StopAccepting(); });
    done();
  });
}

void WorkerThread::WhenIdle(std::function<void()> idle) {
  worker_.Post([this, idle = std::move(idle)]() mutable {
    idle_ = std::move(idle);
    worker_.SetTimer(idle_check_, base::Duration::zero());
  });
}

size_t WorkerThread::Connections() const {
  size_t count = 0;
  for (const Accepting& listener : listeners_) {
    if (!listener.shard->config().internal) count += listener.shard->connections();  // else it is for one of the others
  }
  return count;
}

void WorkerThread::CheckIdle() {
  if (Connections() > 0) {
    worker_.SetTimer(idle_check_, kIdleCheck);
  } else if (idle_) {
    idle_();
    idle_ = nullptr;
  }
}

void WorkerThread::CloseAll() {
  worker_.Post([this] {
    for (Accepting& listener : listeners_) listener.shard->CloseAll();
  });
}

void WorkerThread::StopAndJoin() {
  if (!thread_.joinable()) return;
  // What is left goes in a last turn, on the worker's own thread: streams, then connections, then pools.
  worker_.Post([this] {
    for (Accepting& listener : listeners_) {
      internal_.Remove(*listener.shard);
      listener.shard->StopAccepting();
      listener.shard->CloseAll();
    }
    context_.EndOwnRequests();
    loop_.Stop();
  });
  thread_.join();
  listeners_.clear();
  context_.EndClusters();
  worker_.RunTurn();  // in which they end
}

}  // namespace pillion::server
