#include "source/net/happy_eyeballs.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "test/support/loopback.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"
#include "test/unit/net/scripted_codec.h"

namespace pillion::net {
namespace {

using std::chrono::milliseconds;

std::string Order(std::initializer_list<const char*> addresses, FamilyOrder order = {}) {
  Addresses given;
  for (const char* address : addresses) given.push_back(*Address::Ip(address, 1));
  std::string text;
  for (const Address& address : Interleaved(given, order)) text += (text.empty() ? "" : " ") + address.ip();
  return text;
}

TEST(Interleaved, FamiliesTakeTurns) {
  EXPECT_EQ(Order({"1.1.1.1", "1.1.1.2", "1.1.1.3", "::1", "::2"}), "1.1.1.1 ::1 1.1.1.2 ::2 1.1.1.3");
  EXPECT_EQ(Order({"::1", "::2", "1.1.1.1"}), "::1 1.1.1.1 ::2");
  EXPECT_EQ(Order({"::2", "::1"}), "::2 ::1");
  EXPECT_EQ(Order({"1.1.1.1"}), "1.1.1.1");
  EXPECT_EQ(Order({}), "");
}

TEST(Interleaved, AsConfigured) {
  EXPECT_EQ(Order({"1.1.1.1", "1.1.1.2", "::1", "::2", "::3"}, {.first = AF_INET6}), "::1 1.1.1.1 ::2 1.1.1.2 ::3");
  EXPECT_EQ(Order({"1.1.1.1", "1.1.1.2", "::1", "::2", "::3"}, {.first = AF_INET6, .count = 2}), "::1 ::2 1.1.1.1 ::3 1.1.1.2");
  EXPECT_EQ(Order({"1.1.1.1", "1.1.1.2"}, {.first = AF_INET6, .count = 4000000000}), "1.1.1.1 1.1.1.2");
}

class HappyEyeballsTest : public testing::Test {
 public:
  void Connect() {
    owned_ = std::make_unique<Owned>(
        simulation_.worker(),
        std::make_unique<HappyEyeballsTransport>(simulation_.worker(), connector_,
                                                 std::make_shared<const Addresses>(Addresses{kOne, kTwo, kThree}), nullptr),
        true);
    simulation_.RunUntilIdle();
  }
  void Listen(const Address& address) {
    listener_ = std::make_unique<test::PeerListener>(simulation_.network(), simulation_.loop(), address);
  }
  test::LoopbackFaults& faults(const Address& address) { return simulation_.network().faults(address); }
  uint64_t connects() { return simulation_.network().connects(); }
  const Address& remote() { return owned_->connection.transport().remote_address(); }

