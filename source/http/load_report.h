#pragma once

// What an answer says of the load of its host (ORCA), in its head or its trailers: `endpoint-load-metrics-bin`, a message
// xds.data.orca.v3.OrcaLoadReport in base64, or `endpoint-load-metrics`, "TEXT cpu_utilization=0.3, named_metrics.q=2",
// "JSON {...}" or "BIN ..." with that message. Nothing is allocated. What a host says is never more than a number: none is
// trusted to be one that is finite, or at least 0.

#include <optional>
#include <span>
#include <string>

#include "source/http/header_map.h"

namespace pillion::http {

struct LoadReport {
  double application_utilization = 0;  // each of them is 0 where it is not reported
  double cpu_utilization = 0;
  double requests_per_second = 0;
  double errors_per_second = 0;
  double named = 0;  // the most of those metrics that were asked for
};

// `names`: of metrics, as "cpu_utilization", or as "named_metrics.queue", "utilization.disk" and "request_cost.tokens".
// Nothing: there is no report, or it can't be read.
std::optional<LoadReport> FindLoadReport(const HeaderMap& fields, std::span<const std::string> names);

}  // namespace pillion::http
