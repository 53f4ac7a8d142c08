#include "source/proxy/stats.h"

namespace pillion::proxy {

stats::Prefix HttpPrefix(std::string_view stat_prefix) {
  return stats::Prefix("http").Add(stats::kHttpPrefix, stat_prefix);
}

HttpStatIds::HttpStatIds(stats::Registry& registry, std::string_view stat_prefix)
    : scope(registry, HttpPrefix(stat_prefix)) {
#define X(name) name = scope.AddCounter(#name);
  PILLION_HTTP_COUNTERS(X)
#undef X
#define X(name) name = scope.AddGauge(#name);
  PILLION_HTTP_GAUGES(X)
#undef X
#define X(name) name = scope.AddHistogram(#name);
  PILLION_HTTP_HISTOGRAMS(X)
#undef X
#define X(name) name = scope.AddCounter("http2." #name);
  PILLION_HTTP_FLOODS(X)
#undef X
}

HttpStats::HttpStats(const HttpStatIds& ids, stats::Shard& shard)
    :
#define X(name) name(*shard.counter(ids.name)),
      PILLION_HTTP_COUNTERS(X)
#undef X
#define X(name) name(*shard.gauge(ids.name)),
          PILLION_HTTP_GAUGES(X)
#undef X
#define X(name) name(*shard.histogram(ids.name)),
              PILLION_HTTP_HISTOGRAMS(X)
#undef X
                  inbound_reset_flood(*shard.counter(ids.inbound_reset_flood)),
      inbound_continuation_flood(*shard.counter(ids.inbound_continuation_flood)),
      inbound_ping_flood(*shard.counter(ids.inbound_ping_flood)),
      inbound_settings_flood(*shard.counter(ids.inbound_settings_flood)),
      inbound_priority_frames_flood(*shard.counter(ids.inbound_priority_frames_flood)),
      inbound_window_update_frames_flood(*shard.counter(ids.inbound_window_update_frames_flood)),
      inbound_empty_frames_flood(*shard.counter(ids.inbound_empty_frames_flood)),
      outbound_control_flood(*shard.counter(ids.outbound_control_flood)),
      outbound_flood(*shard.counter(ids.outbound_flood)),
      tx_flush_timeout(*shard.counter(ids.tx_flush_timeout)),
      keepalive_timeout(*shard.counter(ids.keepalive_timeout)) {
}

void HttpStats::CountStatus(int status) {
  downstream_rq_completed.Increment();
  switch (status / 100) {
    case 1:
      downstream_rq_1xx.Increment();
      break;
    case 2:
      downstream_rq_2xx.Increment();
      break;
    case 3:
      downstream_rq_3xx.Increment();
      break;
    case 4:
      downstream_rq_4xx.Increment();
      break;
    case 5:
      downstream_rq_5xx.Increment();
      break;
  }
}

ListenerStatIds::ListenerStatIds(stats::Registry& registry, std::string_view address)
    : scope(registry, stats::Prefix("listener").Add(stats::kListenerAddress, address)) {
#define X(name) name = scope.AddCounter(#name);
  PILLION_LISTENER_COUNTERS(X)
#undef X
#define X(name) name = scope.AddGauge(#name);
  PILLION_LISTENER_GAUGES(X)
#undef X
  downstream_cx_length_ms = scope.AddHistogram("downstream_cx_length_ms");
  connections_accepted_per_socket_event = scope.AddHistogram("connections_accepted_per_socket_event");
}

ListenerStats::ListenerStats(const ListenerStatIds& ids, stats::Shard& shard)
    :
#define X(name) name(*shard.counter(ids.name)),
      PILLION_LISTENER_COUNTERS(X)
#undef X
#define X(name) name(*shard.gauge(ids.name)),
          PILLION_LISTENER_GAUGES(X)
#undef X
      downstream_cx_length_ms(*shard.histogram(ids.downstream_cx_length_ms)),
      connections_accepted_per_socket_event(*shard.histogram(ids.connections_accepted_per_socket_event)) {
}

ListenerWorkerStatIds::ListenerWorkerStatIds(stats::Registry& registry, std::string_view address, uint32_t worker)
    : scope(registry, stats::Prefix("listener").Add(stats::kListenerAddress, address).AddWorker(worker)),
      downstream_cx_total(scope.AddCounter("downstream_cx_total")),
      downstream_cx_active(scope.AddGauge("downstream_cx_active")) {}

TcpStatIds::TcpStatIds(stats::Registry& registry, std::string_view stat_prefix)
    : scope(registry, stats::Prefix("tcp").Add(stats::kTcpPrefix, stat_prefix)) {
#define X(name) name = scope.AddCounter(#name);
  PILLION_TCP_COUNTERS(X)
#undef X
  downstream_cx_active = scope.AddGauge("downstream_cx_active");
}

TcpStats::TcpStats(const TcpStatIds& ids, stats::Shard& shard)
    :
#define X(name) name(*shard.counter(ids.name)),
      PILLION_TCP_COUNTERS(X)
#undef X
          downstream_cx_active(*shard.gauge(ids.downstream_cx_active)) {
}

}  // namespace pillion::proxy
