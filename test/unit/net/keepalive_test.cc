#include "source/net/keepalive.h"

#include <gtest/gtest.h>

#include "test/support/loopback.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"
#include "test/unit/net/scripted_codec.h"

namespace pillion::net {
namespace {

using std::chrono::seconds;

class KeepaliveTest : public testing::Test {
 public:
  KeepaliveTest() {
    auto [near, far] = simulation.network().Pair(simulation.loop(), simulation.loop());
    owned = std::make_unique<Owned>(simulation.worker(), std::move(near), false);
    peer = std::make_unique<test::Peer>(std::move(far));
    simulation.RunUntilIdle();
  }
  void Make(const KeepaliveTimes& times) {
    keepalive = std::make_unique<Keepalive>(simulation.worker(), owned->connection, owned->codec, random, times,
                                            [this] { ++dead; });
  }
  int pings() const { return owned->codec.pings; }

  test::Simulation simulation;
  base::Random random{1};
  std::unique_ptr<test::Peer> peer;
  std::unique_ptr<Owned> owned;
  std::unique_ptr<Keepalive> keepalive;
  int dead = 0;
};

TEST_F(KeepaliveTest, AsksAgainAndAgainWhileThePeerAnswers) {
  Make({.interval = seconds(10), .timeout = seconds(2)});
  simulation.AdvanceTime(seconds(9));
  EXPECT_EQ(pings(), 0);
  for (int i = 1; i <= 5; ++i) {
    simulation.AdvanceTime(seconds(1));
    EXPECT_EQ(pings(), i);
    peer->Send("pong");
    simulation.AdvanceTime(seconds(11));  // the rest of the timeout, and of the next interval
  }
  EXPECT_EQ(dead, 0);
}

TEST_F(KeepaliveTest, APeerThatIsSilentIsDeadOnce) {
  Make({.interval = seconds(10), .timeout = seconds(2)});
  peer->Send("before");
  simulation.AdvanceTime(seconds(11));
  EXPECT_EQ(pings(), 1);
  EXPECT_EQ(dead, 0);
  simulation.AdvanceTime(seconds(1));
  EXPECT_EQ(dead, 1);
  simulation.AdvanceTime(seconds(100));
  EXPECT_EQ(dead, 1);
}

TEST_F(KeepaliveTest, JitterIsAddedToTheInterval) {
  Make({.interval = seconds(100), .timeout = seconds(1), .jitter_percent = 50});
  simulation.AdvanceTime(seconds(100) - std::chrono::milliseconds(1));
  EXPECT_EQ(pings(), 0);
  simulation.AdvanceTime(seconds(51));
  EXPECT_EQ(pings(), 1);
}

TEST_F(KeepaliveTest, AsksWhenAnIdleConnectionIsUsedAgain) {
  Make({.timeout = seconds(2), .idle_interval = seconds(30)});
  const base::MonotonicTime idle_since = simulation.worker().now();
  simulation.AdvanceTime(seconds(29));
  keepalive->OnUse(idle_since);
  EXPECT_EQ(pings(), 0);
  simulation.AdvanceTime(seconds(1));
  keepalive->OnUse(idle_since);
  keepalive->OnUse(idle_since);
  EXPECT_EQ(pings(), 1);
  peer->Send("pong");
  simulation.AdvanceTime(seconds(1000));
  EXPECT_EQ(pings(), 1);  // there is no interval
  keepalive->OnUse(idle_since);
  EXPECT_EQ(pings(), 2);
  simulation.AdvanceTime(seconds(2));
  EXPECT_EQ(dead, 1);
}

}  // namespace
}  // namespace pillion::net
