// Listeners and clusters that are replaced while they are used: what runs finishes as it began, what comes is as
// configured now, and no connection is lost that could go on.

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "test/unit/proxy/http2_world.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nup";
const ProxySettings kAnswered = {.first_routes = "- match: {prefix: /}\n  direct_response: {status: 200, body: {inline_string: new}}"};

// One client for each worker.
class UpdateTest : public testing::TestWithParam<uint32_t> {
 protected:
  void Start(ProxySettings settings = {}) {
    settings.workers = GetParam();
    world_.emplace(settings);
    clients_ = MoreClients();
  }
  std::vector<std::unique_ptr<Peer>> MoreClients() {
    std::vector<std::unique_ptr<Peer>> clients;
    for (uint32_t i = 0; i < GetParam(); ++i) clients.push_back(world_->Connect());
    world_->Run();
    return clients;
  }
  // All clients say it.
  void Send(std::string_view bytes = kGet) {
    for (const auto& client : clients_) client->Send(bytes);
    world_->Run();
  }
  // What they asked last is answered on each connection of the upstream.
  void AnswerFromUpstream() {
    for (uint32_t i = 0; i < GetParam(); ++i) world_->upstream().peer(i).Send(kOk);
    world_->Run();
  }
  void ExpectAnswersThatEndIn(std::string_view end) {
    for (const auto& client : clients_) EXPECT_TRUE(client->Take().ends_with(end));
  }
  void ExpectAnswersThatBeginWith(std::string_view begin) {
    for (const auto& client : clients_) EXPECT_TRUE(client->Take().starts_with(begin));
  }

  std::optional<ProxyWorld> world_;
  std::vector<std::unique_ptr<Peer>> clients_;
};

TEST_P(UpdateTest, RequestsFinishOnTheirRoutesAndTheNextOneGetsTheNewOnes) {
  Start();
  Send();
  ASSERT_EQ(world_->upstream().size(), GetParam());
  world_->UpdateListener(kAnswered);
  world_->Run();
  AnswerFromUpstream();
  ExpectAnswersThatEndIn("\r\n\r\nup");
  Send();
  ExpectAnswersThatEndIn("\r\n\r\nnew");
  EXPECT_EQ(world_->stat("listener.in.downstream_cx_total"), GetParam());
  EXPECT_EQ(world_->stat("listener.in.downstream_cx_active"), GetParam());
  EXPECT_EQ(world_->stat("http.in.downstream_cx_active"), GetParam());
  EXPECT_EQ(world_->TakeLog().size(), 2 * GetParam());
}

TEST_P(UpdateTest, FiltersOfLiveConnectionsChangeToo) {
  Start();
  world_->UpdateListener(
      {.http_filters = "- name: rbac\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC\n"
                       "    rules: {action: DENY, policies: {all: {permissions: [{any: true}], principals: [{any: true}]}}}"});
  Send();
  ExpectAnswersThatBeginWith("HTTP/1.1 403 ");
  world_->UpdateListener(kAnswered);
  Send();
  ExpectAnswersThatEndIn("new");
}

