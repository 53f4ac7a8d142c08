// Connections that become tunnels, by upgrade or by CONNECT.

#include <gtest/gtest.h>

#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

// C5
TEST(ServerTunnel, SwitchesToATunnel) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nearly");
  EXPECT_EQ(server.log.Take(), "request GET http 'h' '/' HTTP/1.1 upgrade(foo)\n");
  EXPECT_EQ(server.rest, "early");
  EXPECT_FALSE(server.codec.wants_read());
  http::ResponseHead head = Head(server.last(), 101);
  head.upgrade = "foo";
  server.last().stream.SendHead(head, false);
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\n");
  EXPECT_TRUE(server.link.resumed);
  server.Pump();
  server.Feed(" and late");
  EXPECT_EQ(server.log.Take(), "data early and late\n");
  EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, "raw"), false));
  EXPECT_EQ(server.link.Take(), "raw");
  server.codec.ReceiveEnd();
  EXPECT_EQ(server.log.Take(), "end\n");
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
  EXPECT_FALSE(server.link.output_ended);
  EXPECT_TRUE(server.last().stream.SendData({}, true));
  EXPECT_TRUE(server.link.output_ended);
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
  EXPECT_EQ(server.codec.active_streams(), 0u);
}

TEST(ServerTunnel, TunnelsAnAcceptedConnect) {
  Server server;
  server.Feed("CONNECT g:1 HTTP/1.1\r\nHost: g:1\r\n\r\nearly");
  server.last().stream.SendHead(Head(server.last(), 200), false);
  EXPECT_EQ(server.link.Take(), "HTTP/1.1 200 OK\r\n\r\n");
  server.Pump();
  EXPECT_EQ(server.log.Take(), "request CONNECT http 'g:1' '' HTTP/1.1\ndata early\n");
  EXPECT_TRUE(server.last().stream.SendData(SliceOf(server.pool, "x"), true));
  EXPECT_TRUE(server.link.output_ended);
  EXPECT_EQ(server.codec.ending(), Ending::kOpen);
  server.codec.ReceiveEnd();
  EXPECT_EQ(server.codec.ending(), Ending::kClose);
}

// C6
TEST(ServerTunnel, ReadsOnBehindARefusedSwitch) {
  Server server;
  server.Feed(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nGET /2 HTTP/1.1\r\nHost: "
      "h\r\n\r\n");
  server.last().Answer(200, "no");
  server.Pump();
  EXPECT_EQ(server.log.Take(),
            "request GET http 'h' '/' HTTP/1.1 upgrade(foo)\nrequest GET http 'h' '/2' HTTP/1.1\nend\n");
  EXPECT_EQ(server.codec.active_streams(), 1u);
}

TEST(ServerTunnel, AnswersASwitchFromWithinItsEvent) {
  Server server;
  server.on_begin = [](RecordedRequest& request) {
    request.on_head = [](RecordedRequest& r) {
      http::ResponseHead head = Head(r, 101);
      head.upgrade = "foo";
      r.stream.SendHead(head, false);
    };
  };
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nearly");
  EXPECT_EQ(server.log.Take(), "request GET http 'h' '/' HTTP/1.1 upgrade(foo)\ndata early\n");
}

// RFC 9110, 15.2.2: a 101 that nobody asked for is never passed on.
TEST(ServerTunnel, DoesNotSwitchUnasked) {
  Server server;
  server.Feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  server.last().stream.SendHead(Head(server.last(), 101), false);
  EXPECT_EQ(server.link.Take(), "");
  EXPECT_EQ(server.codec.ending(), Ending::kAbort);
}

}  // namespace
}  // namespace pillion::codec::http1
