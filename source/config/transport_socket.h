#pragma once

// What connections to a host are made with.

#include <memory>
#include <string>
#include <variant>

#include "source/config/metadata.h"

namespace pillion::config {

// Bytes as they are.
struct RawBuffer {};

using UpstreamTransport = std::variant<RawBuffer>;

// Hosts whose metadata has these values get this transport, not the cluster's.
struct TransportSocketMatch {
  // Of an endpoint's metadata, and of its locality's.
  static constexpr std::string_view kNamespace = "envoy.transport_socket_match";

  std::string name;
  MetadataValue::Struct match;                         // all of them; empty: any host
  std::shared_ptr<const UpstreamTransport> transport;  // never null
};

}  // namespace pillion::config