// The codec has been told what it was begun with.
TEST_P(UpdateTest, AConnectionKeepsItsOwnLimits) {
  Start({.hcm = "common_http_protocol_options: {max_requests_per_connection: 1}"});
  world_->UpdateListener(kAnswered);
  Send();
  for (const auto& client : clients_) {
    EXPECT_NE(client->received().find("\r\nconnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(client->ended());
  }
}

TEST_P(UpdateTest, WithoutAChainAConnectionEndsAfterItsRequest) {
  Start();
  for (const auto& client : clients_) client->Send(kGet);
  std::vector<std::unique_ptr<Peer>> idle = MoreClients();
  world_->UpdateListener({.chain = "filter_chain_match: {destination_port: 81}"});
  AnswerFromUpstream();
  for (const auto& client : clients_) {
    EXPECT_NE(client->received().find("\r\nconnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(client->received().ends_with("up"));
    EXPECT_TRUE(client->ended());
  }
  world_->Wait(1000);
  for (const auto& client : idle) EXPECT_TRUE(client->ended());
  EXPECT_EQ(world_->connections(), 0u);
}

TEST_P(UpdateTest, WhatDoesNotEndIsCutShortAfterTheDrainTime) {
  Start();
  Send();
  world_->UpdateListener({.chain = "filter_chain_match: {destination_port: 81}"});
  world_->Wait(9999);
  EXPECT_EQ(world_->connections(), GetParam());
  world_->Wait(1);
  EXPECT_EQ(world_->connections(), 0u);
}

TEST_P(UpdateTest, BytesGoOnWhereTheFiltersSayTheSame) {
  ProxySettings settings{.tcp = true};
  Start(settings);
  settings.chain = "name: other";
  world_->UpdateListener(settings);
  world_->Wait(20'000);
  Send("hello");
  for (uint32_t i = 0; i < GetParam(); ++i) EXPECT_EQ(world_->upstream().peer(i).Take(), "hello");
  settings.hcm = "idle_timeout: 5s";
  world_->UpdateListener(settings);
  world_->Wait(9999);
  for (const auto& client : clients_) EXPECT_FALSE(client->ended());
  world_->Wait(1);
  for (const auto& client : clients_) EXPECT_TRUE(client->ended());
}

TEST_P(UpdateTest, TlsIsNotGivenUpOnALiveConnection) {
  Start();
  world_->UpdateListener({.chain = "filter_chain_match: {transport_protocol: tls}"});
  world_->Wait(1000);
  for (const auto& client : clients_) EXPECT_TRUE(client->ended());
}

TEST_P(UpdateTest, WhileListenerFiltersLook) {
  const std::string inspector =
      "listener_filters: [{name: i, typed_config: {\"@type\": type.googleapis.com/"
      "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector}}]";
  Start({.listener = inspector});
  Send("GET / ");
  world_->UpdateListener(kAnswered);
  Send("HTTP/1.1\r\nhost: h\r\n\r\n");
  ExpectAnswersThatEndIn("new");
}

TEST_P(UpdateTest, LimitsOfAllVersionsCountTogether) {
  const std::string limit =
      "- name: limit\n  typed_config:\n    \"@type\": type.googleapis.com/"
      "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit\n    stat_prefix: l\n    max_connections: 100";
  ProxySettings settings{.network_filters = limit};
  Start(settings);
  EXPECT_EQ(world_->stat("connection_limit.l.active_connections"), GetParam());
  settings.hcm = "server_name: other";
  world_->UpdateListener(settings);
  EXPECT_EQ(world_->stat("connection_limit.l.active_connections"), GetParam());
  clients_.clear();
  world_->Run();
  EXPECT_EQ(world_->stat("connection_limit.l.active_connections"), 0);
}

// As push/filter_configs.h has it: the filter is one that came.
TEST_P(UpdateTest, WhatComesForItsFiltersLeavesTheRestOfAChain) {
  Start({.network_filters = "- name: limit\n  typed_config:\n    \"@type\": type.googleapis.com/"
                            "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit\n    stat_prefix: l\n"
                            "    max_connections: " + std::to_string(GetParam()),
         .http_filters = "- name: edit\n  config_discovery:\n    config_source: {path_config_source: {path: /dev/null}}\n"
                         "    type_urls: [type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer]"});
  Send();
  ExpectAnswersThatBeginWith("HTTP/1.1 500 ");
  world_->ReviseListener([](config::Listener& listener) {
    config::FilterChain chain = listener.filter_chains[0];
    std::get<config::HttpConnectionManager>(chain.terminal).http_filters.clear();
    chain.given_digest = chain.digest++;
    listener.filter_chains.Put(0, std::move(chain));
  });
  Send();
  AnswerFromUpstream();
  ExpectAnswersThatEndIn("up");
  // The bound is that of all who have come.
  const std::unique_ptr<Peer> another = world_->Connect();
  world_->Run();
  EXPECT_TRUE(another->ended());
  EXPECT_EQ(world_->stat("connection_limit.l.limited_connections"), 1);
  EXPECT_EQ(world_->stat("connection_limit.l.active_connections"), GetParam());
  clients_.clear();
  world_->Run();
  EXPECT_EQ(world_->stat("connection_limit.l.active_connections"), 0);
}

// The same of network filters: of one that has not come, nobody knows what it would have let through.
TEST_P(UpdateTest, NobodyIsConnectedWithoutANetworkFilterThatComesApart) {
  const std::string limit = "type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit";
  Start({.network_filters = "- name: limit\n  config_discovery:\n    config_source: {path_config_source: {path: /dev/null}}\n"
                            "    type_urls: [" + limit + "]",
         .first_routes = kAnswered.first_routes});
  for (const auto& client : clients_) EXPECT_TRUE(client->ended());
  EXPECT_EQ(world_->stat("listener.in.network_extension_config_missing"), GetParam());
  const auto come = [this](uint64_t came, uint64_t most) {
    world_->ReviseListener([&](config::Listener& listener) {
      config::FilterChain chain = listener.filter_chains[0];
      if (chain.given_digest == 0) chain.given_digest = chain.digest;
      chain.digest += came;
      chain.discovered.at(0).came = came;
      chain.filters.at(0) = config::ConnectionLimit{.stat_prefix = "l", .max_connections = most};
      listener.filter_chains.Put(0, std::move(chain));
    });
  };
  come(1, GetParam());
  clients_ = MoreClients();
  Send();
  ExpectAnswersThatEndIn("new");
  const std::unique_ptr<Peer> another = world_->Connect();
  world_->Run();
  EXPECT_TRUE(another->ended());
  // What has come later counts those that come then; who is there already is none of them.
  come(2, 1);
  const std::unique_ptr<Peer> later = world_->Connect();
  world_->Run();
  EXPECT_FALSE(later->ended());
  Send();
  ExpectAnswersThatEndIn("new");
  EXPECT_EQ(world_->stat("connection_limit.l.active_connections"), GetParam() + 1);
}

TEST_P(UpdateTest, AConnectionKeepsTheManagerThatCameWhenItBegan) {
  Start(kAnswered);
  const auto come = [this](uint64_t came, const std::string& name) {
    world_->ReviseListener([&](config::Listener& listener) {
      config::FilterChain chain = listener.filter_chains[0];
      if (chain.given_digest == 0) chain.given_digest = chain.digest;
      chain.digest += came;
      chain.discovered = {{.index = 0, .source = nullptr, .came = came}};
      std::get<config::HttpConnectionManager>(chain.terminal).server_name = name;
      listener.filter_chains.Put(0, std::move(chain));
    });
  };
  come(1, "first");
  std::vector<std::unique_ptr<Peer>> before = std::exchange(clients_, MoreClients());
  come(2, "second");
  const auto served_by = [this](const std::string& name) {
    Send();
    for (const auto& client : clients_) {
      const std::string answer = client->Take();
      EXPECT_NE(answer.find("server: " + name + "\r\n"), answer.npos) << answer;
    }
  };
  served_by("first");
  clients_ = MoreClients();
  served_by("second");
  clients_ = std::move(before);
  served_by("pillion");
}

TEST_P(UpdateTest, BytesGoOnWhateverComesForTheirFilters) {
  Start({.tcp = true});
  const size_t connections = world_->connections();
  world_->ReviseListener([&](config::Listener& listener) {
    config::FilterChain chain = listener.filter_chains[0];
    chain.given_digest = chain.digest++;
    chain.discovered = {{.index = 0, .source = nullptr, .came = 1}};
    chain.terminal = config::Echo{};
    listener.filter_chains.Put(0, std::move(chain));
  });
  world_->Wait(60'000);  // longer than a drain
  EXPECT_EQ(world_->connections(), connections);
  Send("hello");
  for (uint32_t i = 0; i < GetParam(); ++i) EXPECT_EQ(world_->upstream().peer(i).Take(), "hello");
  const std::unique_ptr<Peer> later = world_->Connect();
  later->Send("back");
  world_->Run();
  EXPECT_EQ(later->Take(), "back");
}

TEST_P(UpdateTest, NobodyIsLetInWithoutAListenerFilterThatComesApart) {
  const std::string inspector = "type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector";
  Start({.listener = "listener_filters:\n- name: looks\n  config_discovery:\n"
                     "    config_source: {path_config_source: {path: /dev/null}}\n    type_urls: [" + inspector + "]",
         .first_routes = kAnswered.first_routes});
  for (const auto& client : clients_) EXPECT_TRUE(client->ended() || client->error() != 0);
  EXPECT_EQ(world_->stat("listener.in.extension_config_missing"), GetParam());
  EXPECT_EQ(world_->stat("listener.in.downstream_cx_total"), 0);
  EXPECT_EQ(world_->connections(), 0u);
  world_->ReviseListener([](config::Listener& listener) {
    listener.listener_filters.at(0).filter = config::HttpInspector{};
    listener.listener_filters.at(0).came = 1;
  });
  clients_ = MoreClients();
  Send();
  ExpectAnswersThatEndIn("new");
  EXPECT_EQ(world_->stat("http_inspector.http11_found"), GetParam());
}

TEST_P(UpdateTest, AReplacedClusterFinishesItsRequests) {
  Start({.hosts = 2});
  const ProxySettings none{.hosts = 0};
  Send();
  world_->ReplaceCluster(&none);
  world_->Run();
  for (uint32_t host = 0; host < 2; ++host) {
    for (const auto& peer : world_->upstream(host).peers()) peer->Send(kOk);
  }
  world_->Run();
  ExpectAnswersThatEndIn("up");
  Send();
  ExpectAnswersThatEndIn("no healthy upstream");
  // The connections of the former one are not used again.
  for (uint32_t host = 0; host < 2; ++host) {
    for (const auto& peer : world_->upstream(host).peers()) EXPECT_TRUE(peer->ended());
  }
  EXPECT_EQ(world_->stat("cluster.app.upstream_cx_active"), 0);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
}

TEST_P(UpdateTest, AClusterThatIsGoneIsNotFound) {
  Start();
  Send();
  world_->ReplaceCluster(nullptr);
  world_->Run();
  AnswerFromUpstream();
  ExpectAnswersThatEndIn("up");
  Send();
  ExpectAnswersThatBeginWith("HTTP/1.1 503 ");
  EXPECT_EQ(world_->stat("http.in.no_cluster"), GetParam());
  const ProxySettings again{.hosts = 1};
  world_->ReplaceCluster(&again);
  Send();
  EXPECT_EQ(world_->upstream().size(), 2 * GetParam());
}

TEST_P(UpdateTest, AClientThatGoesTakesTheFormerClusterWithIt) {
  Start();
  Send();
  world_->ReplaceCluster(nullptr);
  world_->Run();
  for (const auto& client : clients_) client->Reset();
  world_->Run();
  for (uint32_t i = 0; i < GetParam(); ++i) EXPECT_TRUE(world_->upstream().peer(i).ended() || world_->upstream().peer(i).error() != 0);
}

TEST_P(UpdateTest, BytesToAClusterThatIsGoneGoOn) {
  Start({.tcp = true});
  world_->ReplaceCluster(nullptr);
  world_->Run();
  Send("hello");
  for (uint32_t i = 0; i < GetParam(); ++i) EXPECT_EQ(world_->upstream().peer(i).Take(), "hello");
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
