// The access log of a listener: a line for each connection when it is over.

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using Lines = std::vector<std::string>;

constexpr char kFormat[] =
    "%PROTOCOL% %RESPONSE_FLAGS% %CONNECTION_TERMINATION_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS% %UPSTREAM_HOST%";
constexpr char kDirect[] = "GET /direct HTTP/1.1\r\nhost: h\r\n\r\n";

TEST(ListenerLog, ALineWhenTheConnectionEnds) {
  ProxyWorld world({.listener_log = kFormat});
  const std::unique_ptr<Peer> client = world.Connect();
  size_t sent = 0;
  size_t got = 0;
  for (int i = 0; i < 3; ++i) {
    client->Send(kDirect);
    world.Run();
    sent += sizeof kDirect - 1;
    got += client->Take().size();
  }
  world.Wait(1500);
  EXPECT_EQ(world.TakeLog().size(), 3u);
  EXPECT_EQ(world.TakeListenerLog(), Lines{});
  client->EndSending();
  world.Run();
  EXPECT_EQ(world.TakeListenerLog(), Lines{"HTTP/1.1 - - " + std::to_string(sent) + " " + std::to_string(got) +
                                           " 1500 127.0.0.1 10.0.0.1:80 -"});
  EXPECT_EQ(world.TakeLog(), Lines{});
}

TEST(ListenerLog, AConnectionWithoutARequestHasOneToo) {
  ProxyWorld world({.listener_log = kFormat});
  world.Connect()->Close();
  world.Run();
  EXPECT_EQ(world.TakeListenerLog(), Lines{"- - - 0 0 0 127.0.0.1 10.0.0.1:80 -"});
}

TEST(ListenerLog, SaysWhyWeEndedIt) {
  ProxyWorld world({.hcm = "common_http_protocol_options: {max_connection_duration: 2s}\ndrain_timeout: 0.1s",
                    .listener_log = "%RESPONSE_FLAGS% %CONNECTION_TERMINATION_DETAILS% %DURATION%"});
  const std::unique_ptr<Peer> client = world.Connect();
  world.Wait(2100);
  EXPECT_TRUE(client->ended());
  client->Close();
  world.Run();
  const std::unique_ptr<Peer> bad = world.Connect();
  bad->Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame, ever");
  world.Wait(1000);
  EXPECT_EQ(world.TakeListenerLog(),
            (Lines{"DT duration_timeout 2100", "DPE PROTOCOL_ERROR 1000"}));
}

TEST(ListenerLog, ListenerFiltersRefuseAndWait) {
  ProxyWorld world(
      {.listener = "listener_filters_timeout: 3s\nlistener_filters: [{name: p, typed_config: {\"@type\": type.googleapis.com/"
                   "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}}]",
       .listener_log = "%RESPONSE_FLAGS% %DURATION% %BYTES_RECEIVED% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"});
  const std::unique_ptr<Peer> bad = world.Connect();
  bad->Send("PROXY TCP4 nobody\r\n");
  world.Run();
  EXPECT_TRUE(bad->ended());
  EXPECT_EQ(world.TakeListenerLog(), Lines{"- 0 0 127.0.0.1"});
  const std::unique_ptr<Peer> slow = world.Connect();
  world.Wait(3000);
  EXPECT_TRUE(slow->ended());
  EXPECT_EQ(world.TakeListenerLog(), Lines{"- 3000 0 127.0.0.1"});
  const std::unique_ptr<Peer> gone = world.Connect();
  world.Wait(50);
  gone->Close();
  world.Run();
  EXPECT_EQ(world.TakeListenerLog(), Lines{"- 50 0 127.0.0.1"});
  EXPECT_EQ(world.TakeLog(), Lines{});
}

TEST(ListenerLog, TcpConnectionsTellWhereTheyWent) {
  ProxyWorld world({.listener_log = kFormat, .tcp = true});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("hello");
  world.Run();
  world.upstream().peer(0).Send("bye");
  world.upstream().peer(0).EndSending();
  client->EndSending();
  world.Run();
  EXPECT_EQ(client->Take(), "bye");
  EXPECT_EQ(world.TakeLog().size(), 1u);
  EXPECT_EQ(world.TakeListenerLog(), Lines{"- - - 5 3 0 127.0.0.1 10.0.0.1:80 10.0.1.1:80"});
}

}  // namespace
}  // namespace pillion::test
