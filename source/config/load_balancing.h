#pragma once

// How the host of a request is chosen within its cluster.

#include <cstdint>

#include "source/base/clock.h"

namespace pillion::config {

// A host that is new to a cluster gets its weight little by little, over `window`.
struct SlowStart {
  base::Duration window{0};  // zero: all of it at once
  double aggression = 1.0;   // > 0; its share is (time / window) ^ (1 / aggression)
  double min_weight_percent = 10;
};

struct LoadBalancing {
  enum class Policy : uint8_t { kRoundRobin, kLeastRequest, kRandom, kRingHash, kMaglev, kClusterProvided };
  enum class HashFunction : uint8_t { kXxHash, kMurmurHash2 };

  Policy policy = Policy::kRoundRobin;

  uint32_t least_request_choices = 2;
  double active_request_bias = 1.0;  // exponent of the requests in flight, with unequal weights
  SlowStart slow_start;              // of the policies that take turns

  uint64_t min_ring_size = 1024;
  uint64_t max_ring_size = 8 * 1024 * 1024;
  HashFunction hash_function = HashFunction::kXxHash;
  uint32_t maglev_table_size = 65537;   // a prime
  bool hash_hostname = false;           // instead of the address
  uint32_t hash_balance_percent = 0;    // of the mean load, that a host gets at most; 0: no bound

  double panic_threshold = 50;          // percent; below it a priority's health is not heeded
  bool fail_traffic_on_panic = false;
  bool locality_weighted = false;
};

// What comes with a list of endpoints.
struct AssignmentPolicy {
  uint32_t overprovisioning_percent = 140;  // a priority of which 100 / 1.4 percent are healthy counts as healthy
  bool weighted_priority_health = false;    // healthy by weight, not by number

  bool operator==(const AssignmentPolicy&) const = default;
};

}  // namespace pillion::config
