// Connections that are made within the process: as a listener gets them, and as a proxy makes them.

#include <gtest/gtest.h>

#include "source/net/internal_transport.h"
#include "source/net/passed.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using Lines = std::vector<std::string>;

constexpr char kOriginalDst[] = R"(listener_filters:
- name: original_dst
  typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst})";
constexpr char kSpace[] = "envoy.filters.listener.original_dst";
const net::Address kAddress = net::Address::Internal("in", "10.0.0.7:80");
constexpr size_t kPipe = 16 * 1024;

// An object of one key.
std::shared_ptr<const net::Passed> Told(const std::string& space, const std::string& key, const std::string& value) {
  const auto tree = std::make_shared<metadata::Tree>();
  tree->value = tree->Keep(metadata::Value::Kind::kObject,
                           {{.key = tree->Keep(key), .value = metadata::Value::Text(tree->Keep(value))}});
  const auto passed = std::make_shared<net::Passed>();
  passed->spaces.push_back({.name = space, .value = tree->value, .tree = tree});
  return passed;
}

std::shared_ptr<const net::Passed> Objects(std::vector<net::Passed::Object> objects) {
  const auto passed = std::make_shared<net::Passed>();
  passed->objects = std::move(objects);
  return passed;
}

class ListenerTest : public testing::Test {
 protected:
  // A connection to the listener of the world, which is told this.
  std::unique_ptr<Peer> Connect(std::shared_ptr<const net::Passed> passed = nullptr) {
    net::InternalTransport::Ends ends = net::InternalTransport::Pair(world_->worker(), kAddress, kPipe);
    ends.upstream->Pass(std::move(passed));
    world_->Accept(std::move(ends.downstream));
    return std::make_unique<Peer>(std::move(ends.upstream));
  }
  std::string Ask(Peer& peer, const std::string& path = "/direct") {
    peer.Send("GET " + path + " HTTP/1.1\r\nhost: a\r\n\r\n");
    world_->Run();
    return peer.Take();
  }

  std::unique_ptr<ProxyWorld> world_;
};

TEST_F(ListenerTest, Requests) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{
      .hcm = "use_remote_address: true",
      .filter_log = "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% "
                    "%DOWNSTREAM_REMOTE_PORT% %REQ(x-forwarded-for)%"});
  const std::unique_ptr<Peer> peer = Connect();
  EXPECT_TRUE(Ask(*peer).starts_with("HTTP/1.1 200 OK"));
  EXPECT_TRUE(Ask(*peer).ends_with("direct"));
  const std::string line = "envoy://in/10.0.0.7:80 envoy://internal_client_address/ envoy://internal_client_address/ - -";
  EXPECT_EQ(world_->TakeLog(), (Lines{line, line}));
  EXPECT_EQ(world_->stat("listener.in.downstream_cx_total"), 1);
  peer->Close();
  world_->Run();
  EXPECT_EQ(world_->stat("listener.in.downstream_cx_active"), 0);
}

TEST_F(ListenerTest, WhatItIsTold) {
  world_ = std::make_unique<ProxyWorld>(
      ProxySettings{.filter_log = "%DYNAMIC_METADATA(a.space:k)% %FILTER_STATE(one:PLAIN)% %FILTER_STATE(two:PLAIN)%"});
  const std::unique_ptr<Peer> first = Connect(Told("a.space", "k", "v"));
  const std::unique_ptr<Peer> second = Connect(Objects({{.name = "one", .text = "1"}, {.name = "two", .text = "2"}}));
  Ask(*first);
  Ask(*second);
  Ask(*first);
  EXPECT_EQ(world_->TakeLog(), (Lines{"v - -", "- 1 2", "v - -"}));
}

TEST_F(ListenerTest, OriginalDstOfWhatItIsTold) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{
      .listener = kOriginalDst,
      .filter_log = "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% "
                    "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%"});
  const std::string local = std::string(kSpace) + ".local_ip", remote = std::string(kSpace) + ".remote_ip";
  const std::string own = kAddress.text(), client = "envoy://internal_client_address/";
  struct Case {
    std::shared_ptr<const net::Passed> told;
    std::string line;
  };
  const Case cases[] = {
      {nullptr, own + " " + own + " " + client + " " + client},
      {Told(kSpace, "local", "10.0.0.9:81"), "10.0.0.9:81 " + own + " " + client + " " + client},
      {Told(kSpace, "local", "[::1]:81"), "[::1]:81 " + own + " " + client + " " + client},
      {Told(kSpace, "local", "nonsense"), own + " " + own + " " + client + " " + client},
      {Told(kSpace, "other", "10.0.0.9:81"), own + " " + own + " " + client + " " + client},
      {Told("elsewhere", "local", "10.0.0.9:81"), own + " " + own + " " + client + " " + client},
      {Objects({{.name = local, .text = "10.0.0.8:82"}}), "10.0.0.8:82 " + own + " " + client + " " + client},
      {Objects({{.name = remote, .text = "192.0.2.1:5"}}), own + " " + own + " 192.0.2.1:5 " + client},
      {Objects({{.name = local, .text = "10.0.0.8:82"}, {.name = remote, .text = "192.0.2.1:5"}}),
       "10.0.0.8:82 " + own + " 192.0.2.1:5 " + client},
      {Objects({{.name = local, .text = ""}, {.name = remote, .text = "192.0.2.1"}}),
       own + " " + own + " " + client + " " + client},
  };
  for (const Case& each : cases) {
    const std::unique_ptr<Peer> peer = Connect(each.told);
    Ask(*peer);
    EXPECT_EQ(world_->TakeLog(), Lines{each.line});
  }
}

