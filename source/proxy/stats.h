#pragma once

// What is counted of the downstream side, with Envoy's names. Registered once by the main thread; each worker has its
// own cells.

#include "source/stats/registry.h"

namespace pillion::proxy {

// http.<stat_prefix>.
#define PILLION_HTTP_COUNTERS(X)       \
  X(downstream_cx_total)               \
  X(downstream_cx_http1_total)         \
  X(downstream_cx_ssl_total)           \
  X(downstream_cx_http2_total)         \
  X(downstream_cx_upgrades_total)      \
  X(downstream_cx_destroy)             \
  X(downstream_cx_destroy_local)       \
  X(downstream_cx_destroy_remote)      \
  X(downstream_cx_destroy_active_rq)   \
  X(downstream_cx_destroy_local_active_rq)  \
  X(downstream_cx_destroy_remote_active_rq) \
  X(downstream_cx_drain_close)         \
  X(downstream_cx_idle_timeout)        \
  X(downstream_cx_max_duration_reached) \
  X(downstream_cx_max_requests_reached) \
  X(downstream_cx_overload_disable_keepalive) \
  X(downstream_cx_protocol_error)      \
  X(downstream_cx_rx_bytes_total)      \
  X(downstream_cx_tx_bytes_total)      \
  X(downstream_flow_control_paused_reading_total)  \
  X(downstream_flow_control_resumed_reading_total) \
  X(downstream_rq_total)               \
  X(downstream_rq_http1_total)         \
  X(downstream_rq_http2_total)         \
  X(downstream_rq_completed)           \
  X(downstream_rq_1xx)                 \
  X(downstream_rq_2xx)                 \
  X(downstream_rq_3xx)                 \
  X(downstream_rq_4xx)                 \
  X(downstream_rq_5xx)                 \
  X(downstream_rq_timeout)             \
  X(downstream_rq_idle_timeout)        \
  X(downstream_rq_header_timeout)      \
  X(downstream_rq_max_duration_reached) \
  X(downstream_rq_overload_close)      \
  X(downstream_rq_response_before_rq_complete) \
  X(downstream_rq_rx_reset)            \
  X(downstream_rq_tx_reset)            \
  X(downstream_rq_ws_on_non_ws_route)  \
  X(downstream_rq_failed_path_normalization) \
  X(downstream_rq_non_relative_path)   \
  X(downstream_rq_too_large)           \
  X(downstream_rq_redirected_with_normalized_path) \
  X(filter_override_mismatched)        \
  X(no_cluster)                        \
  X(no_route)                          \
  X(passthrough_internal_redirect_bad_location) \
  X(passthrough_internal_redirect_no_route) \
  X(passthrough_internal_redirect_predicate) \
  X(passthrough_internal_redirect_too_many_redirects) \
  X(passthrough_internal_redirect_unsafe_scheme) \
  X(rq_direct_response)                \
  X(rq_overload_local_reply)           \
  X(rq_redirect)                       \
  X(rq_reset_after_downstream_response_started) \
  X(rq_total)

#define PILLION_HTTP_GAUGES(X)   \
  X(downstream_cx_ssl_active)    \
  X(downstream_cx_active)        \
  X(downstream_cx_http1_active)  \
  X(downstream_cx_http2_active)  \
  X(downstream_cx_upgrades_active) \
  X(downstream_rq_active)

#define PILLION_HTTP_HISTOGRAMS(X) \
  X(downstream_cx_length_ms)       \
  X(downstream_rq_time)

// Floods of HTTP/2 clients and what else is counted of them, under http.<stat_prefix>.http2.
#define PILLION_HTTP_FLOODS(X)          \
  X(inbound_reset_flood)                \
  X(inbound_continuation_flood)         \
  X(inbound_ping_flood)                 \
  X(inbound_settings_flood)             \
  X(inbound_priority_frames_flood)      \
  X(inbound_window_update_frames_flood) \
  X(inbound_empty_frames_flood)         \
  X(outbound_control_flood)             \
  X(outbound_flood)                     \
  X(tx_flush_timeout)                   \
  X(keepalive_timeout)

// "http.<stat_prefix>."
stats::Prefix HttpPrefix(std::string_view stat_prefix);

struct HttpStatIds {
  HttpStatIds(stats::Registry& registry, std::string_view stat_prefix);

