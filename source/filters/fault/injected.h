#pragma once

// What all who inject faults have in common: what is counted of them, and what an aborted request is answered.

#include "source/filter/stream_context.h"
#include "source/stats/registry.h"

namespace pillion::filters::fault {

// Of one worker.
struct InjectedCounts {
  InjectedCounts(stats::Scope& scope, stats::Shard& shard)
      : delays_injected(*shard.counter(scope.AddCounter("delays_injected"))),
        aborts_injected(*shard.counter(scope.AddCounter("aborts_injected"))),
        active_faults(*shard.gauge(scope.AddGauge("active_faults"))) {}

  stats::Counter& delays_injected;
  stats::Counter& aborts_injected;
  stats::Gauge& active_faults;  // streams that have one
};

// `grpc_status` -1: `http_status` it is; else that of any answer, whoever asked.
inline filter::Reply AbortReply(int http_status, int grpc_status) {
  return {.status = grpc_status >= 0 ? 200 : http_status,
          .body = "fault filter abort",
          .flag = telemetry::ResponseFlag::kFaultInjected,
          .details = "fault_filter_abort",
          .grpc_status = grpc_status};
}

}  // namespace pillion::filters::fault