  const Address kOne = *Address::Ip("10.0.0.1", 80);
  const Address kTwo = *Address::Ip("2001:db8::2", 80);
  const Address kThree = *Address::Ip("10.0.0.3", 80);
  test::Simulation simulation_;
  test::LoopbackConnector connector_{simulation_.network(), simulation_.loop()};
  std::unique_ptr<test::PeerListener> listener_;
  std::unique_ptr<Owned> owned_;
};

TEST_F(HappyEyeballsTest, TheFirstIsEnough) {
  Listen(kOne);
  Connect();
  EXPECT_TRUE(owned_->connected);
  EXPECT_EQ(remote(), kOne);
  owned_->codec.Send("hello");
  listener_->peer(0).Send("world");
  simulation_.AdvanceTime(milliseconds(2000));
  EXPECT_EQ(connects(), 1u);
  EXPECT_EQ(listener_->peer(0).received(), "hello");
  EXPECT_EQ(owned_->codec.received, "world");
}

TEST_F(HappyEyeballsTest, WhatFailsIsFollowedAtOnce) {
  Listen(kThree);
  faults(kOne) = {.connect_error = EMFILE, .connect_error_at_once = true};
  faults(kTwo).connect_error = ECONNREFUSED;
  Connect();
  EXPECT_TRUE(owned_->connected);
  EXPECT_EQ(remote(), kThree);
  EXPECT_EQ(connects(), 3u);
}

TEST_F(HappyEyeballsTest, WhatIsSlowIsFollowedAfterAWhile) {
  Listen(kTwo);
  faults(kOne).connect_hangs = true;
  Connect();
  simulation_.AdvanceTime(milliseconds(299));
  EXPECT_EQ(connects(), 1u);
  EXPECT_EQ(remote(), kOne);
  EXPECT_FALSE(owned_->connected);
  simulation_.AdvanceTime(milliseconds(1));
  EXPECT_TRUE(owned_->connected);
  EXPECT_EQ(remote(), kTwo);
  simulation_.AdvanceTime(milliseconds(2000));
  EXPECT_EQ(connects(), 2u);
}

// The time of one that has failed brings nobody behind the last.
TEST_F(HappyEyeballsTest, TheLastIsTheLast) {
  faults(kOne) = {.connect_error = ECONNREFUSED, .delay = milliseconds(100)};
  faults(kTwo) = {.connect_error = ECONNREFUSED, .delay = milliseconds(100)};
  faults(kThree).connect_hangs = true;
  Connect();
  simulation_.AdvanceTime(milliseconds(2000));
  EXPECT_EQ(connects(), 3u);
  EXPECT_EQ(remote(), kThree);
  EXPECT_FALSE(owned_->connected);
  EXPECT_FALSE(owned_->closed);
}

TEST_F(HappyEyeballsTest, TheLastFailsAtOnceBesideTheFirst) {
  faults(kOne).connect_hangs = true;
  faults(kTwo) = {.connect_error = ECONNREFUSED, .delay = milliseconds(100)};
  faults(kThree) = {.connect_error = EMFILE, .connect_error_at_once = true};
  Connect();
  simulation_.AdvanceTime(milliseconds(2000));
  EXPECT_EQ(connects(), 3u);
  EXPECT_EQ(remote(), kOne);
  EXPECT_FALSE(owned_->connected);
  EXPECT_FALSE(owned_->closed);
}

// Whoever is there first: also one that began earlier than others.
TEST_F(HappyEyeballsTest, TheSlowOneMayStillBeFirst) {
  Listen(kOne);
  faults(kOne).delay = milliseconds(200);
  faults(kTwo).connect_hangs = true;
  Connect();
  simulation_.AdvanceTime(milliseconds(400));
  EXPECT_TRUE(owned_->connected);
  EXPECT_EQ(remote(), kOne);
  EXPECT_EQ(connects(), 2u);
  owned_->codec.Send("hello");
  simulation_.AdvanceTime(milliseconds(400));
  EXPECT_EQ(listener_->peer(0).received(), "hello");
}

// Those that connect in the same turn as another, or later, are closed; nothing goes to them.
TEST_F(HappyEyeballsTest, TheOthersAreClosed) {
  Listen(kOne);
  test::PeerListener other(simulation_.network(), simulation_.loop(), kTwo);
  faults(kOne).delay = milliseconds(200);
  faults(kTwo).delay = milliseconds(50);
  Connect();
  simulation_.AdvanceTime(milliseconds(1000));
  EXPECT_TRUE(owned_->connected);
  ASSERT_EQ(listener_->size() + other.size(), 2u);
  test::Peer& left = remote() == kOne ? other.peer(0) : listener_->peer(0);
  EXPECT_TRUE(left.ended());
  EXPECT_EQ(left.received(), "");
  EXPECT_FALSE(owned_->closed);
}

TEST_F(HappyEyeballsTest, AllFail) {
  faults(kOne).connect_error = ECONNREFUSED;
  faults(kTwo).connect_error = ENETUNREACH;
  faults(kThree).connect_error = EHOSTUNREACH;
  Connect();
  EXPECT_EQ(owned_->closed, CloseReason::kConnectFailed);
  EXPECT_EQ(owned_->error, EHOSTUNREACH);
  EXPECT_EQ(connects(), 3u);
}

TEST_F(HappyEyeballsTest, AllFailAtOnce) {
  for (const Address& address : {kOne, kTwo, kThree}) faults(address) = {.connect_error = EMFILE, .connect_error_at_once = true};
  Connect();
  EXPECT_EQ(owned_->closed, CloseReason::kConnectFailed);
  EXPECT_EQ(owned_->error, EMFILE);
}

// The last attempts fail when their time comes, and the first goes on.
TEST_F(HappyEyeballsTest, TheFirstGoesOnAlone) {
  Listen(kOne);
  faults(kOne).delay = milliseconds(500);
  faults(kTwo) = faults(kThree) = {.connect_error = EMFILE, .connect_error_at_once = true};
  Connect();
  simulation_.AdvanceTime(milliseconds(999));
  EXPECT_EQ(connects(), 3u);
  EXPECT_FALSE(owned_->connected);
  EXPECT_FALSE(owned_->closed);
  simulation_.AdvanceTime(milliseconds(1));
  EXPECT_TRUE(owned_->connected);
}

// What was to begin when the time had come may have begun before.
TEST_F(HappyEyeballsTest, TheLastOneHasAllTheTime) {
  faults(kOne) = faults(kTwo) = {.connect_error = ECONNREFUSED, .delay = milliseconds(50)};
  faults(kThree).connect_hangs = true;
  Connect();
  simulation_.AdvanceTime(milliseconds(2000));
  EXPECT_EQ(connects(), 3u);
  EXPECT_EQ(remote(), kThree);
  EXPECT_FALSE(owned_->closed);
}

TEST_F(HappyEyeballsTest, GivenUpWhileItConnects) {
  for (const Address& address : {kOne, kTwo, kThree}) faults(address).connect_hangs = true;
  Connect();
  simulation_.AdvanceTime(milliseconds(400));
  EXPECT_EQ(connects(), 2u);
  owned_->connection.Abort();
  simulation_.RunUntilIdle();
  EXPECT_EQ(owned_->closed, CloseReason::kLocal);
  owned_.reset();
  simulation_.AdvanceTime(milliseconds(1000));
  EXPECT_EQ(connects(), 2u);
}

}  // namespace
}  // namespace pillion::net
