#pragma once

// Chooses among hosts of one kind (those of a priority that are healthy, say), on one worker.
//
// Round robin: in turn. Least request: of `least_request_choices` hosts taken at random, the one with the fewest
// requests in flight over all workers; with unequal weights, each host in turn as often as
// weight / (requests + 1) ^ active_request_bias says. Random: any.
//
// Slow start: the weight of a host that is new is less, and grows with time; then all take turns by their weights.

#include <cstddef>
#include <memory>
#include <span>

#include "source/base/random.h"
#include "source/config/load_balancing.h"
#include "source/event/worker.h"
#include "source/upstream/host.h"
#include "source/upstream/turns.h"

namespace pillion::upstream {

class Rotation {
 public:
  // What is given outlives the rotation. Workers begin at different hosts, as `random` says.
  Rotation(const config::LoadBalancing& config, const event::Worker& worker, base::Random& random,
           std::span<const std::shared_ptr<Host>> hosts);

  // Null when there is none. The pointer is one of those that were given.
  const std::shared_ptr<Host>& Pick() {
    if (in_turn_) [[likely]] {
      const std::shared_ptr<Host>& host = hosts_[next_];
      if (++next_ == hosts_.size()) next_ = 0;
      return host;
    }
    return PickOtherwise();
  }

 private:
  const std::shared_ptr<Host>& PickOtherwise();
  size_t PickLeastOfSome();
  double Cost(const Host& host) const;
  double Weight(const Host& host) const;

  const config::LoadBalancing* config_;
  const event::Worker* worker_;
  base::Random* random_;
  std::span<const std::shared_ptr<Host>> hosts_;
  bool in_turn_ = false;  // simply one after the other; there are some
  size_t next_ = 0;
  Turns turns_;  // only with unequal weights
};

}  // namespace pillion::upstream
