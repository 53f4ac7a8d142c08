#include "source/admin/live_hosts.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "envoy/config/endpoint/v3/endpoint.pb.h"

namespace pillion::admin {
namespace {

HostView At(const std::string& ip, const std::string& zone, uint32_t priority) {
  HostView host;
  host.address = config::SocketAddress{.ip = ip, .port = 80};
  host.locality = {.region = "", .zone = zone, .sub_zone = ""};
  host.priority = priority;
  return host;
}

std::string Text(const ClusterView& cluster) {
  envoy::config::endpoint::v3::ClusterLoadAssignment assignment;
  EXPECT_TRUE(LiveHosts(cluster).UnpackTo(&assignment));
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  std::string text;
  printer.PrintToString(assignment, &text);
  return text;
}

TEST(LiveHosts, ByPriorityAndLocality) {
  ClusterView cluster{.name = "a"};
  EXPECT_EQ(Text(cluster), "cluster_name: \"a\" ");
  cluster.eds_service_name = "a.prod";
  cluster.hosts = {At("10.0.0.1", "x", 0), At("10.0.0.2", "y", 0), At("10.0.0.3", "x", 0), At("10.0.0.4", "x", 1)};
  cluster.hosts[0].hostname = "one.test";
  cluster.hosts[0].additional_addresses = {config::SocketAddress{.ip = "::1", .is_ipv6 = true, .port = 81}};
  cluster.hosts[1].weight = 7;
  cluster.hosts[1].failures = {"failed_active_hc", "failed_eds_health"};
  cluster.hosts[2].failures = {"eds_status_draining"};
  cluster.hosts[3].failures = {"degraded_eds_health"};
  cluster.hosts[3].address = config::UnixPath{.path = "/run/a", .mode = {}};
  const auto ip = [](const std::string& text) {
    return "address { socket_address { address: \"" + text + "\" port_value: 80 } } ";
  };
  EXPECT_EQ(Text(cluster),
            "cluster_name: \"a.prod\" endpoints { locality { zone: \"x\" } "
            "lb_endpoints { endpoint { " + ip("10.0.0.1") + "hostname: \"one.test\" additional_addresses { address { "
            "socket_address { address: \"::1\" port_value: 81 } } } } health_status: HEALTHY load_balancing_weight { value: 1 } } "
            "lb_endpoints { endpoint { " + ip("10.0.0.3") + "} health_status: DRAINING load_balancing_weight { value: 1 } } } "
            "endpoints { locality { zone: \"y\" } lb_endpoints { endpoint { " + ip("10.0.0.2") +
            "} health_status: UNHEALTHY load_balancing_weight { value: 7 } } } "
            "endpoints { locality { zone: \"x\" } lb_endpoints { endpoint { address { pipe { path: \"/run/a\" } } } "
            "health_status: DEGRADED load_balancing_weight { value: 1 } } priority: 1 } ");
}

}  // namespace
}  // namespace pillion::admin
