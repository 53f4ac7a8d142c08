#pragma once

// An upstream host: one address of one cluster, in the whole process. It outlives the configuration that named it for
// as long as a stream, a pool or a host set refers to it.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "source/base/clock.h"
#include "source/config/cluster.h"
#include "source/net/address.h"
#include "source/net/happy_eyeballs.h"

namespace pillion::upstream {

// One worker's share of a host's figures. Written by that worker only (load and store, no read-modify-write); any
// thread may read it.
struct alignas(64) HostFigures {
  enum Figure : uint8_t {
    kCxTotal,  // the pools write these six
    kCxActive,
    kCxConnectFail,
    kRqTotal,
    kRqActive,
    kRqPending,
    kRqSuccess,  // who reads the answers writes these three
    kRqError,
    kRqTimeout,
    kCount,
  };

  void Add(Figure figure, int64_t amount = 1) {
    std::atomic<uint64_t>& cell = cells[figure];
    cell.store(cell.load(std::memory_order_relaxed) + static_cast<uint64_t>(amount), std::memory_order_relaxed);
  }

  std::array<std::atomic<uint64_t>, kCount> cells{};
};

class OutlierMonitor;
struct UpstreamTransport;

enum class HostHealth : uint8_t { kUnhealthy, kDegraded, kHealthy };

// Why a host gets no requests, or only when there is none better. Bits.
enum HostFlag : uint32_t {
  kFailedActiveCheck = 1u << 0,    // the active health check, or there was none yet
  kDegradedActiveCheck = 1u << 1,  // its answers say so (x-envoy-degraded)
  kFailedOutlierCheck = 1u << 2,   // ejected
  kFailedEds = 1u << 3,            // health_status of the endpoint
  kDegradedEds = 1u << 4,
  kDrainingEds = 1u << 5,
  // With one of these it is not counted among the hosts that could be healthy.
  kPendingActiveCheck = 1u << 6,  // new, with ignore_new_hosts_until_first_hc
  kExcludedAtOnce = 1u << 7,      // it said x-envoy-immediate-health-check-fail
  kActiveCheckTimeout = 1u << 8,  // says how the check failed; means nothing by itself
  kPendingRemoval = 1u << 9,      // gone from discovery, kept because its checks pass; means nothing by itself
};
inline constexpr uint32_t kUnhealthyFlags = kFailedActiveCheck | kFailedOutlierCheck | kFailedEds | kDrainingEds;
inline constexpr uint32_t kDegradedFlags = kDegradedActiveCheck | kDegradedEds;
inline constexpr uint32_t kExcludingFlags = kPendingActiveCheck | kExcludedAtOnce;
inline constexpr uint32_t kEdsFlags = kFailedEds | kDegradedEds | kDrainingEds;

class Host {
 public:
  // It belongs to `endpoint`'s definition, of which Update() may change the rest.
  Host(const net::Address& address, const config::Endpoint& endpoint, uint32_t workers);

  const net::Address& address() const { return address_; }
  const std::string& address_text() const { return address_text_; }
  // All that it has, in the order in which they are tried; null: only the one. Any thread; asked by who connects. The main
  // thread sets them, again with each answer of DNS where the host is a name.
  std::shared_ptr<const net::Addresses> addresses() const {
    if (!has_several_addresses()) [[likely]] return nullptr;
    const absl::MutexLock lock(&addresses_mutex_);
    return addresses_;
  }
  void set_addresses(std::shared_ptr<const net::Addresses> addresses);
  bool has_several_addresses() const { return several_addresses_.load(std::memory_order_relaxed); }
  // As they were given, beside the first; null: none.
  const std::shared_ptr<const std::vector<config::Address>>& additional_addresses() const { return additional_addresses_; }
  const std::string& hostname() const { return hostname_; }  // as configured, or what DNS was asked for; may be empty
  // That people know it by: an address is a name, too, where there is no other.
  const std::string& name() const { return hostname_.empty() ? address_text_ : hostname_; }
  const config::Locality& locality() const { return locality_; }
  const std::shared_ptr<const config::Metadata>& locality_metadata() const { return locality_metadata_; }  // null: none
  const config::Metadata* metadata() const { return metadata_.get(); }  // may be null
  bool canary() const { return canary_; }                               // its metadata says so
  const config::EndpointCheck* check() const { return check_.get(); }   // may be null
  // What connections to it are made with. Set before any worker has the host; never null then.
  const UpstreamTransport* transport() const { return transport_; }
  void set_transport(const UpstreamTransport& transport) { transport_ = &transport; }
  // Any thread; the main thread changes them.
  uint32_t weight() const {  // >= 1
    const uint32_t own = own_weight_.load(std::memory_order_relaxed);
    return own > 0 ? own : weight_.load(std::memory_order_relaxed);
  }
  uint32_t priority() const { return priority_.load(std::memory_order_relaxed); }
  uint32_t locality_weight() const { return locality_weight_.load(std::memory_order_relaxed); }

