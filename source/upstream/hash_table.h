#pragma once

// Which host a hash means, so that few hashes mean another host when hosts come or go: a ring (Karger et al., 1997) or
// Maglev's table (Eisenbud et al., 2016, 3.4). Made once for all workers, immutable. Rings, tables and their keys are
// Envoy's: both proxies choose the same host for the same hash.

#include <cstdint>
#include <memory>
#include <vector>

#include "source/config/load_balancing.h"
#include "source/upstream/host.h"

namespace pillion::upstream {

struct PriorityHosts;

class HashTable {
 public:
  struct Member {
    std::shared_ptr<Host> host;
    double weight;  // all add up to 1
  };

  // Of the healthy hosts of a priority; `panic`: of all. Where localities are weighted, a host's weight is its part of
  // its locality's.
  HashTable(const config::LoadBalancing& config, const PriorityHosts& priority, bool panic);

  // Null when there is none. `attempt` > 0: probably another one.
  const Member* Find(uint64_t hash, uint32_t attempt) const;

  const std::vector<Member>& members() const { return members_; }
  size_t size() const { return ring_.empty() ? table_.size() : ring_.size(); }
  // Of the entries, how many the host has that has fewest (most).
  uint64_t fewest() const { return fewest_; }
  uint64_t most() const { return most_; }

 private:
  struct Point {
    uint64_t hash;
    uint32_t member;
  };

  void MakeRing(const config::LoadBalancing& config);
  void MakeTable(const config::LoadBalancing& config);

  std::vector<Member> members_;
  std::vector<Point> ring_;      // sorted by hash
  std::vector<uint32_t> table_;  // of members
  uint64_t fewest_ = 0;
  uint64_t most_ = 0;
};

}  // namespace pillion::upstream
