// Listeners and clusters that are replaced while they are used: what runs finishes as it began, what comes is as
// configured now, and no connection is lost that could go on.

#include <gtest/gtest.h>

#include "test/unit/proxy/http2_world.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nup";
const ProxySettings kAnswered = {.first_routes = "- match: {prefix: /}\n  direct_response: {status: 200, body: {inline_string: new}}"};

class UpdateTest : public testing::TestWithParam<uint32_t> {
 public:
  std::vector<std::unique_ptr<Peer>> Clients(ProxyWorld& world) {
    std::vector<std::unique_ptr<Peer>> clients;
    for (uint32_t i = 0; i < GetParam(); ++i) clients.push_back(world.Connect());
    world.Run();
    return clients;
  }
};

bool Ends(const std::string& text, std::string_view end) { return text.ends_with(end); }

TEST_P(UpdateTest, RequestsFinishOnTheirRoutesAndTheNextOneGetsTheNewOnes) {
  ProxyWorld world({.workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  for (const auto& client : clients) client->Send(kGet);
  world.Run();
  ASSERT_EQ(world.upstream().size(), GetParam());
  world.UpdateListener(kAnswered);
  world.Run();
  for (uint32_t i = 0; i < GetParam(); ++i) world.upstream().peer(i).Send(kOk);
  world.Run();
  for (const auto& client : clients) {
    EXPECT_TRUE(Ends(client->Take(), "\r\n\r\nup"));
    client->Send(kGet);
  }
  world.Run();
  for (const auto& client : clients) EXPECT_TRUE(Ends(client->Take(), "\r\n\r\nnew"));
  EXPECT_EQ(world.stat("listener.in.downstream_cx_total"), GetParam());
  EXPECT_EQ(world.stat("listener.in.downstream_cx_active"), GetParam());
  EXPECT_EQ(world.stat("http.in.downstream_cx_active"), GetParam());
  EXPECT_EQ(world.TakeLog().size(), 2 * GetParam());
}

TEST_P(UpdateTest, FiltersOfLiveConnectionsChangeToo) {
  ProxyWorld world({.workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  world.UpdateListener(
      {.http_filters = "- name: rbac\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC\n"
                       "    rules: {action: DENY, policies: {all: {permissions: [{any: true}], principals: [{any: true}]}}}"});
  for (const auto& client : clients) client->Send(kGet);
  world.Run();
  for (const auto& client : clients) EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 403 "));
  world.UpdateListener(kAnswered);
  for (const auto& client : clients) client->Send(kGet);
  world.Run();
  for (const auto& client : clients) EXPECT_TRUE(Ends(client->Take(), "new"));
}

// The codec has been told what it was begun with.
TEST_P(UpdateTest, AConnectionKeepsItsOwnLimits) {
  ProxyWorld world({.hcm = "common_http_protocol_options: {max_requests_per_connection: 1}", .workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  world.UpdateListener(kAnswered);
  for (const auto& client : clients) client->Send(kGet);
  world.Run();
  for (const auto& client : clients) {
    EXPECT_NE(client->received().find("\r\nconnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(client->ended());
  }
}

TEST_P(UpdateTest, WithoutAChainAConnectionEndsAfterItsRequest) {
  ProxyWorld world({.workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  for (const auto& client : clients) client->Send(kGet);
  std::vector<std::unique_ptr<Peer>> idle = Clients(world);
  world.UpdateListener({.chain = "filter_chain_match: {destination_port: 81}"});
  for (uint32_t i = 0; i < GetParam(); ++i) world.upstream().peer(i).Send(kOk);
  world.Run();
  for (const auto& client : clients) {
    EXPECT_NE(client->received().find("\r\nconnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(Ends(client->received(), "up"));
    EXPECT_TRUE(client->ended());
  }
  world.Wait(1000);
  for (const auto& client : idle) EXPECT_TRUE(client->ended());
  EXPECT_EQ(world.connections(), 0u);
}

TEST_P(UpdateTest, WhatDoesNotEndIsCutShortAfterTheDrainTime) {
  ProxyWorld world({.workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  for (const auto& client : clients) client->Send(kGet);
  world.Run();
  world.UpdateListener({.chain = "filter_chain_match: {destination_port: 81}"});
  world.Wait(9999);
  EXPECT_EQ(world.connections(), GetParam());
  world.Wait(1);
  EXPECT_EQ(world.connections(), 0u);
}

TEST_P(UpdateTest, BytesGoOnWhereTheFiltersSayTheSame) {
  ProxySettings settings{.tcp = true, .workers = GetParam()};
  ProxyWorld world(settings);
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  settings.chain = "name: other";
  world.UpdateListener(settings);
  world.Wait(20'000);
  for (const auto& client : clients) client->Send("hello");
  world.Run();
  for (uint32_t i = 0; i < GetParam(); ++i) EXPECT_EQ(world.upstream().peer(i).Take(), "hello");
  settings.hcm = "idle_timeout: 5s";
  world.UpdateListener(settings);
  world.Wait(9999);
  for (const auto& client : clients) EXPECT_FALSE(client->ended());
  world.Wait(1);
  for (const auto& client : clients) EXPECT_TRUE(client->ended());
}

TEST_P(UpdateTest, TlsIsNotGivenUpOnALiveConnection) {
  ProxyWorld world({.workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  world.UpdateListener({.chain = "filter_chain_match: {transport_protocol: tls}"});
  world.Wait(1000);
  for (const auto& client : clients) EXPECT_TRUE(client->ended());
}

TEST_P(UpdateTest, WhileListenerFiltersLook) {
  const std::string inspector =
      "listener_filters: [{name: i, typed_config: {\"@type\": type.googleapis.com/"
      "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector}}]";
  ProxyWorld world({.listener = inspector, .workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  for (const auto& client : clients) client->Send("GET / ");
  world.Run();
  world.UpdateListener(kAnswered);
  for (const auto& client : clients) client->Send("HTTP/1.1\r\nhost: h\r\n\r\n");
  world.Run();
  for (const auto& client : clients) EXPECT_TRUE(Ends(client->Take(), "new"));
}

TEST_P(UpdateTest, LimitsOfAllVersionsCountTogether) {
  const std::string limit =
      "- name: limit\n  typed_config:\n    \"@type\": type.googleapis.com/"
      "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit\n    stat_prefix: l\n    max_connections: 100";
  ProxySettings settings{.network_filters = limit, .workers = GetParam()};
  ProxyWorld world(settings);
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  EXPECT_EQ(world.stat("connection_limit.l.active_connections"), GetParam());
  settings.hcm = "server_name: other";
  world.UpdateListener(settings);
  EXPECT_EQ(world.stat("connection_limit.l.active_connections"), GetParam());
  clients.clear();
  world.Run();
  EXPECT_EQ(world.stat("connection_limit.l.active_connections"), 0);
}

TEST_P(UpdateTest, AReplacedClusterFinishesItsRequests) {
  ProxyWorld world({.workers = GetParam(), .hosts = 2});
  const ProxySettings none{.hosts = 0};
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  for (const auto& client : clients) client->Send(kGet);
  world.Run();
  world.ReplaceCluster(&none);
  world.Run();
  for (uint32_t host = 0; host < 2; ++host) {
    for (const auto& peer : world.upstream(host).peers()) peer->Send(kOk);
  }
  world.Run();
  for (const auto& client : clients) {
    EXPECT_TRUE(Ends(client->Take(), "up"));
    client->Send(kGet);
  }
  world.Run();
  for (const auto& client : clients) EXPECT_TRUE(Ends(client->Take(), "no healthy upstream"));
  // The connections of the former one are not used again.
  for (uint32_t host = 0; host < 2; ++host) {
    for (const auto& peer : world.upstream(host).peers()) EXPECT_TRUE(peer->ended());
  }
  EXPECT_EQ(world.stat("cluster.app.upstream_cx_active"), 0);
  EXPECT_EQ(world.stat("cluster.app.upstream_rq_active"), 0);
}

TEST_P(UpdateTest, AClusterThatIsGoneIsNotFound) {
  ProxyWorld world({.workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  for (const auto& client : clients) client->Send(kGet);
  world.Run();
  world.ReplaceCluster(nullptr);
  world.Run();
  for (uint32_t i = 0; i < GetParam(); ++i) world.upstream().peer(i).Send(kOk);
  world.Run();
  for (const auto& client : clients) {
    EXPECT_TRUE(Ends(client->Take(), "up"));
    client->Send(kGet);
  }
  world.Run();
  for (const auto& client : clients) EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(world.stat("http.in.no_cluster"), GetParam());
  const ProxySettings again{.hosts = 1};
  world.ReplaceCluster(&again);
  for (const auto& client : clients) client->Send(kGet);
  world.Run();
  EXPECT_EQ(world.upstream().size(), 2 * GetParam());
}

TEST_P(UpdateTest, AClientThatGoesTakesTheFormerClusterWithIt) {
  ProxyWorld world({.workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  for (const auto& client : clients) client->Send(kGet);
  world.Run();
  world.ReplaceCluster(nullptr);
  world.Run();
  for (const auto& client : clients) client->Reset();
  world.Run();
  for (uint32_t i = 0; i < GetParam(); ++i) EXPECT_TRUE(world.upstream().peer(i).ended() || world.upstream().peer(i).error() != 0);
}

TEST_P(UpdateTest, BytesToAClusterThatIsGoneGoOn) {
  ProxyWorld world({.tcp = true, .workers = GetParam()});
  std::vector<std::unique_ptr<Peer>> clients = Clients(world);
  world.ReplaceCluster(nullptr);
  world.Run();
  for (const auto& client : clients) client->Send("hello");
  world.Run();
  for (uint32_t i = 0; i < GetParam(); ++i) EXPECT_EQ(world.upstream().peer(i).Take(), "hello");
}

INSTANTIATE_TEST_SUITE_P(Workers, UpdateTest, testing::Values(1, 2, 4), testing::PrintToStringParamName());

using Http2UpdateTest = Http2Test;

TEST_F(Http2UpdateTest, StreamsOfOneConnectionAreOnDifferentVersions) {
  using namespace codec::http2;  // frames
  Start();
  EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields({{"x-a", "1"}}))), "");
  world_->UpdateListener(kAnswered);
  EXPECT_NE(Exchange(HeadersFrame(3, RequestFields({{"x-a", "1"}}))).find("DATA 3 new end"), std::string::npos);
  upstream1().Send(kOk);
  world_->Run();
  EXPECT_NE(client_->Take().find("DATA 1 up end"), std::string::npos);
}

}  // namespace
}  // namespace pillion::test
