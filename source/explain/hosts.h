#pragma once

// Which endpoint of a cluster a request goes to, or those that it is chosen from.

#include <cstdint>
#include <optional>
#include <string>

#include "source/config/lb_criteria.h"
#include "source/explain/answer.h"
#include "source/explain/running.h"
#include "source/upstream/cluster.h"

namespace pillion::explain {

// What the choice depends on beside the hosts.
struct Wanted {
  config::LbCriteriaView criteria;  // of a subset; empty: of none
  std::optional<uint64_t> hash;
  upstream::LaneWish lane;           // the request's colour
  std::string original_destination;  // where the connection was meant to go; empty: nobody knows
};

// "10.0.0.7:8080", "one of 3 endpoints"; nothing: none gets a request.
std::optional<std::string> DescribeHosts(const upstream::Cluster& cluster, const Wanted& wanted, const Running& running,
                                         Answer& answer);

}  // namespace pillion::explain
