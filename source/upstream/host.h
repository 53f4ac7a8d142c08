#pragma once

// An upstream host: one address of one cluster, in the whole process. It outlives the configuration that named it for
// as long as a stream, a pool or a host set refers to it.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "source/config/cluster.h"
#include "source/net/address.h"

namespace pillion::upstream {

// One worker's share of a host's figures. Written by that worker only (load and store, no read-modify-write); any
// thread may read it.
struct alignas(64) HostFigures {
  enum Figure : uint8_t {
    kCxTotal,  // the pools write these five
    kCxActive,
    kCxConnectFail,
    kRqTotal,
    kRqActive,
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

class Host {
 public:
  Host(const net::Address& address, const config::Endpoint& endpoint, uint32_t workers);

  const net::Address& address() const { return address_; }
  const std::string& address_text() const { return address_text_; }
  const std::string& hostname() const { return hostname_; }  // as configured, or what DNS was asked for; may be empty
  uint32_t weight() const { return weight_; }                // >= 1
  uint32_t priority() const { return priority_; }
  const config::Locality& locality() const { return locality_; }

  HostFigures& figures(uint32_t worker) { return figures_[worker]; }
  // Over all workers.
  uint64_t Sum(HostFigures::Figure figure) const;

 private:
  const net::Address address_;
  const std::string address_text_;
  const std::string hostname_;
  const uint32_t weight_;
  const uint32_t priority_;
  const config::Locality locality_;
  const uint32_t workers_;
  const std::unique_ptr<HostFigures[]> figures_;
};

// The hosts of a cluster at one time: immutable, shared by the workers.
struct HostSet {
  std::vector<std::shared_ptr<Host>> hosts;  // sorted by priority; no address twice
};

}  // namespace pillion::upstream