  stats::Scope scope;
#define X(name) stats::CounterId name;
  PILLION_HTTP_COUNTERS(X)
#undef X
#define X(name) stats::GaugeId name;
  PILLION_HTTP_GAUGES(X)
#undef X
#define X(name) stats::HistogramId name;
  PILLION_HTTP_HISTOGRAMS(X)
#undef X
#define X(name) stats::CounterId name;
  PILLION_HTTP_FLOODS(X)
#undef X
};

struct HttpStats {
  HttpStats(const HttpStatIds& ids, stats::Shard& shard);

#define X(name) stats::Counter& name;
  PILLION_HTTP_COUNTERS(X)
#undef X
#define X(name) stats::Gauge& name;
  PILLION_HTTP_GAUGES(X)
#undef X
#define X(name) stats::Histogram& name;
  PILLION_HTTP_HISTOGRAMS(X)
#undef X
#define X(name) stats::Counter& name;
  PILLION_HTTP_FLOODS(X)
#undef X

  // downstream_rq_completed and the counter of the status' class.
  void CountStatus(int status);
};

// listener.<address>.
#define PILLION_LISTENER_COUNTERS(X) \
  X(downstream_cx_total)             \
  X(downstream_cx_destroy)           \
  X(downstream_cx_accept_failed)     \
  X(downstream_cx_overflow)          \
  X(downstream_cx_overload_reject)   \
  X(downstream_global_cx_overflow)   \
  X(downstream_pre_cx_timeout)       \
  X(downstream_listener_filter_error)        \
  X(downstream_listener_filter_remote_close) \
  X(extension_config_missing)        \
  X(network_extension_config_missing) \
  X(no_filter_chain_match)

#define PILLION_LISTENER_GAUGES(X) \
  X(downstream_cx_active)          \
  X(downstream_pre_cx_active)

struct ListenerStatIds {
  ListenerStatIds(stats::Registry& registry, std::string_view address);

  stats::Scope scope;
#define X(name) stats::CounterId name;
  PILLION_LISTENER_COUNTERS(X)
#undef X
#define X(name) stats::GaugeId name;
  PILLION_LISTENER_GAUGES(X)
#undef X
  stats::HistogramId downstream_cx_length_ms;
  stats::HistogramId connections_accepted_per_socket_event;
};

// listener.<address>.worker_<index>.
struct ListenerWorkerStatIds {
  ListenerWorkerStatIds(stats::Registry& registry, std::string_view address, uint32_t worker);

  stats::Scope scope;
  stats::CounterId downstream_cx_total;
  stats::GaugeId downstream_cx_active;
};

struct ListenerStats {
  ListenerStats(const ListenerStatIds& ids, stats::Shard& shard);

#define X(name) stats::Counter& name;
  PILLION_LISTENER_COUNTERS(X)
#undef X
#define X(name) stats::Gauge& name;
  PILLION_LISTENER_GAUGES(X)
#undef X
  stats::Histogram& downstream_cx_length_ms;
  stats::Histogram& connections_accepted_per_socket_event;
};

// tcp.<stat_prefix>.
#define PILLION_TCP_COUNTERS(X)     \
  X(downstream_cx_total)            \
  X(downstream_cx_no_route)         \
  X(downstream_cx_rx_bytes_total)   \
  X(downstream_cx_tx_bytes_total)   \
  X(downstream_flow_control_paused_reading_total)  \
  X(downstream_flow_control_resumed_reading_total) \
  X(idle_timeout)                   \
  X(max_downstream_connection_duration)

struct TcpStatIds {
  TcpStatIds(stats::Registry& registry, std::string_view stat_prefix);

  stats::Scope scope;
#define X(name) stats::CounterId name;
  PILLION_TCP_COUNTERS(X)
#undef X
  stats::GaugeId downstream_cx_active;
};

struct TcpStats {
  TcpStats(const TcpStatIds& ids, stats::Shard& shard);

#define X(name) stats::Counter& name;
  PILLION_TCP_COUNTERS(X)
#undef X
  stats::Gauge& downstream_cx_active;
};

}  // namespace pillion::proxy
