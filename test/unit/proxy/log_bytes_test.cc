// What access logs say of bytes on the wire, of when connections came about, and of how they ended.

#include <gtest/gtest.h>

#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames
using Lines = std::vector<std::string>;

constexpr char kBytes[] =
    "%DOWNSTREAM_WIRE_BYTES_RECEIVED% %DOWNSTREAM_WIRE_BYTES_SENT% %DOWNSTREAM_HEADER_BYTES_RECEIVED% %DOWNSTREAM_HEADER_BYTES_SENT% "
    "%UPSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_WIRE_BYTES_SENT% %UPSTREAM_HEADER_BYTES_RECEIVED% %UPSTREAM_HEADER_BYTES_SENT%";

std::string Number(size_t number) { return std::to_string(number); }

// Of a head of HTTP/1, its lines of fields.
size_t FieldsIn(std::string_view message) { return message.find("\r\n\r\n") - message.find("\r\n"); }

TEST(LogBytes, Http1) {
  ProxyWorld world({.filter_log = kBytes});
  const std::unique_ptr<Peer> client = world.Connect();
  const std::string request = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc";
  const std::string answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
  for (int i = 0; i < 2; ++i) {
    client->Send(request);
    world.Run();
    const std::string up = world.upstream().peer(0).Take();
    world.upstream().peer(0).Send(answer);
    world.Run();
    const std::string down = client->Take();
    EXPECT_EQ(world.TakeLog(), Lines{Number(request.size()) + " " + Number(down.size()) + " 26 " + Number(FieldsIn(down)) + " " +
                                     Number(answer.size()) + " " + Number(up.size()) + " 18 " + Number(FieldsIn(up))});
  }
}

TEST(LogBytes, AnsweredHere) {
  ProxyWorld world({.filter_log = kBytes});
  const std::unique_ptr<Peer> client = world.Connect();
  const std::string request = "GET /direct HTTP/1.1\r\nhost: h\r\n\r\n";
  // Two at once: each has its own.
  client->Send(request + request);
  world.Run();
  const std::string down = client->Take();
  const std::string line = Number(request.size()) + " " + Number(down.size() / 2) + " 8 " + Number(FieldsIn(down)) + " 0 0 0 0";
  EXPECT_EQ(world.TakeLog(), (Lines{line, line}));
}

// Of all attempts.
TEST(LogBytes, Retried) {
  ProxyWorld world({.route = "retry_policy: {retry_on: 5xx, retry_back_off: {base_interval: 0.001s}}", .filter_log = kBytes});
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  world.Run();
  const std::string failure = "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n";
  const std::string answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
  world.upstream().peer(0).Send(failure);
  world.Wait(100);
  world.upstream().peer(0).Send(answer);
  world.Run();
  const std::string up = world.upstream().peer(0).Take();
  const Lines lines = world.TakeLog();
  ASSERT_EQ(lines.size(), 1u);
  const std::string upstream = Number(failure.size() + answer.size()) + " " + Number(up.size()) + " 36 ";
  EXPECT_NE(lines[0].find(" " + upstream), std::string::npos) << lines[0];
}

class LogBytesHttp2 : public Http2Test {};

TEST_F(LogBytesHttp2, BothSides) {
  Start({.http2_upstream = true, .filter_log = kBytes});
  const std::string head = HeadersFrame(1, RequestFields({{"x-a", "b"}}, "POST"), kEndHeaders);
  const std::string data = DataFrame(1, "abc", kEndStream);
  Exchange(head + data);
  upstream2();
  const std::string answer = HeadersFrame(1, Response({{"x-b", "c"}}), kEndHeaders);
  const std::string body = DataFrame(1, "hello", kEndStream);
  client_->Take();
  ExchangeUp(answer + body);
  size_t down = 0;
  for (const SeenFrame& frame : ParseFrames(client_->peer().received())) {
    if (frame.stream_id != 0) down += 9 + frame.payload.size();
  }
  const Lines lines = world_->TakeLog();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with(Number(head.size() + data.size()) + " " + Number(down) + " " + Number(head.size()) + " " +
                                   Number(down - body.size()) + " " + Number(answer.size() + body.size()) + " "))
      << lines[0] << " " << down;
  EXPECT_NE(lines[0].find(" " + Number(answer.size()) + " "), std::string::npos) << lines[0];
}

// What waits for the client's window counts as sent: nobody logs it later.
TEST_F(LogBytesHttp2, WithoutWindow) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{.filter_log = "%BYTES_SENT% %DOWNSTREAM_WIRE_BYTES_SENT% %DOWNSTREAM_HEADER_BYTES_SENT%"});
  client_ = std::make_unique<Http2Peer>(Http2Peer::Client(world_->Connect(), SettingsFrame({{4, 2}})));
  world_->Run();
  Exchange(HeadersFrame(1, RequestFields()));
  upstream1().Send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + std::string(100, 'x'));
  world_->Run();
  const Lines lines = world_->TakeLog();
  ASSERT_EQ(lines.size(), 1u);
  const size_t head = static_cast<size_t>(std::stoul(lines[0].substr(lines[0].rfind(' ') + 1)));
  EXPECT_EQ(lines[0], "100 " + Number(head + 9 + 100) + " " + Number(head));
}