TEST_F(ListenerTest, TheObjectGoesBeforeTheMetadata) {
  world_ = std::make_unique<ProxyWorld>(
      ProxySettings{.listener = kOriginalDst, .filter_log = "%DOWNSTREAM_LOCAL_ADDRESS%"});
  const auto passed = std::make_shared<net::Passed>(*Told(kSpace, "local", "10.0.0.9:81"));
  passed->objects.push_back({.name = std::string(kSpace) + ".local_ip", .text = "10.0.0.8:82"});
  const std::unique_ptr<Peer> peer = Connect(passed);
  Ask(*peer);
  EXPECT_EQ(world_->TakeLog(), Lines{"10.0.0.8:82"});
}

TEST_F(ListenerTest, AReadOnlyObjectStays) {
  constexpr char kSetting[] = R"(- name: state
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config
    on_request_headers:
    - {object_key: one, factory_key: envoy.string, format_string: {text_format_source: {inline_string: new}}}
    - {object_key: two, factory_key: envoy.string, format_string: {text_format_source: {inline_string: new}}})";
  world_ = std::make_unique<ProxyWorld>(
      ProxySettings{.http_filters = kSetting, .filter_log = "%FILTER_STATE(one:PLAIN)% %FILTER_STATE(two:PLAIN)%"});
  const std::unique_ptr<Peer> peer =
      Connect(Objects({{.name = "one", .text = "1", .read_only = true}, {.name = "two", .text = "2"}}));
  Ask(*peer);
  EXPECT_EQ(world_->TakeLog(), Lines{"1 new"});
}

TEST_F(ListenerTest, AResetEndsTheRequest) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{});
  const std::unique_ptr<Peer> peer = Connect();
  peer->Send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  world_->Run();
  ASSERT_EQ(world_->upstream().size(), 1u);
  peer->Reset();
  world_->Run();
  EXPECT_TRUE(world_->upstream().peer(0).ended() || world_->upstream().peer(0).error() != 0);
  EXPECT_EQ(world_->connections(), 0u);
}

// A connector whose connections are all internal, their other ends in the hands of the test.
class InternalOnly final : public net::Connector {
 public:
  std::unique_ptr<net::Transport> Connect(const net::Address&, const net::ConnectOptions*) override {
    if (worker == nullptr) return nullptr;  // set before anybody connects
    net::InternalTransport::Ends ends = net::InternalTransport::Pair(*worker, kAddress, kPipe);
    peers.push_back(std::make_unique<Peer>(std::move(ends.downstream)));
    return std::move(ends.upstream);
  }

  event::Worker* worker = nullptr;
  std::vector<std::unique_ptr<Peer>> peers;
};

class UpstreamTest : public testing::Test {
 protected:
  ~UpstreamTest() override { connector_.peers.clear(); }

  void Make(ProxySettings settings) {
    settings.connector = &connector_;
    world_ = std::make_unique<ProxyWorld>(settings);
    connector_.worker = &world_->worker();
  }
  Peer& upstream(size_t index = 0) { return *connector_.peers.at(index); }

  std::unique_ptr<ProxyWorld> world_;
  InternalOnly connector_;
};

TEST_F(UpstreamTest, BytesBothWaysAndTheirEnds) {
  Make({.filter_log = "%UPSTREAM_LOCAL_ADDRESS%", .tcp = true});
  const std::unique_ptr<Peer> client = world_->Connect();
  const std::string much(200'000, 'x');
  client->Send(much);
  client->EndSending();
  world_->Run();
  EXPECT_EQ(upstream().received(), much);
  EXPECT_TRUE(upstream().ended());
  upstream().Send(much);
  upstream().EndSending();
  world_->Run();
  EXPECT_EQ(client->received(), much);
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(world_->TakeLog(), Lines{"envoy://internal_client_address/"});
}

TEST_F(UpstreamTest, WhoDoesNotReadStopsTheClient) {
  Make({.listener = "per_connection_buffer_limit_bytes: 16384", .tcp = true});
  const std::unique_ptr<Peer> client = world_->Connect();
  world_->Run();
  upstream().StopReading();
  client->Send(std::string(4'000'000, 'x'));
  world_->Run();
  EXPECT_FALSE(client->sent_all());
  upstream().ReadAgain();
  world_->Run();
  EXPECT_TRUE(client->sent_all());
  EXPECT_EQ(upstream().received().size(), 4'000'000u);
}

TEST_F(UpstreamTest, AResetIsOneForTheClient) {
  Make({.filter_log = "%RESPONSE_FLAGS%", .tcp = true});
  const std::unique_ptr<Peer> client = world_->Connect();
  world_->Run();
  upstream().Reset();
  world_->Run();
  EXPECT_EQ(client->error(), ECONNRESET);
  EXPECT_EQ(world_->TakeLog(), Lines{"UR"});
}

TEST_F(UpstreamTest, RequestsShareAConnection) {
  Make({});
  const std::unique_ptr<Peer> client = world_->Connect();
  for (int i = 0; i < 2; ++i) {
    client->Send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    world_->Run();
    EXPECT_TRUE(upstream().Take().starts_with("GET / HTTP/1.1\r\n"));
    upstream().Send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    world_->Run();
    EXPECT_TRUE(client->Take().ends_with("\r\n\r\nok"));
  }
  EXPECT_EQ(connector_.peers.size(), 1u);
}

}  // namespace
}  // namespace pillion::test
