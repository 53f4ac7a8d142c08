#include "source/admin/live_hosts.h"

#include <map>
#include <tuple>

#include "envoy/config/endpoint/v3/endpoint.pb.h"

namespace pillion::admin {
namespace {

namespace v3 = envoy::config::endpoint::v3;
namespace core = envoy::config::core::v3;

void Write(const config::Address& address, core::Address& to) {
  if (const auto* socket = std::get_if<config::SocketAddress>(&address)) {
    to.mutable_socket_address()->set_address(socket->ip);
    to.mutable_socket_address()->set_port_value(socket->port);
  } else if (const auto* internal = std::get_if<config::InternalAddress>(&address)) {
    to.mutable_envoy_internal_address()->set_server_listener_name(internal->listener);
    to.mutable_envoy_internal_address()->set_endpoint_id(internal->endpoint_id);
  } else {
    to.mutable_pipe()->set_path(std::get<config::UnixPath>(address).path);
  }
}

core::HealthStatus HealthOf(const HostView& host) {
  for (const std::string& failure : host.failures) {
    if (failure == "failed_eds_health") return core::UNHEALTHY;
    if (failure == "eds_status_draining") return core::DRAINING;
    if (failure == "degraded_eds_health") return core::DEGRADED;
  }
  return core::HEALTHY;
}

void Write(const HostView& host, v3::LbEndpoint& to) {
  v3::Endpoint& endpoint = *to.mutable_endpoint();
  Write(host.address, *endpoint.mutable_address());
  endpoint.set_hostname(host.hostname);
  for (const config::Address& address : host.additional_addresses) {
    Write(address, *endpoint.add_additional_addresses()->mutable_address());
  }
  to.set_health_status(HealthOf(host));
  to.mutable_load_balancing_weight()->set_value(host.weight);
}

}  // namespace

google::protobuf::Any LiveHosts(const ClusterView& cluster) {
  v3::ClusterLoadAssignment assignment;
  assignment.set_cluster_name(AssignmentName(cluster));
  std::map<std::tuple<uint32_t, std::string, std::string, std::string>, v3::LocalityLbEndpoints*> groups;
  for (const HostView& host : cluster.hosts) {
    const config::Locality& at = host.locality;
    v3::LocalityLbEndpoints*& group = groups[{host.priority, at.region, at.zone, at.sub_zone}];
    if (group == nullptr) {
      group = assignment.add_endpoints();
      group->set_priority(host.priority);
      group->mutable_locality()->set_region(at.region);
      group->mutable_locality()->set_zone(at.zone);
      group->mutable_locality()->set_sub_zone(at.sub_zone);
    }
    Write(host, *group->add_lb_endpoints());
  }
  google::protobuf::Any any;
  any.PackFrom(assignment);
  return any;
}

}  // namespace pillion::admin
