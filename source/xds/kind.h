#pragma once

// The kinds of resources that a control plane gives, in the order in which they need each other.

#include <array>
#include <cstdint>
#include <string_view>

namespace pillion::xds {

enum class Kind : uint8_t {
  kClusters,
  kEndpoints,
  kListeners,
  kScopedRoutes,
  kRoutes,
  kSecrets,
  kExtensions,
  kRuntime
};

struct KindNames {
  std::string_view type;     // of the message of a resource
  std::string_view service;  // as it is called in short
  std::string_view state;    // the method of the state of the world
  std::string_view delta;
  std::string_view rest;  // the path
};

inline constexpr std::array<KindNames, 8> kKinds = {{
    {"envoy.config.cluster.v3.Cluster", "cds", "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters",
     "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters", "/v3/discovery:clusters"},
    {"envoy.config.endpoint.v3.ClusterLoadAssignment", "eds",
     "/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints",
     "/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints", "/v3/discovery:endpoints"},
    {"envoy.config.listener.v3.Listener", "lds", "/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners",
     "/envoy.service.listener.v3.ListenerDiscoveryService/DeltaListeners", "/v3/discovery:listeners"},
    {"envoy.config.route.v3.ScopedRouteConfiguration", "srds",
     "/envoy.service.route.v3.ScopedRoutesDiscoveryService/StreamScopedRoutes",
     "/envoy.service.route.v3.ScopedRoutesDiscoveryService/DeltaScopedRoutes", "/v3/discovery:scoped-routes"},
    {"envoy.config.route.v3.RouteConfiguration", "rds", "/envoy.service.route.v3.RouteDiscoveryService/StreamRoutes",
     "/envoy.service.route.v3.RouteDiscoveryService/DeltaRoutes", "/v3/discovery:routes"},
    {"envoy.extensions.transport_sockets.tls.v3.Secret", "sds",
     "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets",
     "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets", "/v3/discovery:secrets"},
    {"envoy.config.core.v3.TypedExtensionConfig", "ecds",
     "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs",
     "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/DeltaExtensionConfigs",
     "/v3/discovery:extension_configs"},
    {"envoy.service.runtime.v3.Runtime", "rtds", "/envoy.service.runtime.v3.RuntimeDiscoveryService/StreamRuntime",
     "/envoy.service.runtime.v3.RuntimeDiscoveryService/DeltaRuntime", "/v3/discovery:runtime"},
}};

constexpr const KindNames& NamesOf(Kind kind) { return kKinds[static_cast<size_t>(kind)]; }

}  // namespace pillion::xds