  // Any thread.
  uint32_t flags() const { return flags_.load(std::memory_order_relaxed); }
  HostHealth health() const {
    const uint32_t flags = this->flags();
    if ((flags & kUnhealthyFlags) != 0) return HostHealth::kUnhealthy;
    return (flags & kDegradedFlags) != 0 ? HostHealth::kDegraded : HostHealth::kHealthy;
  }
  // Main thread. The workers choose by it after Cluster::HealthChanged().
  void SetFlags(uint32_t flags) { flags_.store(this->flags() | flags, std::memory_order_relaxed); }
  void ClearFlags(uint32_t flags) { flags_.store(this->flags() & ~flags, std::memory_order_relaxed); }

  // Main thread. Whether `endpoint` at this address is this host still: what Update() can't change is equal.
  bool Is(const config::Endpoint& endpoint) const;
  // Weights, priority and the configured health become those of `endpoint`; true if that changed anything.
  bool Update(const config::Endpoint& endpoint);

  // What it reports of its load, as a weight; 0: it has reported none. Any worker writes it, about once for each report.
  struct Reported {
    std::atomic<uint32_t> weight{0};
    std::atomic<int64_t> since{0};  // of the monotonic clock: when reports began; 0: there is none, or it is too old
    std::atomic<int64_t> last{0};   // the same
  };
  void Report(uint32_t weight, base::MonotonicTime now);
  const Reported& reported() const { return reported_; }
  // Main thread: it is too old.
  void ForgetReports() { reported_.since.store(0, std::memory_order_relaxed); }
  // Main thread. A weight by these, in place of the configured one; 0: that. True if that changed anything.
  bool set_own_weight(uint32_t weight) { return own_weight_.exchange(weight, std::memory_order_relaxed) != weight; }

  // Null where the cluster has no outlier detection. Set by the main thread before any worker has the host.
  OutlierMonitor* outlier_monitor() const { return outlier_monitor_.get(); }
  void set_outlier_monitor(std::shared_ptr<OutlierMonitor> monitor) { outlier_monitor_ = std::move(monitor); }
  // When it began to serve, for slow start: what the first worker says that knows it.
  void Begin(base::MonotonicTime now) {
    int64_t none = 0;
    begun_.compare_exchange_strong(none, now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  // It begins anew, with the next set of hosts that it is healthy in.
  void BeginAgain() { begun_.store(0, std::memory_order_relaxed); }
  base::MonotonicTime begun() const {
    return base::MonotonicTime(base::MonotonicTime::duration(begun_.load(std::memory_order_relaxed)));
  }

  HostFigures& figures(uint32_t worker) { return figures_[worker]; }
  // Over all workers.
  uint64_t Sum(HostFigures::Figure figure) const;

 private:
  const net::Address address_;
  const std::string address_text_;
  const std::shared_ptr<const std::vector<config::Address>> additional_addresses_;
  mutable absl::Mutex addresses_mutex_;
  std::shared_ptr<const net::Addresses> addresses_ ABSL_GUARDED_BY(addresses_mutex_);
  std::atomic<bool> several_addresses_{false};
  const std::string hostname_;
  const config::Locality locality_;
  const std::shared_ptr<const config::Metadata> metadata_;
  const std::shared_ptr<const config::Metadata> locality_metadata_;
  const std::shared_ptr<const config::EndpointCheck> check_;
  const UpstreamTransport* transport_ = nullptr;
  const bool canary_;
  std::atomic<uint32_t> weight_{1};
  std::atomic<uint32_t> own_weight_{0};
  Reported reported_;
  std::atomic<uint32_t> priority_{0};
  std::atomic<uint32_t> locality_weight_{0};
  std::atomic<uint32_t> flags_{0};
  std::atomic<int64_t> begun_{0};
  const uint32_t workers_;
  const std::unique_ptr<HostFigures[]> figures_;
  std::shared_ptr<OutlierMonitor> outlier_monitor_;
};

}  // namespace pillion::upstream
