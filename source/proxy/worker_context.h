#pragma once

// What the data path of one worker has in common. Made by the server, on the heap, before the worker's thread starts;
// used on that thread only; outlives every connection of the worker.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/base/intrusive_list.h"
#include "source/base/random.h"
#include "source/base/slab.h"
#include "source/codec/http2/memory_pool.h"
#include "source/event/shared.h"
#include "source/event/worker.h"
#include "source/filter/http_filter.h"
#include "source/proxy/listener_index.h"
#include "source/stats/traffic.h"
#include "source/tls/handshake_queue.h"
#include "source/tls/standing.h"
#include "source/upstream/cluster.h"

namespace pillion::overload {
class State;
}

namespace pillion::proxy {

class ClusterCall;
class Mirror;
class Stream;
struct LiveRoutes;
struct LiveScopes;
struct ClusterCallTag {};
struct MirrorTag {};
struct ScaledTag {};

// The `date` of responses (RFC 9110, 5.6.7), made once a second.
class DateText {
 public:
  static constexpr size_t kSize = 29;

  // Good until the next call.
  std::string_view At(base::WallTime now);

 private:
  int64_t second_ = -1;
  char text_[kSize + 1];
};

struct WorkerContext final : filter::HealthView, filter::ClusterCalls {
  WorkerContext(event::Worker& worker, uint64_t seed) : worker(worker), random(seed) {}

  // filter::HealthView
  bool failed() const override {
    return healthcheck_failed != nullptr && healthcheck_failed->load(std::memory_order_relaxed);
  }
  std::optional<Members> MembersOf(std::string_view cluster) const override;

  // filter::ClusterCalls
  filter::ClusterCall* Call(const filter::ClusterCallRequest& request, filter::ClusterCallEvents& events) override;
  bool Tell(const filter::ClusterCallRequest& request) override;

  // By the index that the route tables have for its name; null where there is none now.
  upstream::ClusterShard* FindCluster(uint32_t index) const {
    return index < clusters.size() ? clusters[index].get() : nullptr;
  }
  upstream::ClusterShard* FindCluster(std::string_view name) const { return cluster_names.Find(name); }
  // `cluster` is from now on the one that has `index`; null: there is none. That which was there gives no more connections
  // than those that keep it ask for.
  void SetCluster(uint32_t index, event::Kept<upstream::ClusterShard> cluster);
  // What is routed by the table that has `id`, now and later. Whoever has it goes on with it after DropRoutes().
  std::shared_ptr<LiveRoutes> RoutesAt(uint64_t id);
  void DropRoutes(uint64_t id) { routes.erase(id); }
  // The same of scopes that come apart from their listeners.
  std::shared_ptr<LiveScopes> ScopesAt(uint64_t id);
  void DropScopes(uint64_t id) { scopes.erase(id); }
  // Before the worker ends.
  void EndClusters();
  // Idle timeouts of requests that get shorter under load have changed.
  void RescaleStreams();
  // Copies of requests and calls of filters that are still on their way. Before the clusters go.
  void EndOwnRequests();

  event::Worker& worker;
  base::Random random;
  DateText date;
  codec::http2::MemoryPool http2_memory;
  tls::HandshakeQueue handshakes{worker};
  tls::IdentityChecks identity_checks{worker};
  base::Slab<Stream> streams;
  base::Slab<Mirror> mirror_slab;
  base::IntrusiveList<Mirror, MirrorTag> mirrors;  // that are not over
  base::Slab<ClusterCall> cluster_call_slab;
  base::IntrusiveList<ClusterCall, ClusterCallTag> cluster_calls;  // that are not over
  std::vector<event::Kept<upstream::ClusterShard>> clusters;  // by index; some are null
  upstream::ClusterNames cluster_names;                       // of these
  absl::flat_hash_map<uint64_t, std::shared_ptr<LiveRoutes>> routes;  // of tables that come apart from their listeners
  absl::flat_hash_map<uint64_t, std::shared_ptr<LiveScopes>> scopes;  // the same
  const std::atomic<bool>* healthcheck_failed = nullptr;       // of the process; null: it never is
  std::atomic<uint64_t>* connections = nullptr;                // of clients, in the process; null: nobody counts them
  const overload::State* overload = nullptr;           // null: nothing is given up for want of resources
  stats::Traffic* traffic = nullptr;                   // of this worker; null: nobody asks
  base::IntrusiveList<Stream, ScaledTag> scaled_streams;  // whose idle timeout gets shorter under load
  ListenerIndex listeners;
};

}  // namespace pillion::proxy
