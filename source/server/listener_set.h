#pragma once

// The listeners of the process, by name: their sockets, and their parts on every worker. One may come, change or go while
// the process runs:
//
// | state   | meaning                                                        | left by                                             |
// |---------|----------------------------------------------------------------|-----------------------------------------------------|
// | warming | what it needs is waited for: route tables, configurations of filters, secrets, an address that another one is about to leave; a former one of that name serves | all is there or not waited for any more: serving |
// | serving | connections are taken                                          | SetAll() of the same addresses: serving, on the same sockets; of others, Remove(), Close(): closing |
// | closing | none begins, those that have begun are taken                   | the queues of its sockets are empty: leaving         |
// | leaving | its connections drain                                          | the last one's end, the drain time: gone             |
//
// Main thread. Owned by the server; the workers end first.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "source/event/control_timer.h"
#include "source/event/retired.h"
#include "source/net/listener.h"
#include "source/proxy/listener.h"
#include "source/push/filter_configs.h"
#include "source/push/route_tables.h"
#include "source/push/scoped_routes.h"
#include "source/server/awaited.h"
#include "source/server/certificate_renewal.h"
#include "source/server/cluster_set.h"
#include "source/server/listen_retry.h"
#include "source/server/origin.h"
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
    route::ClusterIndex clusters;
    push::RouteTables& routes;
    push::ScopedRoutes& scopes;
    push::FilterConfigs& filters;
    CertificateRenewal& certificates;
    WhenSecretsReady secrets;
    base::Duration drain_time;
    // Runs work on the main thread; called on any.
    std::function<void(std::function<void()> work)> post;
    // One came, changed or went, and none is warming.
    std::function<void()> settled;
  };

  // All that is given outlives it.
  explicit ListenerSet(Surroundings surroundings);
  ~ListenerSet();

  // Before any is added: that no other process listens where it would.
  absl::Status CheckUnshared(const config::Listener& config) const;
  // Configured with the process: it is bound, and serves from the start, with what it needs or not.
  absl::Status AddFirst(const std::shared_ptr<const config::Listener>& config);
  // `ready` is called once: when what the first ones need is there, or not waited for any more; perhaps at once.
  void WhenFirstReady(std::function<void()> ready);
  // The listeners of those names are from now on as `configs` say, or each once it is warm, for which it waits, among
  // others, for the call of what `also` is given; connections that can go on do. An error: it can't be, for it can't be
  // bound, or its log can't be opened, or its tables are for other filters; a former one stays.
  using Also = std::function<void(std::function<void()> ready)>;
  // Each is of another name. In whatever order they stand, one may take the address that another of them leaves, and they
  // may exchange theirs: each serves there when the other one has left. `leaving` are to be removed, if none is refused:
  // their addresses may be taken as well, and whose is taken is removed then.
  using Configs = std::vector<std::shared_ptr<const config::Listener>>;
  std::vector<absl::Status> SetAll(const Configs& configs, Origin origin, const Also& also = nullptr,
                                   const std::set<std::string>& leaving = {});
  // Those that go by configurations of filters that came apart from them are from now on as these are; their connections
  // go on with their next requests. What is wrong, in one line each: nothing has changed.
  std::vector<std::string> FollowFilters();
  // No connection is lost that has begun; they end within the drain time.
  void Remove(const std::string& name);
  // `warm` is called once: when none is warming, perhaps at once.
  void WhenWarm(std::function<void()> warm);
  // There is one of that name, perhaps still warming, which `origin` gave.
  bool Has(const std::string& name, Origin origin) const;
  bool IsWarming(const std::string& name) const { return warming_.contains(name); }
  // Of those that warm, by name, and of those that can't listen.
  std::vector<Unready> unready() const;
  // What the first ones wait for.
  std::vector<std::string> first_needs() const { return first_needs_.open(); }

  // Closes sockets so that no connection is lost that has begun; then `closed`. The listeners stay, and their connections.
  void Close(Listeners which, std::function<void()> closed);

  struct Bound {
    std::string name;
    net::Address address;  // with the port that the kernel chose
    std::string error;     // why nobody listens there as yet; empty: somebody does
  };
  // In the order in which they came.
  std::vector<Bound> bound() const;
  struct Serving {
    std::shared_ptr<const proxy::Listener> listener;
    std::vector<net::Address> addresses;  // its own, bound or not
  };
  // The same order.
  std::vector<Serving> serving() const;
  size_t size() const { return serving_.size(); }
  size_t warming() const { return warming_.size(); }
  size_t leaving() const { return leaving_; }
  uint64_t added() const { return added_; }
  uint64_t modified() const { return modified_; }
  uint64_t removed() const { return removed_; }
  uint64_t updated_in_place() const { return updated_in_place_; }  // of modified(): on the workers, with their connections
  uint64_t stopped() const { return stopped_; }                    // whose sockets were closed
  uint64_t failed() const { return failed_; }  // that could not be set, or not listen at once

 private:
  struct Running {
    uint64_t id = 0;  // another one each time that it is not the same on the workers
    std::shared_ptr<const config::Listener> config;  // with what has come for it
    std::shared_ptr<const proxy::Listener> listener;
    std::vector<std::shared_ptr<net::ListenSocket>> sockets;
    std::vector<std::vector<const net::ListenSocket*>> of_workers;  // which each accepts from
    std::vector<ListenAddress> addresses;                           // its own, bound or not
    // A version that takes this one's place by what came for its filters has these two as well: until then, and where
    // that never happens, this one goes by what comes for them.
    std::shared_ptr<push::FilterConfigs::Use> filters;              // null: it needs none
    std::shared_ptr<CertificateRenewal::Watch> certificates;
    std::unique_ptr<push::RouteTables::Use> routes;   // null: it needs none
    std::unique_ptr<push::ScopedRoutes::Use> scopes;  // the same
    bool pushed = true;   // a control plane gave it
    bool closed = false;  // its sockets, for good
  };
  struct Warming {
    Running running;
    std::unique_ptr<Awaited> needs;   // all but those
    std::unique_ptr<Awaited> tables;  // of its filters: other ones when something else comes for them
    bool has_needs = false;           // they are over
    bool has_tables = false;          // the same

    bool ready() const { return has_needs && has_tables; }
  };
  // What listeners are about to be, by name; null: they are about to be something that is judged later.
  using Next = std::map<std::string_view, const config::Listener*>;

  // All of it but for its sockets, where those of a former one do.
  absl::StatusOr<Running> Make(const std::shared_ptr<const config::Listener>& config);
  // Its tables, and what workers have, of its config; `before` may be null.
  absl::Status Fill(Running& running, const proxy::Listener* before);
  // What came for filters of `now`, which serves, names route tables that have not come: it is to be as `next` when they
  // have, and stays as it is where something else is warming already. False: none is missing; nothing has changed.
  bool WarmsFirst(Running& now, Running& next);
  // Makes those that are good so far; false: one of them was not, and all are to be judged again.
  bool MakeAll(const Configs& configs, const std::set<std::string>& leaving, std::vector<absl::Status>& outcome,
               std::vector<std::optional<Running>>& made);
  // Those of `next` are no more what they are now.
  absl::Status CheckAddresses(const config::Listener& config, const std::set<std::string>& leaving, const Next& next) const;
  // Those that are warm serve, but for who waits for an address.
  void ServeReady();
  // What it needs, which is over when it is there or not waited for any more: its tables, and all else.
  static void AwaitTables(const Running& running, Awaited& tables);
  void Await(const Running& running, Awaited& needs);
  // It is known what its tables are; where it is ready with them, it serves, but for who waits for an address.
  void WaitForTables(Warming& warming);
  // The listener that has one of its addresses still, and will leave it, unless that goes with those of `going`. Null: none.
  const config::Listener* FormerOwner(const config::Listener& config, const std::set<std::string>& going) const;
  void Serve(Running running);
  void TellWarm();
  // A socket for each worker, or one, at each of its addresses.
  absl::Status Open(Running& running) const;
  void Begin(const Running& running);
  // Refuses new connections, waits for those that are being set up, and has each worker do `stop`, which calls what it is
  // given when it has taken them; then `closed`.
  using Stop = std::function<void(WorkerThread& worker, std::function<void()> stopped)>;
  void CloseSockets(std::vector<std::shared_ptr<net::ListenSocket>> sockets, const Stop& stop,
                    std::function<void()> closed);
  void Depart(Running running);
  // Of a version that is not used any more: the main thread is to end it, as that may take long.
  void Retire(const std::shared_ptr<const proxy::Listener>& listener);

  const Surroundings with_;
  std::map<std::string, Running> serving_;
  std::map<std::string, std::unique_ptr<Warming>> warming_;
  std::vector<std::string> order_;  // of their names
  std::set<std::string> to_remove_;  // whoever takes an address of one of these ends it
  event::Retired retired_;           // versions and their chains
  Awaited first_needs_;
  ListenRetry listen_retry_;
  std::vector<std::function<void()>> when_warm_;
  bool following_ = false;  // none begins to serve meanwhile
  bool closed_ = false;     // all of them: the process ends
  uint64_t last_id_ = 0;
  size_t leaving_ = 0;
  uint64_t added_ = 0;
  uint64_t modified_ = 0;
  uint64_t removed_ = 0;
  uint64_t updated_in_place_ = 0;
  uint64_t stopped_ = 0;
  uint64_t failed_ = 0;
};

}  // namespace pillion::server
