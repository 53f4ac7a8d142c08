// tcp_proxy: what is counted of the hosts that it connects to, and what its log says of them.

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using Lines = std::vector<std::string>;

constexpr char kFormat[] =
    "%RESPONSE_FLAGS% %UPSTREAM_TRANSPORT_FAILURE_REASON% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_HOSTS_ATTEMPTED% "
    "%UPSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_WIRE_BYTES_SENT% %UPSTREAM_HOST_NAME%";

class TcpProxyTest : public testing::Test {
 protected:
  int64_t Of(const std::string& counter) { return world_->stat("cluster.app.upstream_" + counter); }

  std::unique_ptr<ProxyWorld> world_;
};

TEST_F(TcpProxyTest, AConnectionToAHost) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{.filter_log = kFormat, .tcp = true});
  const std::unique_ptr<Peer> client = world_->Connect();
  client->Send("hello");
  world_->Run();
  EXPECT_EQ(Of("rq_pending_total"), 1);
  EXPECT_EQ(Of("rq_pending_active"), 0);
  EXPECT_EQ(Of("rq_active"), 1);
  EXPECT_EQ(Of("cx_active"), 1);
  client->EndSending();
  world_->Run();
  world_->upstream().peer(0).Send("bye");
  world_->upstream().peer(0).EndSending();
  world_->Run();
  EXPECT_EQ(Of("rq_total"), 1);
  EXPECT_EQ(Of("rq_active"), 0);
  EXPECT_EQ(Of("cx_active"), 0);
  EXPECT_EQ(Of("cx_destroy"), 1);
  EXPECT_EQ(Of("cx_destroy_remote"), 1) << "its end came behind the client's";
  EXPECT_EQ(world_->TakeLog(), Lines{"- - 1 10.0.1.1:80 3 5 10.0.1.1:80"});
}

TEST_F(TcpProxyTest, TheHostEndsFirst) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{.filter_log = kFormat, .tcp = true});
  const std::unique_ptr<Peer> client = world_->Connect();
  world_->Run();
  world_->upstream().peer(0).EndSending();
  world_->Run();
  client->EndSending();
  world_->Run();
  EXPECT_EQ(Of("cx_destroy_local"), 1);
  EXPECT_EQ(Of("cx_destroy_remote"), 0);
}

TEST_F(TcpProxyTest, AHostThatRefuses) {
  world_ = std::make_unique<ProxyWorld>(
      ProxySettings{.hcm = "max_connect_attempts: 3", .filter_log = kFormat, .tcp = true});
  world_->StopUpstream();
  const std::unique_ptr<Peer> client = world_->Connect();
  world_->Run();
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(Of("cx_connect_fail"), 3);
  EXPECT_EQ(Of("cx_connect_timeout"), 0);
  EXPECT_EQ(Of("cx_connect_attempts_exceeded"), 1);
  EXPECT_EQ(Of("rq_pending_total"), 3);
  EXPECT_EQ(Of("rq_pending_failure_eject"), 3);
  EXPECT_EQ(Of("rq_total"), 0);
  EXPECT_EQ(Of("cx_active"), 0);
  EXPECT_EQ(Of("rq_pending_active"), 0);
  EXPECT_EQ(world_->TakeLog(), Lines{"UF,URX delayed_connect_error:_Connection_refused 3 10.0.1.1:80 0 0 10.0.1.1:80"});
}

TEST_F(TcpProxyTest, AHostThatDoesNotAnswer) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{.cluster = "connect_timeout: 2s", .filter_log = kFormat, .tcp = true});
  world_->faults().connect_hangs = true;
  const std::unique_ptr<Peer> client = world_->Connect();
  world_->Wait(2000);
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(Of("cx_connect_fail"), 1);
  EXPECT_EQ(Of("cx_connect_timeout"), 1);
  EXPECT_EQ(Of("cx_destroy_local"), 1);
  EXPECT_EQ(Of("rq_cancelled"), 0);
  EXPECT_EQ(world_->TakeLog(), Lines{"UF,URX - 1 10.0.1.1:80 0 0 10.0.1.1:80"});
}

TEST_F(TcpProxyTest, AHostThatResets) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{.filter_log = "%RESPONSE_FLAGS%", .tcp = true});
  const std::unique_ptr<Peer> client = world_->Connect();
  world_->Run();
  world_->upstream().peer(0).Reset();
  world_->Run();
  EXPECT_EQ(Of("cx_destroy_remote"), 1);
  EXPECT_EQ(world_->TakeLog(), Lines{"UR"});
}

TEST_F(TcpProxyTest, EndsWithTheHealthOfItsHost) {
  for (const bool closes : {false, true}) {
    world_.reset();
    world_ = std::make_unique<ProxyWorld>(
        ProxySettings{.cluster = closes ? "close_connections_on_host_health_failure: true" : "", .tcp = true});
    const std::unique_ptr<Peer> client = world_->Connect();
    client->Send("hello");
    world_->Run();
    EXPECT_EQ(Of("cx_active"), 1);
    upstream::ClusterShard& shard = *world_->context().FindCluster("app");
    shard.cluster().hosts()->hosts[0]->SetFlags(upstream::kFailedActiveCheck);
    shard.cluster().HealthChanged();
    shard.SetHosts(shard.cluster().hosts());
    world_->Run();
    EXPECT_EQ(client->ended(), closes);
    EXPECT_EQ(Of("cx_active"), closes ? 0 : 1);
    EXPECT_EQ(Of("cx_destroy_local"), closes ? 1 : 0);
  }
}

TEST_F(TcpProxyTest, TooManyConnections) {
  world_ = std::make_unique<ProxyWorld>(
      ProxySettings{.cluster = "circuit_breakers: {thresholds: [{max_connections: 0}]}", .filter_log = kFormat, .tcp = true});
  const std::unique_ptr<Peer> client = world_->Connect();
  world_->Run();
  EXPECT_TRUE(client->ended());
  EXPECT_EQ(Of("cx_overflow"), 1);
  EXPECT_EQ(Of("cx_total"), 0);
  EXPECT_EQ(world_->TakeLog(), Lines{"UO - 0 - 0 0 10.0.1.1:80"});
}

// Nobody has failed: the client did not wait.
TEST_F(TcpProxyTest, TheClientLeavesBeforeItIsConnected) {
  world_ = std::make_unique<ProxyWorld>(ProxySettings{.filter_log = kFormat, .tcp = true});
  world_->faults().connect_hangs = true;
  const std::unique_ptr<Peer> client = world_->Connect();
  world_->Run();
  EXPECT_EQ(Of("rq_pending_active"), 1);
  client->Reset();
  world_->Run();
  EXPECT_EQ(Of("rq_pending_active"), 0);
  EXPECT_EQ(Of("rq_cancelled"), 1);
  EXPECT_EQ(Of("cx_connect_fail"), 0);
  EXPECT_EQ(Of("cx_destroy_local"), 1);
}

}  // namespace
}  // namespace pillion::test
