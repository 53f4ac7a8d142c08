// Clusters of type ORIGINAL_DST: hosts are where connections, or their requests, were meant to go.

#include <gtest/gtest.h>

#include "test/unit/proxy/filter_chain_fixture.h"

namespace pillion::test {
namespace {

constexpr char kOriginalDst[] = "type: ORIGINAL_DST\nlb_policy: CLUSTER_PROVIDED\n";

// A listener of the test at the address that connections were meant for.
std::unique_ptr<PeerListener> ListenAt(ProxyWorld& world, const net::Address& address) {
  return std::make_unique<PeerListener>(world.simulation().network(), world.simulation().loop(1), address);
}

TEST(OriginalDstCluster, GoesWhereTheConnectionWasMeantToGo) {
  ProxyWorld world({.listener = Filters(ListenerFilter("original_dst")),
                    .cluster = kOriginalDst,
                    .listener_log = "%UPSTREAM_HOST% %RESPONSE_FLAGS%",
                    .tcp = true,
                    .hosts = 0});
  const net::Address meant = *net::Address::Ip("10.9.9.9", 8080);
  const std::unique_ptr<PeerListener> server = ListenAt(world, meant);
  world.listener_faults().original_destination = meant;
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("hello");
  world.Run();
  EXPECT_EQ(server->peer(0).Take(), "hello");
  client->Reset();
  world.Run();
  EXPECT_EQ(world.TakeListenerLog(), Lines{"10.9.9.9:8080 -"});
  world.listener_faults().original_destination = std::nullopt;  // was not redirected
  EXPECT_EQ(Answer(world, "x"), "");
  EXPECT_EQ(world.stat("cluster.app.original_dst_host_invalid"), 1);
  EXPECT_EQ(world.TakeListenerLog(), Lines{"- UH"});
}

TEST(OriginalDstCluster, AFieldSaysWhereTo) {
  ProxyWorld world(
      {.cluster =
           std::string(kOriginalDst) +
           "original_dst_lb_config: {use_http_header: true, http_header_name: X-Meant}\ncleanup_interval: 1s",
       .hosts = 0});
  const std::unique_ptr<PeerListener> server = ListenAt(world, *net::Address::Ip("10.9.9.9", 8080));
  const std::unique_ptr<Peer> client = world.Connect();
  const auto ask = [&](const std::string& field) {
    client->Send("GET / HTTP/1.1\r\nhost: h\r\n" + field + "\r\n");
    world.Run();
  };
  ask("x-meant: 10.9.9.9:8080\r\n");
  EXPECT_TRUE(server->peer(0).Take().starts_with("GET / HTTP/1.1\r\n"));
  server->peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  world.Run();
  EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 200"));
  for (const char* wrong : {"x-meant: nowhere:80\r\n", "x-meant: 10.9.9.9\r\n", "x-meant: 10.9.9.9:0\r\n", ""}) {
    ask(wrong);
    EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 503")) << wrong;
  }
  EXPECT_EQ(world.stat("cluster.app.original_dst_host_invalid"), 4);
  EXPECT_EQ(world.stat("cluster.app.upstream_cx_active"), 1);
  world.Wait(2500);  // nobody asks for it any more: its idle connection goes
  EXPECT_EQ(world.stat("cluster.app.upstream_cx_active"), 0);
}

TEST(OriginalDstCluster, AnotherPort) {
  ProxyWorld world(
      {.listener = Filters(ListenerFilter("original_dst")),
       .cluster = std::string(kOriginalDst) + "original_dst_lb_config: {upstream_port_override: 9000}",
       .tcp = true,
       .hosts = 0});
  const std::unique_ptr<PeerListener> server = ListenAt(world, *net::Address::Ip("10.9.9.9", 9000));
  world.listener_faults().original_destination = net::Address::Ip("10.9.9.9", 8080);
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("hello");
  world.Run();
  EXPECT_EQ(server->peer(0).Take(), "hello");
}

}  // namespace
}  // namespace pillion::test
