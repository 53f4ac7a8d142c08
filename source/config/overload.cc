#include "source/config/overload.h"

namespace pillion::config {

std::string_view OverloadEffectName(OverloadEffect effect) {
  constexpr std::array<std::string_view, kOverloadEffects> kNames = {
      "envoy.overload_actions.stop_accepting_requests",
      "envoy.overload_actions.disable_http_keepalive",
      "envoy.overload_actions.stop_accepting_connections",
      "envoy.overload_actions.reject_incoming_connections",
      "envoy.overload_actions.shrink_heap",
      "envoy.overload_actions.reduce_timeouts",
      "envoy.load_shed_points.tcp_listener_accept",
      "envoy.load_shed_points.http_connection_manager_decode_headers",
      "envoy.load_shed_points.http_downstream_filter_check",
  };
  return kNames[static_cast<size_t>(effect)];
}

std::optional<uint64_t> Overload::max_connections() const {
  for (const OverloadResource& resource : resources) {
    if (const auto* connections = std::get_if<DownstreamConnections>(&resource.monitor)) return connections->max;
  }
  return std::nullopt;
}

}  // namespace pillion::config
