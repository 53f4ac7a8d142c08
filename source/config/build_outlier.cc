// Outlier detection.

#include <algorithm>
#include <memory>

#include "source/config/build.h"

namespace pillion::config {

std::shared_ptr<const OutlierDetection> BuildOutlierDetection(
    const envoy::config::cluster::v3::OutlierDetection& from) {
  auto to = std::make_shared<OutlierDetection>();
  const auto take = [](bool set, const google::protobuf::UInt32Value& value, uint32_t& target) {
    if (set) target = value.value();
  };
  const auto enforce = [&](bool set, const google::protobuf::UInt32Value& value, OutlierKind kind) {
    take(set, value, to->enforcing[static_cast<size_t>(kind)]);
  };
  if (from.has_interval()) to->interval = ToDuration(from.interval());
  if (from.has_base_ejection_time()) to->base_ejection_time = ToDuration(from.base_ejection_time());
  if (from.has_max_ejection_time()) to->max_ejection_time = ToDuration(from.max_ejection_time());
  to->max_ejection_time = std::max(to->max_ejection_time, to->base_ejection_time);
  to->max_ejection_time_jitter = ToDuration(from.max_ejection_time_jitter());
  take(from.has_max_ejection_percent(), from.max_ejection_percent(), to->max_ejection_percent);
  to->always_eject_one_host = from.always_eject_one_host().value();
  if (from.has_successful_active_health_check_uneject_host()) {
    to->successful_check_unejects = from.successful_active_health_check_uneject_host().value();
  }
  to->split_local_origin = from.split_external_local_origin_errors();

  take(from.has_consecutive_5xx(), from.consecutive_5xx(), to->consecutive_5xx);
  take(from.has_consecutive_gateway_failure(), from.consecutive_gateway_failure(), to->consecutive_gateway_failure);
  take(from.has_consecutive_local_origin_failure(), from.consecutive_local_origin_failure(),
       to->consecutive_local_origin_failure);
  take(from.has_success_rate_minimum_hosts(), from.success_rate_minimum_hosts(), to->success_rate_minimum_hosts);
  take(from.has_success_rate_request_volume(), from.success_rate_request_volume(), to->success_rate_request_volume);
  if (from.has_success_rate_stdev_factor()) {
    to->success_rate_stdev_factor = from.success_rate_stdev_factor().value() / 1000.0;
  }
  take(from.has_failure_percentage_threshold(), from.failure_percentage_threshold(),
       to->failure_percentage_threshold);
  take(from.has_failure_percentage_minimum_hosts(), from.failure_percentage_minimum_hosts(),
       to->failure_percentage_minimum_hosts);
  take(from.has_failure_percentage_request_volume(), from.failure_percentage_request_volume(),
       to->failure_percentage_request_volume);

  enforce(from.has_enforcing_consecutive_5xx(), from.enforcing_consecutive_5xx(), OutlierKind::kConsecutive5xx);
  enforce(from.has_enforcing_consecutive_gateway_failure(), from.enforcing_consecutive_gateway_failure(),
          OutlierKind::kConsecutiveGatewayFailure);
  enforce(from.has_enforcing_success_rate(), from.enforcing_success_rate(), OutlierKind::kSuccessRate);
  enforce(from.has_enforcing_consecutive_local_origin_failure(), from.enforcing_consecutive_local_origin_failure(),
          OutlierKind::kConsecutiveLocalOriginFailure);
  enforce(from.has_enforcing_local_origin_success_rate(), from.enforcing_local_origin_success_rate(),
          OutlierKind::kSuccessRateLocalOrigin);
  enforce(from.has_enforcing_failure_percentage(), from.enforcing_failure_percentage(),
          OutlierKind::kFailurePercentage);
  enforce(from.has_enforcing_failure_percentage_local_origin(), from.enforcing_failure_percentage_local_origin(),
          OutlierKind::kFailurePercentageLocalOrigin);
  return to;
}

}  // namespace pillion::config
