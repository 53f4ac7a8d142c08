#pragma once

// A worker with its thread and everything of it that the data path uses. Made, started, stopped and destroyed by the
// main thread; what is inside belongs to the worker's thread from Start() until Join().

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "source/event/epoll_loop.h"
#include "source/net/internal_listeners.h"
#include "source/proxy/listener.h"
#include "source/proxy/worker_context.h"
#include "source/upstream/cluster.h"

namespace pillion::server {

struct ListenAddress {
  net::Address address;
  bool v4_too;  // an IPv6 wildcard that takes IPv4
};

// Which listeners are meant.
enum class Listeners : uint8_t { kAll, kInbound, kUnhealthy };  // kUnhealthy: that drain after /healthcheck/fail

class WorkerThread {
 public:
  WorkerThread(uint32_t index, const base::Clock& clock, stats::Registry& registry, uint64_t seed,
               const std::atomic<bool>& healthcheck_failed, std::atomic<uint64_t>& connections);
  ~WorkerThread();

  // `sockets` are accepted from once the thread runs; `addresses` are its own, bound or not. `id` is another one each time.
  void AddListener(uint64_t id, std::shared_ptr<const proxy::Listener> listener,
                   std::vector<const net::ListenSocket*> sockets, std::vector<ListenAddress> addresses);
  // Another version of it, with the same sockets.
  void UpdateListener(uint64_t id, std::shared_ptr<const proxy::Listener> listener, base::Duration drain_time);
  // Takes what is in the queues of its sockets, and no more; `stopped` is called then, on the worker's thread. Its
  // connections drain, and end after `drain_time` at the latest; `gone` is called when the last has, there as well.
  void RemoveListener(uint64_t id, base::Duration drain_time, std::function<void()> stopped, std::function<void()> gone);

  // The cluster that has `index` from now on, with the hosts that it has now; null: there is none.
  void SetCluster(uint32_t index, const std::shared_ptr<upstream::Cluster>& cluster);
  void SetHosts(uint32_t index, std::shared_ptr<const upstream::HostSet> hosts);

  // Of connections to internal listeners, from now on. Before Start().
  void set_internal_pipe_bytes(size_t bytes) { internal_.set_pipe_bytes(bytes); }

  // How long its turns take is counted. Before Start().
  void CountTurns(stats::Registry& registry);

  void Start();

  // Connections end with their last stream; new ones are still taken.
  void StartDrain(Listeners which);
  // Connections that are not draining yet stay, and new ones do.
  void EndDrain();
  // While paused, connections stay in the queues of the listening sockets.
  void PauseAccepting(bool pause);
  // Timeouts that get shorter under load have changed.
  void Rescale();
  // Certificates may have been renewed, withdrawn, or have expired: connections that may not go on with them drain.
  void CheckIdentities(base::Duration drain_time);
  // Gives back memory that is kept for what comes next.
  void Trim();
  // What is routed by `id` goes by `routes` from now on.
  void SetRoutes(uint64_t id, std::shared_ptr<const proxy::Routes> routes);
  void DropRoutes(uint64_t id);
  // The same of tables that are chosen by scope.
  void SetScopes(uint64_t id, std::shared_ptr<const proxy::Scopes> scopes);
  void DropScopes(uint64_t id);
  // Takes what is in the queues of the listening sockets, and no more. `done` is called on the worker's thread.
  void StopAccepting(Listeners which, std::function<void()> done);
  // `idle` is called on the worker's thread, when no connection is left.
  void WhenIdle(std::function<void()> idle);
  // What is in flight is cut short.
  void CloseAll();
  // Ends the thread; connections must be gone, or are cut short.
  void StopAndJoin();

  void Post(std::function<void()> work) { worker_.Post(std::move(work)); }
  event::Worker& worker() { return worker_; }
  // On the worker's thread only.
  proxy::WorkerContext& context() { return context_; }

 private:
  struct Accepting {
    uint64_t id;
    std::unique_ptr<proxy::ListenerShard> shard;
    std::vector<const net::ListenSocket*> sockets;
    std::function<void()> gone = nullptr;  // to be told at its end; not null: it is leaving
  };

  // On the worker: on its thread once that runs.
  void Run(std::function<void()> work);
  void ForEach(Listeners which, const std::function<void(proxy::ListenerShard&)>& visit);
  Accepting* Find(uint64_t id);
  void Accept(const Accepting& listener);
  void EndLeft();
  size_t Connections() const;
  void CheckIdle();

  event::Worker worker_;
  event::EpollLoop loop_;
  net::InternalListeners internal_;
  net::WorkerConnector connector_;
  stats::Shard& stats_;
  proxy::WorkerContext context_;
  std::optional<stats::Scope> turn_scope_;  // where turns are counted
  std::vector<Accepting> listeners_;
  std::function<void()> idle_;
  base::Timer idle_check_;
  base::Timer leaving_check_;
  std::thread thread_;
};

}  // namespace pillion::server