// The lines of a connection's streams come before its own, also where all of it ends in one turn.
TEST_F(LogBytesHttp2, LinesOfStreamsComeFirst) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{.listener_log = "%PROTOCOL% %DOWNSTREAM_LOCAL_CLOSE_REASON%", .filter_log = "%RESPONSE_FLAGS%"});
  client_ = std::make_unique<Http2Peer>(Http2Peer::Client(world_->Connect(), SettingsFrame()));
  Exchange(HeadersFrame(1, RequestFields()) + HeadersFrame(3, RequestFields()));
  client_->peer().Close();
  world_->Run();
  EXPECT_EQ(world_->TakeLog(), (Lines{"DC", "DC"}));
  EXPECT_EQ(world_->TakeListenerLog(), Lines{"HTTP/2 -"});
}

// --- connections -------------------------------------------------------------------------------------------------

constexpr char kEnds[] = "%DOWNSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_LOCAL_CLOSE_REASON%";

TEST(LogEnds, Http1) {
  const auto line = [](const ProxySettings& settings, auto act) {
    ProxySettings all = settings;
    all.listener_log = kEnds;
    ProxyWorld world(all);
    const std::unique_ptr<Peer> client = world.Connect();
    world.Run();
    act(world, *client);
    world.Wait(5'000);
    const Lines lines = world.TakeListenerLog();
    return lines.size() == 1 ? lines[0] : Number(lines.size()) + " lines";
  };
  EXPECT_EQ(line({}, [](ProxyWorld&, Peer& client) { client.Close(); }), "Normal -");
  EXPECT_EQ(line({}, [](ProxyWorld& world, Peer& client) {
              client.Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
              world.Run();
              client.Reset();
            }),
            "RemoteReset -");
  EXPECT_EQ(line({.hcm = "common_http_protocol_options: {idle_timeout: 1s}"},
                 [](ProxyWorld& world, Peer&) { world.Wait(2'000); }),
            "Normal on_idle_timeout");
  EXPECT_EQ(line({.hcm = "common_http_protocol_options: {max_connection_duration: 1s}\ndrain_timeout: 0.1s"},
                 [](ProxyWorld& world, Peer&) { world.Wait(2'000); }),
            "Normal duration_timeout");
  EXPECT_EQ(line({}, [](ProxyWorld&, Peer& client) {
              client.Send("GET /direct HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
            }),
            "Normal deferred_close_on_drained_connection");
}

TEST(LogEnds, Tcp) {
  constexpr char kBoth[] =
      "%DOWNSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_LOCAL_CLOSE_REASON% %UPSTREAM_DETECTED_CLOSE_TYPE% %UPSTREAM_LOCAL_CLOSE_REASON%";
  const auto line = [&](const ProxySettings& settings, auto act) {
    ProxySettings all = settings;
    all.filter_log = kBoth;
    all.tcp = true;
    ProxyWorld world(all);
    const std::unique_ptr<Peer> client = world.Connect();
    world.Run();
    act(world, *client);
    world.Wait(2'000);
    const Lines lines = world.TakeLog();
    return lines.size() == 1 ? lines[0] : Number(lines.size()) + " lines";
  };
  EXPECT_EQ(line({}, [](ProxyWorld& world, Peer& client) {
              client.EndSending();
              world.Run();
              world.upstream().peer(0).EndSending();
            }),
            "Normal - Normal -");
  EXPECT_EQ(line({}, [](ProxyWorld&, Peer& client) { client.Reset(); }), "RemoteReset - LocalReset -");
  EXPECT_EQ(line({}, [](ProxyWorld& world, Peer&) { world.upstream().peer(0).Reset(); }), "LocalReset - RemoteReset -");
  EXPECT_EQ(line({.hcm = "idle_timeout: 1s"}, [](ProxyWorld&, Peer&) {}),
            "Normal tcp_session_idle_timeout Normal tcp_session_idle_timeout");
  EXPECT_EQ(line({.hcm = "max_downstream_connection_duration: 1s"}, [](ProxyWorld&, Peer&) {}),
            "Normal max_connection_duration_reached Normal max_connection_duration_reached");
  EXPECT_EQ(line({.hosts = 0}, [](ProxyWorld&, Peer&) {}), "Normal tcp_initializion_failure:1 Normal -");
}

TEST(LogTimes, OfTheConnectionToAHost) {
  ProxyWorld world({.filter_log = "%COMMON_DURATION(DS_RX_BEG:US_CX_BEG)% %COMMON_DURATION(DS_RX_BEG:US_CX_END)% "
                                  "%COMMON_DURATION(US_CX_END:DS_TX_END)% %COMMON_DURATION(DS_RX_BEG:US_RX_BODY_BEG)%"});
  const std::unique_ptr<Peer> client = world.Connect();
  for (int i = 0; i < 2; ++i) {
    client->Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    world.Run();
    world.Wait(10);
    world.upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n");
    world.Wait(5);
    world.upstream().peer(0).Send("hi");
    world.Run();
    client->Take();
  }
  // The second request found it there.
  EXPECT_EQ(world.TakeLog(), (Lines{"0 0 15 15", "- - 30 15"}));
}

}  // namespace
}  // namespace pillion::test
