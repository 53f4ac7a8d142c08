// A resource after another version of it: what did not change is shared, and one that is bad harms nothing.

#include <gtest/gtest.h>

#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "source/config/resources.h"
#include "source/config/route.h"
#include "test/unit/config/pushed.h"

namespace pillion::config {
namespace {

using RoutesMessage = envoy::config::route::v3::RouteConfiguration;
using AssignmentMessage = envoy::config::endpoint::v3::ClusterLoadAssignment;
using google::protobuf::Any;

// A refused resource has no effect on the next one, nor on what was there.
TEST(ResourcesTest, OneBadResourceHarmsNothing) {
  const Process process;
  const Any good = Resource<RoutesMessage>("{name: r, virtual_hosts: [{name: v, domains: [a], routes: [{match: {prefix: /}, redirect: {}}]}]}");
  const auto before = process.resources->BuildRoutes(good);
  ASSERT_NE(before.part, nullptr);
  const auto bad = process.resources->BuildRoutes(
      Resource<RoutesMessage>("{name: r, virtual_hosts: [{name: v, domains: [a], routes: [{match: {prefix: /}, redirect: {}}, {match: {prefix: /x}}]}]}"),
      {&good, before.part});
  EXPECT_EQ(bad.part, nullptr);
  EXPECT_EQ(before.part->virtual_hosts.at(0)->routes.size(), 1u);
  const auto after = process.resources->BuildRoutes(good, {&good, before.part});
  ASSERT_NE(after.part, nullptr);
  EXPECT_EQ(after.part->virtual_hosts.at(0), before.part->virtual_hosts.at(0));
}

std::string Hosts(const std::string& first, const std::string& second) {
  return "virtual_hosts: [{name: one, domains: [a], routes: [" + first + "]}, {name: two, domains: [b], routes: [" + second + "]}]";
}

std::string ToPath(const std::string& path) { return "{match: {path: " + path + "}, direct_response: {status: 200, body: {inline_string: abc}}}"; }

TEST(ResourcesTest, RoutesThatDidNotChangeAreShared) {
  const Process process;
  const auto build = [&](const Any& resource, const Earlier<RouteConfig>& earlier = {}) {
    const auto judged = process.resources->BuildRoutes(resource, earlier);
    EXPECT_EQ(Text(judged.errors), "");
    return judged.part;
  };
  const auto path_of = [](const RouteConfig& table, size_t host, size_t route) { return table.virtual_hosts[host]->routes[route]->match.path; };
  const std::string a = ToPath("/a"), b = ToPath("/b"), c = ToPath("/c"), d = ToPath("/d"), e = ToPath("/e");
  const Any first = Resource<RoutesMessage>("{name: r, " + Hosts(a + "," + b + "," + c, d) + "}");
  const auto one = build(first);
  ASSERT_NE(one, nullptr);

  // One changed, one new, one moved, one gone.
  const Any second = Resource<RoutesMessage>("{name: r, " + Hosts(c + "," + a + "," + e, d) + "}");
  const auto two = build(second, {&first, one});
  ASSERT_NE(two, nullptr);
  EXPECT_EQ(two->virtual_hosts[1], one->virtual_hosts[1]);
  ASSERT_NE(two->virtual_hosts[0], one->virtual_hosts[0]);
  EXPECT_EQ(two->virtual_hosts[0]->routes[0], one->virtual_hosts[0]->routes[2]);
  EXPECT_EQ(two->virtual_hosts[0]->routes[1], one->virtual_hosts[0]->routes[0]);
  EXPECT_EQ(path_of(*two, 0, 0), "/c");
  EXPECT_EQ(path_of(*two, 0, 1), "/a");
  EXPECT_EQ(path_of(*two, 0, 2), "/e");

  // What the table says of all hosts: they don't depend on it, but for how much a body may be.
  const Any third = Resource<RoutesMessage>("{name: r, ignore_port_in_host_matching: true, " + Hosts(c + "," + a + "," + e, d) + "}");
  const auto three = build(third, {&second, two});
  ASSERT_NE(three, nullptr);
  EXPECT_TRUE(three->ignore_port_in_host_matching);
  EXPECT_EQ(three->virtual_hosts[0], two->virtual_hosts[0]);
  EXPECT_EQ(Text(process.resources->BuildRoutes(
                     Resource<RoutesMessage>("{name: r, max_direct_response_body_size_bytes: 2, " + Hosts(a, d) + "}"), {&third, three}).errors),
            "virtual_hosts[0].routes[0].direct_response.body.inline_string: 3 bytes, expected at most 2; "
            "virtual_hosts[1].routes[0].direct_response.body.inline_string: 3 bytes, expected at most 2");

  // What is shared must still go with the rest.
  EXPECT_EQ(Text(process.resources->BuildRoutes(
                     Resource<RoutesMessage>("{name: r, virtual_hosts: [{name: two, domains: [b], routes: [" + d + "]}, {name: x, domains: [b]}]}"),
                     {&third, three}).errors),
            "virtual_hosts[1].domains[0]: duplicate domain \"b\"");
}

TEST(ResourcesTest, EndpointsThatDidNotChangeAreTakenOver) {
  const Process process;
  const auto endpoint = [](int number, const std::string& more = "") {
    return "{endpoint: {address: {socket_address: {address: 10.0.0." + std::to_string(number) +
           ", port_value: 80}}}, metadata: {filter_metadata: {envoy.lb: {n: 1}}}" + more + "}";
  };
  const auto build = [&](const Any& resource, const Earlier<Assignment>& earlier = {}) {
    const auto judged = process.resources->BuildAssignment(resource, earlier);
    EXPECT_EQ(Text(judged.errors), "");
    return judged.part;
  };
  const auto assignment = [](const std::string& groups, const std::string& more = "") {
    return Resource<AssignmentMessage>("{cluster_name: a, endpoints: [" + groups + "]" + more + "}");
  };
  const std::string zone = "locality: {zone: x}, lb_endpoints: ";
  const Any first = assignment("{" + zone + "[" + endpoint(1) + "," + endpoint(2) + "]}, {priority: 1, lb_endpoints: [" + endpoint(3) + "]}");
  const auto one = build(first);
  ASSERT_NE(one, nullptr);
  ASSERT_EQ(one->endpoints.size(), 3u);

  // In groups that changed places; one endpoint has changed, one is new.
  const Any second = assignment("{priority: 1, lb_endpoints: [" + endpoint(4) + "," + endpoint(3) + "]}, {" + zone + "[" + endpoint(1) + "," +
                                endpoint(2, ", health_status: DRAINING") + "]}");
  const auto two = build(second, {&first, one});
  ASSERT_NE(two, nullptr);
  ASSERT_EQ(two->endpoints.size(), 4u);
  const auto ip = [&](size_t i) { return std::get<SocketAddress>(std::get<Address>(two->endpoints[i].target)).ip; };
  EXPECT_EQ(ip(0), "10.0.0.4");
  EXPECT_EQ(ip(1), "10.0.0.3");
  EXPECT_EQ(two->endpoints[1].metadata, one->endpoints[2].metadata);  // the very same
  EXPECT_EQ(two->endpoints[1].priority, 1u);
  EXPECT_EQ(ip(2), "10.0.0.1");
  EXPECT_EQ(two->endpoints[2].metadata, one->endpoints[0].metadata);
  EXPECT_EQ(two->endpoints[2].locality.zone, "x");
  EXPECT_NE(two->endpoints[3].metadata, one->endpoints[1].metadata);
  EXPECT_EQ(two->endpoints[3].health, EndpointHealth::kDraining);

  // What an endpoint refers to.
  const Any named = assignment("{lb_endpoints: [{endpoint_name: n}]}", ", named_endpoints: {n: {address: {pipe: {path: /a}}}}");
  const auto three = build(named);
  const auto four = build(assignment("{lb_endpoints: [{endpoint_name: n}]}", ", named_endpoints: {n: {address: {pipe: {path: /b}}}}"), {&named, three});
  ASSERT_NE(four, nullptr);
  EXPECT_EQ(std::get<UnixPath>(std::get<Address>(four->endpoints.at(0).target)).path, "/b");
}

}  // namespace
}  // namespace pillion::config
