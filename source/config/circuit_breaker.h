#pragma once

// What a cluster's circuit breakers are set to.

#include <cstdint>
#include <limits>
#include <optional>

namespace pillion::config {

struct RetryBudget {
  double percent = 20;           // of the requests that are open or wait
  uint32_t min_concurrency = 3;  // retries that may always be
};

// Bounds per cluster and priority, over all workers.
struct CircuitBreaker {
  uint32_t max_connections = 1024;
  uint32_t max_pending_requests = 1024;
  uint32_t max_requests = 1024;
  uint32_t max_retries = 3;
  uint32_t max_connection_pools = std::numeric_limits<uint32_t>::max();
  std::optional<RetryBudget> retry_budget;  // in place of max_retries
  bool track_remaining = false;
};

}  // namespace pillion::config
