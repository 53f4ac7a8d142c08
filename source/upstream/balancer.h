#pragma once

// Chooses the next host of a cluster, on one worker. Hosts of the lowest priority number are chosen from, in proportion
// to their weights.
//
// Round robin: in turn. Least request: of `least_request_choices` hosts taken at random, the one with the fewest
// requests in flight over all workers; with unequal weights, each host in turn as often as weight / (requests + 1) says.
//
// Turns with unequal weights are the schedule of earliest deadlines: who was chosen is due again 1 / weight later. That
// spreads each host's turns evenly, and a choice costs O(log hosts) and no memory.

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "source/base/random.h"
#include "source/config/cluster.h"
#include "source/upstream/host.h"

namespace pillion::upstream {

class Balancer {
 public:
  // `random` outlives the balancer. Workers begin at different hosts, as it says.
  Balancer(const config::Cluster& cluster, base::Random& random);

  // The hosts to choose from now. The caller keeps the set until the next call.
  void SetHosts(const HostSet& set);

  // Null when there is none. The pointer is one of the set's.
  const std::shared_ptr<Host>& Pick();

 private:
  struct Turn {
    double due;
    size_t host;
    // For a heap with the earliest on top; equal times come in the order of the list.
    bool operator<(const Turn& other) const { return due != other.due ? due > other.due : host > other.host; }
  };

  size_t PickInTurn();
  size_t PickLeastOfSome();
  size_t PickEarliest();
  double Cost(const Host& host) const;

  const config::Cluster::Balancer policy_;
  const uint32_t choices_;
  base::Random& random_;
  std::span<const std::shared_ptr<Host>> hosts_;  // of one priority
  bool equal_weights_ = true;
  size_t next_ = 0;
  std::vector<Turn> turns_;  // only with unequal weights
};

}  // namespace pillion::upstream
