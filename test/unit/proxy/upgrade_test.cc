// Upgrades and CONNECT where one side or both speak HTTP/2 (RFC 8441).

#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

constexpr char kAllowed[] = "http2_protocol_options: {allow_connect: true}\nupgrade_configs: [{upgrade_type: websocket}]";

Fields ExtendedConnect(std::string_view protocol = "websocket") {
  return {{":method", "CONNECT"}, {":protocol", std::string(protocol)}, {":scheme", "http"}, {":authority", "h.test"},
          {":path", "/chat"}};
}

class UpgradeTest : public Http2Test {};

TEST_F(UpgradeTest, Http2DownToHttp1Up) {
  Start({.hcm = kAllowed});
  EXPECT_EQ(Exchange(HeadersFrame(1, ExtendedConnect(), kEndHeaders)), "");
  EXPECT_EQ(upstream1().Take(),
            "GET /chat HTTP/1.1\r\nhost: h.test\r\nx-forwarded-proto: http\r\nx-envoy-expected-rq-timeout-ms: 15000\r\n"
            "connection: upgrade\r\nupgrade: websocket\r\n\r\n");
  upstream1().Send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-b: 1\r\n\r\nhello");
  world_->Run();
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 x-b=1\nDATA 1 hello\n");
  EXPECT_EQ(Exchange(DataFrame(1, "from client")), "");
  EXPECT_EQ(upstream1().Take(), "from client");
  // Each direction ends on its own.
  EXPECT_EQ(Exchange(DataFrame(1, "", kEndStream)), "");
  EXPECT_TRUE(upstream1().ended());
  upstream1().Send("bye");
  upstream1().EndSending();
  world_->Run();
  EXPECT_EQ(client_->Take(), "DATA 1 bye end\n");
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET /chat HTTP/2 101 - via_upstream 11 8 0"});
  EXPECT_EQ(world_->stat("http.in.downstream_cx_upgrades_total"), 1);
}

TEST_F(UpgradeTest, Http1DownToHttp2Up) {
  Start({.hcm = kAllowed, .http2_upstream = true});
  std::unique_ptr<Peer> client = world_->Connect();
  client->Send("GET /chat HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n");
  world_->Run();
  upstream2();
  EXPECT_EQ(upstream2().Take(),
            "HEADERS 1 :method=CONNECT :protocol=websocket :scheme=http :path=/chat :authority=h sec-websocket-version=13\n");
  EXPECT_EQ(ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + DataFrame(1, "hello")), "");
  const std::string got = client->Take();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << got;
  EXPECT_TRUE(got.ends_with("connection: upgrade\r\nupgrade: websocket\r\n\r\nhello")) << got;
  client->Send("more");
  client->EndSending();
  world_->Run();
  EXPECT_EQ(upstream2().Take(), "DATA 1 more end\n");
  ExchangeUp(DataFrame(1, "bye", kEndStream));
  EXPECT_EQ(client->Take(), "bye");
  EXPECT_TRUE(client->ended());
}

TEST_F(UpgradeTest, Http2OnBothSides) {
  Start({.hcm = kAllowed, .http2_upstream = true});
  EXPECT_EQ(Exchange(HeadersFrame(1, ExtendedConnect(), kEndHeaders)), "");
  upstream2();
  EXPECT_EQ(upstream2().Take(), "HEADERS 1 :method=CONNECT :protocol=websocket :scheme=http :path=/chat :authority=h.test\n");
  ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + DataFrame(1, "a"));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nDATA 1 a\n");
  EXPECT_EQ(Exchange(ResetFrame(1, 8)), "");
  EXPECT_EQ(upstream2().Take(), "RST_STREAM 1 CANCEL\n");
}

