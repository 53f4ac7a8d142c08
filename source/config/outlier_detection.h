#pragma once

// When a host of a cluster is ejected for what its answers are like, and for how long.

#include <array>
#include <cstddef>
#include <cstdint>

#include "source/base/clock.h"

namespace pillion::config {

// What a host is ejected for. The order is that of the event log's types.
enum class OutlierKind : uint8_t {
  kConsecutive5xx,
  kConsecutiveGatewayFailure,
  kSuccessRate,
  kConsecutiveLocalOriginFailure,
  kSuccessRateLocalOrigin,
  kFailurePercentage,
  kFailurePercentageLocalOrigin,
  kCount,
};

struct OutlierDetection {
  base::Duration interval = std::chrono::seconds(10);
  base::Duration base_ejection_time = std::chrono::seconds(30);  // multiplied by how often it was ejected of late
  base::Duration max_ejection_time = std::chrono::seconds(300);  // at least the base
  base::Duration max_ejection_time_jitter{0};
  uint32_t max_ejection_percent = 10;  // of the hosts
  bool always_eject_one_host = false;
  bool successful_check_unejects = true;
  // Failures that the host did not report itself (connects, resets, timeouts) are apart from its answers.
  bool split_local_origin = false;

  uint32_t consecutive_5xx = 5;
  uint32_t consecutive_gateway_failure = 5;
  uint32_t consecutive_local_origin_failure = 5;
  uint32_t success_rate_minimum_hosts = 5;
  uint32_t success_rate_request_volume = 100;
  double success_rate_stdev_factor = 1.9;
  uint32_t failure_percentage_threshold = 85;
  uint32_t failure_percentage_minimum_hosts = 5;
  uint32_t failure_percentage_request_volume = 50;

  // Percent of the cases in which a host is really ejected, by OutlierKind.
  std::array<uint32_t, static_cast<size_t>(OutlierKind::kCount)> enforcing = {100, 0, 100, 100, 100, 0, 0};

  uint32_t enforcing_of(OutlierKind kind) const { return enforcing[static_cast<size_t>(kind)]; }
};

}  // namespace pillion::config
