#pragma once

// What connections to some hosts of a cluster are made with.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/config/metadata.h"
#include "source/net/proxy_head.h"
#include "source/net/proxy_tlvs.h"

namespace pillion::config {

struct UpstreamTls;

// What an internal listener is told of connections to it (net/passed.h), beside the objects that streams share.
struct InternalUpstream {
  struct Source {
    bool of_host = true;  // else of the cluster
    std::string name;     // the namespace in its metadata
  };

  std::vector<Source> metadata;
};

// Hosts whose metadata has these values get this transport, not the cluster's.
struct TransportSocketMatch {
  // Of an endpoint's metadata, and of its locality's.
  static constexpr std::string_view kNamespace = "envoy.transport_socket_match";

  std::string name;
  MetadataValue::Struct match;             // all of them; empty: any host
  std::shared_ptr<const UpstreamTls> tls;  // null: plain bytes
  std::optional<net::ProxyVersion> proxy_version;  // in front of them: a head of the PROXY protocol that names the client
  std::shared_ptr<const net::ProxyTlvs> proxy_tlvs;  // of that; null: none
  std::shared_ptr<const InternalUpstream> internal;  // null: an internal listener is told nothing
};

}  // namespace pillion::config