// Refused, by us and by upstream; the connection serves others still.
TEST_F(UpgradeTest, Refused) {
  Start({.hcm = kAllowed});
  EXPECT_EQ(Exchange(HeadersFrame(1, ExtendedConnect("other"), kEndHeaders)),
            "HEADERS 1 :status=403 end\nRST_STREAM 1 NO_ERROR\n");
  EXPECT_EQ(Exchange(HeadersFrame(3, ExtendedConnect(), kEndHeaders) + DataFrame(3, "early")), "");
  upstream1().Send("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno");
  world_->Run();
  EXPECT_EQ(client_->Take(), "HEADERS 3 :status=404 content-length=2\nDATA 3 no end\nRST_STREAM 3 NO_ERROR\n");
  EXPECT_EQ(Exchange(DataFrame(3, "late")), "");
  EXPECT_EQ(Exchange(HeadersFrame(5, {{":method", "GET"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/direct"}})),
            "HEADERS 5 :status=200 content-length=6 content-type=text/plain\nDATA 5 direct end\n");
  EXPECT_EQ(world_->stat("http.in.downstream_rq_active"), 0);
}

// A 200 without a switch would be one to the client (RFC 8441, 5).
TEST_F(UpgradeTest, Http1AnswerWithoutASwitch) {
  Start({.hcm = kAllowed});
  Exchange(HeadersFrame(1, ExtendedConnect(), kEndHeaders));
  upstream1().Send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  world_->Run();
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=502 end\nRST_STREAM 1 NO_ERROR\n");
  EXPECT_EQ(world_->TakeLog(), std::vector<std::string>{"GET /chat HTTP/2 502 UPE upgrade_not_switched 0 0 0"});
}

// Where it is not offered it is malformed (H45), and so is one that lacks something.
TEST_F(UpgradeTest, Malformed) {
  Start({.hcm = "upgrade_configs: [{upgrade_type: websocket}]"});
  EXPECT_EQ(Exchange(HeadersFrame(1, ExtendedConnect(), kEndHeaders)), "RST_STREAM 1 PROTOCOL_ERROR\n");
  TearDown();
  Start({.hcm = kAllowed});
  uint32_t id = 1;
  for (const Fields& fields :
       {Fields{{":method", "GET"}, {":protocol", "websocket"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}},
        Fields{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":path", "/"}, {"host", "h"}},
        Fields{{":method", "CONNECT"}, {":protocol", "websocket"}, {":authority", "h"}, {":path", "/"}},
        Fields{{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":authority", "h"}},
        Fields{{":method", "CONNECT"}, {":protocol", "a b"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}}}) {
    EXPECT_EQ(Exchange(HeadersFrame(id, fields, kEndHeaders)), "RST_STREAM " + std::to_string(id) + " PROTOCOL_ERROR\n");
    id += 2;
  }
  EXPECT_EQ(world_->upstream().size(), 0u);
}

constexpr char kConnectRoute[] = "- {match: {connect_matcher: {}}, route: {cluster: app, prefix_rewrite: /x}}";

TEST_F(UpgradeTest, ConnectOfHttp2) {
  Start({.hcm = "upgrade_configs: [{upgrade_type: CONNECT}]", .first_routes = kConnectRoute});
  EXPECT_EQ(Exchange(HeadersFrame(1, {{":method", "CONNECT"}, {":authority", "db.test:5432"}}, kEndHeaders)), "");
  EXPECT_TRUE(upstream1().Take().starts_with("CONNECT db.test:5432 HTTP/1.1\r\nhost: db.test:5432\r\n"));
  upstream1().Send("HTTP/1.1 200 OK\r\n\r\nhi");
  world_->Run();
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200\nDATA 1 hi\n");
  Exchange(DataFrame(1, "ho", kEndStream));
  EXPECT_EQ(upstream1().Take(), "ho");
  EXPECT_TRUE(upstream1().ended());
}

TEST_F(UpgradeTest, ConnectToHttp2) {
  Start({.hcm = "upgrade_configs: [{upgrade_type: CONNECT}]", .first_routes = kConnectRoute, .http2_upstream = true});
  std::unique_ptr<Peer> client = world_->Connect();
  client->Send("CONNECT db.test:5432 HTTP/1.1\r\nhost: db.test:5432\r\n\r\n");
  world_->Run();
  upstream2();
  EXPECT_EQ(upstream2().Take(), "HEADERS 1 :method=CONNECT :authority=db.test:5432\n");
  ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + DataFrame(1, "hi"));
  EXPECT_TRUE(client->Take().ends_with("\r\n\r\nhi"));
  client->Send("ho");
  world_->Run();
  EXPECT_EQ(upstream2().Take(), "DATA 1 ho\n");
}

constexpr char kEndedRoute[] =
    "- {match: {connect_matcher: {}}, route: {cluster: app, upgrade_configs: [{upgrade_type: CONNECT, connect_config: {}}]}}";

// A CONNECT that ends here, of HTTP/2: several travel on one connection, each has one of its own upstream.
TEST_F(UpgradeTest, EndedConnectOfHttp2) {
  Start({.hcm = "upgrade_configs: [{upgrade_type: CONNECT}]", .first_routes = kEndedRoute});
  const Fields connect = {{":method", "CONNECT"}, {":authority", "db.test:5432"}};
  EXPECT_EQ(Exchange(HeadersFrame(1, connect, kEndHeaders) + DataFrame(1, "early")), "HEADERS 1 :status=200\n");
  EXPECT_EQ(Exchange(HeadersFrame(3, connect, kEndHeaders)), "HEADERS 3 :status=200\n");
  EXPECT_EQ(upstream1(0).Take(), "early");
  EXPECT_EQ(upstream1(1).Take(), "");
  upstream1(0).Send("hello");
  world_->Run();
  EXPECT_EQ(client_->Take(), "DATA 1 hello\n");
  EXPECT_EQ(Exchange(DataFrame(1, "bye", kEndStream)), "");
  EXPECT_EQ(upstream1(0).Take(), "bye");
  EXPECT_TRUE(upstream1(0).ended());
  upstream1(0).EndSending();
  EXPECT_EQ(Exchange(ResetFrame(3, 8)), "DATA 1  end\n");
  EXPECT_TRUE(upstream1(1).error() != 0);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
  EXPECT_EQ(world_->stat("cluster.app.upstream_cx_active"), 0);
}

// A reader that is too slow stops whoever sends, in either direction, and loses nothing.
TEST_F(UpgradeTest, EndedConnectWaitsForReaders) {
  Start({.hcm = "upgrade_configs: [{upgrade_type: CONNECT}]", .first_routes = kEndedRoute});
  std::unique_ptr<Peer> client = world_->Connect();
  client->Send("CONNECT db.test:5432 HTTP/1.1\r\nhost: db.test:5432\r\n\r\n");
  world_->Run();
  client->Take();
  const std::string much(3 << 20, 'x');
  upstream1().StopReading();
  client->Send(much);
  world_->Run();
  EXPECT_LT(upstream1().received().size(), much.size());
  upstream1().ReadAgain();
  world_->Run();
  EXPECT_EQ(upstream1().Take(), much);
  client->StopReading();
  upstream1().Send(much);
  world_->Run();
  EXPECT_LT(client->received().size(), much.size());
  client->ReadAgain();
  world_->Run();
  EXPECT_EQ(client->Take(), much);
}

}  // namespace
}  // namespace pillion::test
