#pragma once

// The listeners of the process, by name: their sockets, and their parts on every worker. One may come, change or go while
// the process runs:
//
// | state   | meaning                                                        | left by                                             |
// |---------|----------------------------------------------------------------|-----------------------------------------------------|
// | serving | connections are taken                                          | Set() of the same addresses: serving, on the same sockets; of others, Remove(), Close(): closing |
// | closing | none begins, those that have begun are taken                   | the queues of its sockets are empty: leaving         |
// | leaving | its connections drain                                          | the last one's end, the drain time: gone             |
//
// Main thread. Owned by the server; the workers end first.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "source/event/control_timer.h"
#include "source/net/listener.h"
#include "source/proxy/listener.h"
#include "source/server/worker_thread.h"
#include "source/telemetry/log_writer.h"

namespace pillion::server {

class ListenerSet {
 public:
  struct Surroundings {
    stats::Registry& registry;
    telemetry::LogWriter& log_writer;
    event::ControlTimers& timers;
    const std::vector<std::unique_ptr<WorkerThread>>& workers;
    route::Table::ClusterIndex clusters;
    base::Duration drain_time;
    // Runs work on the main thread; called on any.
    std::function<void(std::function<void()> work)> post;
  };

  // All that is given outlives it.
  explicit ListenerSet(Surroundings surroundings);
  ~ListenerSet();

  // The listener of that name is from now on as `config` says; connections that can go on do. An error: it can't be, for it
  // can't be bound or its log can't be opened; a former one stays as it is.
  absl::Status Set(const std::shared_ptr<const config::Listener>& config);
  // No connection is lost that has begun; they end within the drain time.
  void Remove(const std::string& name);

  // Closes sockets so that no connection is lost that has begun; then `closed`. The listeners stay, and their connections.
  void Close(Listeners which, std::function<void()> closed);

  struct Bound {
    std::string name;
    net::Address address;  // with the port that the kernel chose
  };
  // In the order in which they came.
  std::vector<Bound> bound() const;
  size_t size() const { return serving_.size(); }
  size_t leaving() const { return leaving_; }
  uint64_t added() const { return added_; }
  uint64_t modified() const { return modified_; }
  uint64_t removed() const { return removed_; }

 private:
  struct Running {
    uint64_t id;  // another one each time that it is not the same on the workers
    std::shared_ptr<const config::Listener> config;
    std::shared_ptr<const proxy::Listener> listener;
    std::vector<std::shared_ptr<const net::ListenSocket>> sockets;
    std::vector<std::vector<const net::ListenSocket*>> of_workers;  // which each accepts from
    std::vector<ListenAddress> addresses;                           // its own, bound or not
  };

  absl::StatusOr<std::shared_ptr<const proxy::Listener>> Make(const std::shared_ptr<const config::Listener>& config,
                                                              const proxy::Listener* before);
  // A socket for each worker, or one, at each of its addresses.
  absl::Status Open(Running& running);
  void Begin(const Running& running);
  // Refuses new connections, waits for those that are being set up, and has each worker do `stop`, which calls what it is
  // given when it has taken them; then `closed`.
  using Stop = std::function<void(WorkerThread& worker, std::function<void()> stopped)>;
  void CloseSockets(std::vector<std::shared_ptr<const net::ListenSocket>> sockets, const Stop& stop,
                    std::function<void()> closed);
  void Depart(Running running);
  // Of a version that is not used any more: the main thread is to end it, as that may take long.
  void Retire(const std::shared_ptr<const proxy::Listener>& listener);
  void Sweep();

  const Surroundings with_;
  std::map<std::string, Running> serving_;
  std::vector<std::string> order_;  // of their names
  std::set<std::shared_ptr<const void>> retired_;  // versions and their chains
  const std::unique_ptr<event::ControlTimer> sweep_;
  uint64_t last_id_ = 0;
  size_t leaving_ = 0;
  uint64_t added_ = 0;
  uint64_t modified_ = 0;
  uint64_t removed_ = 0;
};

}  // namespace pillion::server
