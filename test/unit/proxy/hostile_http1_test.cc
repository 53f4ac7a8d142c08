// The rows of hostile requests and responses (A to E) through the whole proxy: what the other side gets to see, the
// answer, how the connection ends, the access log and the counters. What exactly is wrong with the bytes is the
// codec's own test.

#include <gtest/gtest.h>

#include "test/unit/codec/http1/hostile_cases.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using codec::http1::HostileCase;
using codec::http1::HostileRequests;
using codec::http1::HostileResponse;
using codec::http1::HostileResponses;

size_t Count(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

// The status that the proxy must answer the broken request with; 0: it isn't broken.
int StatusOf(const HostileCase& c) {
  const size_t at = c.log.find("error ");
  return at == std::string::npos ? 0 : std::stoi(c.log.substr(at + 6, 3));
}

std::string DetailOf(const HostileCase& c) {
  const size_t at = c.log.find("error ");
  return c.log.substr(at + 10, c.log.find('\n', at) - at - 10);
}

void Send(ProxyWorld& world, Peer& peer, std::string_view bytes, bool split) {
  if (!split) {
    peer.Send(bytes);
    world.Run();
    return;
  }
  for (const char& byte : bytes) {
    peer.Send({&byte, 1});
    world.Run();
  }
}

class HostileRequest : public testing::TestWithParam<bool> {};

TEST_P(HostileRequest, IsAnsweredAndNeverReachesUpstreamWhole) {
  for (const HostileCase& c : HostileRequests()) {
    const int status = StatusOf(c);
    if (status == 0) continue;
    if (GetParam() && c.bytes.size() > 10'000) continue;  // byte by byte it is the same at every length
    SCOPED_TRACE(c.row);
    ProxyWorld world({.hcm = "codec_type: HTTP1"});
    std::unique_ptr<Peer> client = world.Connect();
    Send(world, *client, c.bytes, GetParam());

    // Each request that was complete before is answered first: here the upstream answers what it has.
    size_t answers = 0;
    for (size_t i = 0; i < world.upstream().size(); ++i) {
      Peer& upstream = world.upstream().peer(i);
      while (upstream.received().find("content-length: 0\r\n") != std::string::npos || upstream.received().find("GET ") == 0) {
        upstream.Take();
        upstream.Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        world.Run();
        ++answers;
      }
      EXPECT_EQ(Count(upstream.received(), "smuggled"), 0u);
      // What is not complete is cut short, visibly.
      EXPECT_FALSE(upstream.received().ends_with("\r\n0\r\n\r\n")) << upstream.received();
      EXPECT_TRUE(upstream.received().empty() || upstream.ended() || upstream.error() != 0);
    }

    const std::string& got = client->received();
    EXPECT_EQ(Count(got, "HTTP/1.1 "), answers + 1) << got;
    const size_t last = got.rfind("HTTP/1.1 ");
    ASSERT_NE(last, std::string::npos);
    EXPECT_EQ(got.substr(last + 9, 3), std::to_string(status));
    EXPECT_NE(got.find("connection: close\r\n", last), std::string::npos) << got;
    EXPECT_TRUE(client->ended());
    world.Wait(1000);  // delayed_close_timeout
    EXPECT_EQ(world.connections(), 0u);

    const std::vector<std::string> log = world.TakeLog();
    ASSERT_EQ(log.size(), answers + 1);
    EXPECT_NE(log.back().find(" " + std::to_string(status) + " DPE " + DetailOf(c) + " "), std::string::npos)
        << log.back();
    EXPECT_EQ(world.stat("http.in.downstream_cx_protocol_error"), 1);
    EXPECT_EQ(world.stat("http.in.downstream_rq_4xx") + world.stat("http.in.downstream_rq_5xx"), 1);
    EXPECT_EQ(world.stat("http.in.downstream_rq_active"), 0);
    EXPECT_EQ(world.stat("cluster.app.upstream_rq_active"), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(HowItComes, HostileRequest, testing::Bool(),
                         [](const auto& info) { return info.param ? "ByteByByte" : "AtOnce"; });

TEST(HostileRequestTest, WhatPassesIsWrittenAnew) {
  for (const HostileCase& c : HostileRequests()) {
    if (StatusOf(c) != 0) continue;
    SCOPED_TRACE(c.row);
    ProxyWorld world;
    std::unique_ptr<Peer> client = world.Connect();
    client->Send(c.bytes);
    world.Run();
    if (world.upstream().size() == 0) continue;  // answered here: OPTIONS *, CONNECT
    const std::string& got = world.upstream().peer(0).received();
    // One request has come over; the next one comes when it has been answered.
    EXPECT_EQ(Count(got, " HTTP/1.1\r\n") - Count(got.substr(got.find("\r\n\r\n")), " HTTP/1.1\r\n"), 1u) << got;
    EXPECT_EQ(Count(got.substr(0, got.find("\r\n\r\n") + 4), "host: "), 1u) << got;
    EXPECT_EQ(Count(got, "X-Hop") + Count(got, "x-hop") + Count(got, "keep-alive:") + Count(got, "proxy-connection"), 0u)
        << got;
  }
}

class BrokenResponse : public testing::TestWithParam<bool> {};

TEST_P(BrokenResponse, IsA502OrVisiblyUnfinished) {
  for (const HostileResponse& c : HostileResponses()) {
    if (GetParam() && c.bytes.size() > 10'000) continue;
    if (c.log.find("protocol error ") == std::string::npos) continue;
    SCOPED_TRACE(c.row);
    ProxyWorld world({.hcm = "upgrade_configs: [{upgrade_type: websocket}, {upgrade_type: foo}]"});
    std::unique_ptr<Peer> client = world.Connect();
    client->Send(std::string(c.method) + " / HTTP/1.1\r\nhost: h\r\n" +
                 (*c.upgrade != 0 ? "connection: upgrade\r\nupgrade: " + std::string(c.upgrade) + "\r\n" : "") + "\r\n");
    world.Run();
    ASSERT_EQ(world.upstream().size(), 1u);
    Send(world, world.upstream().peer(0), c.bytes, GetParam());

    const std::string& got = client->received();
    const std::vector<std::string> log = world.TakeLog();
    ASSERT_EQ(log.size(), 1u);
    EXPECT_NE(log[0].find(" UPE upstream_reset_"), std::string::npos) << log[0];
    if (c.log.find("\nresponse ") != std::string::npos || c.log.find("response ") == 0) {
      EXPECT_EQ(client->error(), ECONNRESET) << got;
      EXPECT_FALSE(got.ends_with("\r\n0\r\n\r\n")) << got;
    } else {
      const size_t last = got.rfind("HTTP/1.1 ");
      ASSERT_NE(last, std::string::npos);
      EXPECT_EQ(got.substr(last + 9, 3), "502") << got;
      EXPECT_FALSE(client->ended());
    }
    // Whatever came is never paired with the next request.
    EXPECT_TRUE(world.upstream().peer(0).ended() || world.upstream().peer(0).error() != 0);
    std::unique_ptr<Peer> next = world.Connect();
    next->Send("GET /next HTTP/1.1\r\nhost: h\r\n\r\n");
    world.Run();
    EXPECT_EQ(world.upstream().size(), 2u);
    EXPECT_EQ(world.stat("cluster.app.upstream_cx_protocol_error"), 1);
  }
}

INSTANTIATE_TEST_SUITE_P(HowItComes, BrokenResponse, testing::Bool(),
                         [](const auto& info) { return info.param ? "ByteByByte" : "AtOnce"; });

}  // namespace
}  // namespace pillion::test
