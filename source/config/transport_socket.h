#pragma once

// What connections to some hosts of a cluster are made with.

#include <memory>
#include <string>
#include <string_view>

#include "source/config/metadata.h"

namespace pillion::config {

struct UpstreamTls;

// Hosts whose metadata has these values get this transport, not the cluster's.
struct TransportSocketMatch {
  // Of an endpoint's metadata, and of its locality's.
  static constexpr std::string_view kNamespace = "envoy.transport_socket_match";

  std::string name;
  MetadataValue::Struct match;             // all of them; empty: any host
  std::shared_ptr<const UpstreamTls> tls;  // null: plain bytes
};

}  // namespace pillion::config
