// What is counted of a route and of a virtual host's named requests.

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

// One request, answered with that status by whoever is asked.
void Exchange(ProxyWorld& world, const std::string& path, const std::string& status) {
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n\r\n");
  world.Run();
  for (size_t i = 0; i < world.upstream().size(); ++i) {
    Peer& upstream = world.upstream().peer(i);
    if (!upstream.Take().empty()) upstream.Send("HTTP/1.1 " + status + " X\r\ncontent-length: 0\r\n\r\n");
    world.Run();
  }
}

TEST(RouteStats, OfARoute) {
  ProxyWorld world({.route = "retry_policy: {retry_on: 5xx, num_retries: 1}", .entry = "stat_prefix: one"});
  Exchange(world, "/", "200");
  Exchange(world, "/", "404");
  Exchange(world, "/direct", "");
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  world.Run();
  for (int i = 0; i < 2; ++i) {
    world.upstream().peer(0).Send("HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n");
    world.Run();
    world.Wait(25);
  }
  EXPECT_TRUE(client->received().starts_with("HTTP/1.1 503")) << client->received();
  EXPECT_EQ(world.stat("vhost.all.route.one.upstream_rq_total"), 4);
  EXPECT_EQ(world.stat("vhost.all.route.one.upstream_rq_completed"), 3);
  EXPECT_EQ(world.stat("vhost.all.route.one.upstream_rq_2xx"), 1);
  EXPECT_EQ(world.stat("vhost.all.route.one.upstream_rq_4xx"), 1);
  EXPECT_EQ(world.stat("vhost.all.route.one.upstream_rq_5xx"), 1);
  EXPECT_EQ(world.stat("vhost.all.route.one.upstream_rq_retry"), 1);
  EXPECT_EQ(world.stat("vhost.all.route.one.upstream_rq_retry_limit_exceeded"), 1);
  EXPECT_EQ(world.stat("vhost.all.route.one.upstream_rq_retry_success"), 0);
}

// By what the request was before its route changed it.
TEST(RouteStats, OfAVirtualHost) {
  ProxyWorld world({.route = "prefix_rewrite: /new/",
                    .virtual_host = "virtual_clusters: [{name: a, headers: [{name: \":path\", string_match: {prefix: /a}}]}, "
                                    "{name: get, headers: [{name: \":method\", string_match: {exact: GET}}, "
                                    "{name: \":path\", string_match: {prefix: /g}}]}]"});
  Exchange(world, "/a", "200");
  Exchange(world, "/g", "200");
  Exchange(world, "/g", "500");
  Exchange(world, "/x", "200");
  EXPECT_EQ(world.stat("vhost.all.vcluster.a.upstream_rq_2xx"), 1);
  EXPECT_EQ(world.stat("vhost.all.vcluster.get.upstream_rq_2xx"), 1);
  EXPECT_EQ(world.stat("vhost.all.vcluster.get.upstream_rq_5xx"), 1);
  EXPECT_EQ(world.stat("vhost.all.vcluster.other.upstream_rq_total"), 1);
}

TEST(RouteStats, Timeouts) {
  ProxyWorld world({.route = "timeout: 1s", .entry = "stat_prefix: one"});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  world.Run();
  world.Wait(1000);
  EXPECT_TRUE(client->received().starts_with("HTTP/1.1 504")) << client->received();
  EXPECT_EQ(world.stat("vhost.all.route.one.upstream_rq_timeout"), 1);
  EXPECT_EQ(world.stat("vhost.all.route.one.upstream_rq_5xx"), 1);
}

}  // namespace
}  // namespace pillion::test
