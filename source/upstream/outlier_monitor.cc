#include "source/upstream/outlier_monitor.h"

namespace pillion::upstream {

using config::OutlierKind;

void OutlierMonitor::Count(uint32_t worker, Origin origin, bool success) {
  WorkerCounts& counts = counts_[worker];
  counts.requests[origin].Increment();
  if (success) counts.successes[origin].Increment();
}

void OutlierMonitor::OnAnswer(uint32_t worker, int status) {
  const bool failed = status >= 500 && status < 600;
  Count(worker, kExternal, !failed);
  if (!failed) {
    server_errors_.Reset();
    gateway_failures_.Reset();
    return;
  }
  if (status < 502 || status > 504) {
    gateway_failures_.Reset();
  } else if (gateway_failures_.Add(config_->consecutive_gateway_failure)) {
    ReportOf(OutlierKind::kConsecutiveGatewayFailure);
  }
  if (server_errors_.Add(config_->consecutive_5xx)) ReportOf(OutlierKind::kConsecutive5xx);
}

void OutlierMonitor::OnConnected(uint32_t worker) {
  if (!config_->split_local_origin) return;  // the answer will say
  Count(worker, kLocal, true);
  local_failures_.Reset();
}

void OutlierMonitor::OnTcpConnected(uint32_t worker) {
  if (config_->split_local_origin) {
    OnConnected(worker);
  } else {
    OnAnswer(worker, 200);
  }
}

void OutlierMonitor::OnNoAnswer(uint32_t worker, int status) {
  if (!config_->split_local_origin) {
    OnAnswer(worker, status);
    return;
  }
  Count(worker, kLocal, false);
  if (local_failures_.Add(config_->consecutive_local_origin_failure)) {
    ReportOf(OutlierKind::kConsecutiveLocalOriginFailure);
  }
}

OutlierMonitor::Counts OutlierMonitor::Sum(Origin origin) const {
  Counts sum;
  for (uint32_t i = 0; i < workers_; ++i) {
    // The successes first: what is counted meanwhile never makes them more than the requests.
    sum.successes += counts_[i].successes[origin].Read();
    sum.requests += counts_[i].requests[origin].Read();
  }
  return sum;
}

void OutlierMonitor::ResetConsecutive(OutlierKind kind) {
  if (kind == OutlierKind::kConsecutive5xx) server_errors_.Reset();
  if (kind == OutlierKind::kConsecutiveGatewayFailure) gateway_failures_.Reset();
  if (kind == OutlierKind::kConsecutiveLocalOriginFailure) local_failures_.Reset();
}

}  // namespace pillion::upstream
