#include "source/net/connection.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "test/support/loopback.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"
#include "test/unit/net/scripted_codec.h"

namespace pillion::net {
namespace {

using codec::Ending;
using std::chrono::milliseconds;
using test::LoopbackFaults;
using test::Peer;

const Address kServer = *Address::Ip("10.0.0.1", 80);

class ConnectionTest : public testing::Test {
 public:
  // A connection that was accepted, and its peer.
  void Accept(const LoopbackFaults& faults = {}, const ConnectionOptions& options = {}) {
    auto [near, far] = simulation_.network().Pair(simulation_.loop(), simulation_.loop(), faults);
    owned_ = std::make_unique<Owned>(simulation_.worker(), std::move(near), false, options);
    peer_ = std::make_unique<Peer>(std::move(far));
    Run();
  }
  void Connect() {
    owned_ = std::make_unique<Owned>(simulation_.worker(), simulation_.network().Connect(simulation_.loop(), kServer),
                                     true);
  }
  void Run() { simulation_.RunUntilIdle(); }

  Connection& connection() { return owned_->connection; }
  ScriptedCodec& codec() { return owned_->codec; }
  Peer& peer() { return *peer_; }

  test::Simulation simulation_;
  std::unique_ptr<Peer> peer_;
  std::unique_ptr<Owned> owned_;
};

TEST_F(ConnectionTest, CarriesBytesBothWays) {
  Accept();
  peer().Send("hello");
  codec().Send("world");
  Run();
  EXPECT_EQ(codec().received, "hello");
  EXPECT_EQ(peer().received(), "world");
  EXPECT_EQ(connection().bytes_read(), 5u);
  EXPECT_EQ(connection().bytes_written(), 5u);
  EXPECT_FALSE(owned_->closed);
}

TEST_F(ConnectionTest, ConnectsAndSendsWhatWaited) {
  test::PeerListener listener(simulation_.network(), simulation_.loop(), kServer);
  Connect();
  codec().Send("early");
  EXPECT_TRUE(connection().connecting());
  EXPECT_FALSE(owned_->connected);
  Run();
  EXPECT_TRUE(owned_->connected);
  EXPECT_FALSE(connection().connecting());
  ASSERT_EQ(listener.size(), 1u);
  EXPECT_EQ(listener.peer(0).received(), "early");
  EXPECT_EQ(connection().transport().remote_address(), kServer);
}

TEST_F(ConnectionTest, ConnectThatIsRefused) {
  Connect();
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kConnectFailed);
  EXPECT_EQ(owned_->error, ECONNREFUSED);
  EXPECT_EQ(codec().aborts, 1);
  EXPECT_TRUE(owned_->disposed);
  EXPECT_FALSE(owned_->connected);
}

TEST_F(ConnectionTest, ConnectThatFailsAtOnceIsToldInATurn) {
  simulation_.network().faults(kServer) = {.connect_error = EMFILE, .connect_error_at_once = true};
  Connect();
  EXPECT_FALSE(owned_->closed);
  EXPECT_TRUE(connection().closing());
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kConnectFailed);
  EXPECT_EQ(owned_->error, EMFILE);
}

TEST_F(ConnectionTest, ConnectThatHangsIsGivenUpByItsOwner) {
  simulation_.network().faults(kServer).connect_hangs = true;
  Connect();
  Run();
  EXPECT_TRUE(connection().connecting());
  connection().Abort();
  EXPECT_TRUE(connection().closing());
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kLocal);
  EXPECT_TRUE(connection().closed());
}

TEST_F(ConnectionTest, WhatTheCodecDoesNotTakeComesAgain) {
  Accept();
  codec().takes = 2;
  peer().Send("abcde");
  Run();
  EXPECT_EQ(codec().received, "abcde");
  EXPECT_EQ(codec().receives, 3);
}

TEST_F(ConnectionTest, APausedCodecGetsNothingAndBoundsWhatIsRead) {
  Accept({.pipe_bytes = 10'000'000});
  codec().wants = false;
  peer().Send(std::string(5'000'000, 'x'));
  Run();
  EXPECT_EQ(codec().receives, 0);
  EXPECT_EQ(connection().bytes_read(), 0u);
  codec().wants = true;
  codec().on_receive = [this] { codec().wants = false; };
  connection().ReadingResumed();
  Run();
  EXPECT_EQ(codec().receives, 1);
  EXPECT_LE(connection().bytes_read(), 64u * 1024);
  codec().on_receive = [] {};
  codec().wants = true;
  connection().ReadingResumed();
  Run();
  EXPECT_EQ(codec().received.size(), 5'000'000u);
}

TEST_F(ConnectionTest, AnotherCodecGetsWhatTheFirstLeft) {
  Accept();
  ScriptedCodec second(connection());
  codec().takes = 0;
  codec().on_receive = [&] { connection().set_codec(second); };
  peer().Send("PRI * HTTP/2.0");
  Run();
  EXPECT_EQ(codec().receives, 1);
  EXPECT_EQ(second.received, "PRI * HTTP/2.0");
  connection().Close();
  Run();
  EXPECT_EQ(second.aborts, 1);
  EXPECT_EQ(codec().aborts, 0);
}

TEST_F(ConnectionTest, ThePeersHalfCloseIsToldOnceAndWritingGoesOn) {
  Accept({.pipe_bytes = 100});
  peer().Send("last");
  peer().EndSending();
  Run();
  EXPECT_EQ(codec().received, "last");
  EXPECT_EQ(codec().ends, 1);
  EXPECT_TRUE(connection().read_ended());
  // Each time the pipe has room again there is an edge, and it tells of the end again.
  peer().StopReading();
  codec().Send(std::string(1000, 'y'));
  Run();
  for (int i = 0; i < 20; ++i) {
    peer().ReadAgain();
    Run();
  }
  EXPECT_EQ(peer().received().size(), 1000u);
  EXPECT_EQ(codec().ends, 1);
  EXPECT_FALSE(owned_->closed);
}

TEST_F(ConnectionTest, OwnHalfCloseFollowsTheOutput) {
  Accept({.pipe_bytes = 10});
  peer().StopReading();
  codec().Send(std::string(25, 'z'));
  connection().EndOutput();
  Run();
  EXPECT_FALSE(peer().ended());
  peer().ReadAgain();
  Run();
  EXPECT_EQ(peer().received().size(), 25u);
  EXPECT_TRUE(peer().ended());
  // The other direction lives.
  peer().Send("still");
  Run();
  EXPECT_EQ(codec().received, "still");
  EXPECT_FALSE(owned_->closed);
}

TEST_F(ConnectionTest, OutputIsBoundedWhileThePeerDoesNotRead) {
  Accept({.pipe_bytes = 1000}, {.output_limit = 5000});
  peer().StopReading();
  codec().Send(std::string(100'000, 'o'));
  Run();
  EXPECT_GE(codec().to_produce.size(), 100'000u - 6000u);  // the limit, and what the pipe took
  EXPECT_EQ(codec().drained, 0);
  peer().ReadAgain();
  Run();
  EXPECT_EQ(peer().received().size(), 100'000u);
  EXPECT_GT(codec().drained, 0);
}

TEST_F(ConnectionTest, ShortReadsAndWritesLoseNothing) {
  Accept({.pipe_bytes = 7, .most_read = 3, .most_written = 2});
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i);
  peer().Send(text);
  codec().Send(text);
  Run();
  EXPECT_EQ(codec().received, text);
  EXPECT_EQ(peer().received(), text);
}

TEST_F(ConnectionTest, OneConnectionDoesNotKeepTheTurn) {
  Accept({.pipe_bytes = 10'000'000});
  peer().StopReading();
  peer().Send(std::string(5'000'000, 'x'));
  simulation_.loop().RunTurn();
  // 64 KiB blocks, four in the event and four in the step.
  EXPECT_GT(codec().received.size(), 0u);
  EXPECT_LE(codec().received.size(), 8u * 64 * 1024);
  Run();
  EXPECT_EQ(codec().received.size(), 5'000'000u);
}

TEST_F(ConnectionTest, ResetByThePeer) {
  Accept();
  peer().Reset();
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kError);
  EXPECT_EQ(owned_->error, ECONNRESET);
  EXPECT_EQ(codec().aborts, 1);
  EXPECT_EQ(codec().ends, 0);
}

TEST_F(ConnectionTest, ResetIsSeenWhilePaused) {
  Accept();
  codec().wants = false;
  peer().Send("not read");
  Run();
  peer().Reset();
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kError);
  EXPECT_EQ(owned_->error, ECONNRESET);
}

TEST_F(ConnectionTest, WhatCameBeforeAResetIsRead) {
  Accept();
  peer().Send("before");
  peer().Reset();
  Run();
  EXPECT_EQ(codec().received, "before");
  EXPECT_EQ(owned_->closed, CloseReason::kError);
}

// The peer answers and goes while we write: the failed write must not hide the answer.
TEST_F(ConnectionTest, AFailedWriteReadsWhatIsLeftFirst) {
  Accept();
  codec().Send("request");
  peer().StopReading();
  Run();
  // After the events of this turn and before its flushes.
  event::Task goes(this, [](void* self) {
    auto* test = static_cast<ConnectionTest*>(self);
    test->peer().Send("early answer");
    test->peer().Close();
    test->codec().Send("more of the body");
  });
  simulation_.worker().Step(goes);
  Run();
  EXPECT_EQ(codec().received, "early answer");
  ASSERT_TRUE(owned_->closed);
  EXPECT_EQ(owned_->closed, CloseReason::kError);
}

TEST_F(ConnectionTest, AFailedWriteEndsAPausedConnection) {
  Accept();
  codec().wants = false;
  peer().Close();
  Run();
  EXPECT_FALSE(owned_->closed);
  codec().Send("nobody");
  Run();
  EXPECT_TRUE(owned_->closed);
}

TEST_F(ConnectionTest, CloseWritesFirstAndEndsWithoutReset) {
  Accept({.pipe_bytes = 10});
  peer().StopReading();
  codec().end = Ending::kClose;
  codec().Send(std::string(25, 'c'));
  Run();
  EXPECT_FALSE(owned_->closed);
  peer().ReadAgain();
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kFinished);
  EXPECT_EQ(codec().aborts, 1);
  owned_.reset();
  Run();
  EXPECT_EQ(peer().received().size(), 25u);
  EXPECT_TRUE(peer().ended());
  EXPECT_EQ(peer().error(), 0);
}

TEST_F(ConnectionTest, AClosingConnectionWaitsALingerTimeForAPeerThatDoesNotRead) {
  Accept({.pipe_bytes = 10}, {.linger = milliseconds(100)});
  peer().StopReading();
  codec().end = Ending::kClose;
  codec().Send(std::string(100, 'c'));
  Run();
  // It may send as it likes: that is no reason to wait longer.
  for (int i = 0; i < 9; ++i) {
    simulation_.AdvanceTime(milliseconds(10));
    peer().Send("x");
  }
  simulation_.AdvanceTime(milliseconds(9));
  EXPECT_FALSE(owned_->closed);
  simulation_.AdvanceTime(milliseconds(2));
  EXPECT_EQ(owned_->closed, CloseReason::kFinished);
}

TEST_F(ConnectionTest, AClosingConnectionGoesOnWhileThePeerReads) {
  Accept({.pipe_bytes = 10}, {.linger = milliseconds(100)});
  peer().StopReading();
  codec().end = Ending::kClose;
  codec().Send(std::string(100, 'c'));
  for (int i = 0; i < 9; ++i) {
    simulation_.AdvanceTime(milliseconds(90));
    EXPECT_FALSE(owned_->closed);
    peer().ReadAgain();
    peer().StopReading();
    Run();
  }
  EXPECT_EQ(owned_->closed, CloseReason::kFinished);
  peer().ReadAgain();
  EXPECT_EQ(peer().received().size(), 100u);
}

TEST_F(ConnectionTest, LingeringHalfClosesAndDiscards) {
  Accept({}, {.linger = milliseconds(100)});
  codec().end = Ending::kLinger;
  codec().Send("413");
  Run();
  EXPECT_EQ(peer().received(), "413");
  EXPECT_TRUE(peer().ended());
  EXPECT_FALSE(owned_->closed);
  peer().Send(std::string(1'000'000, 'b'));
  Run();
  EXPECT_TRUE(peer().sent_all());
  EXPECT_EQ(codec().received, "");
  peer().EndSending();
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kFinished);
  owned_.reset();
  Run();
  EXPECT_EQ(peer().error(), 0);
}

TEST_F(ConnectionTest, LingeringEndsInTime) {
  Accept({}, {.linger = milliseconds(100)});
  codec().end = Ending::kLinger;
  codec().Send("413");
  for (int i = 0; i < 9; ++i) {
    simulation_.AdvanceTime(milliseconds(10));
    peer().Send("b");
  }
  EXPECT_FALSE(owned_->closed);
  simulation_.AdvanceTime(milliseconds(11));
  EXPECT_EQ(owned_->closed, CloseReason::kFinished);
}

TEST_F(ConnectionTest, LingeringIsOverWhenThePeerHasEnded) {
  Accept();
  peer().EndSending();
  Run();
  codec().end = Ending::kLinger;
  codec().Send("done");
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kFinished);
  EXPECT_EQ(peer().received(), "done");
}

TEST_F(ConnectionTest, AbortEndingIsAResetForThePeer) {
  Accept();
  codec().end = Ending::kAbort;
  connection().Reconsider();
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kFinished);
  owned_.reset();
  Run();
  EXPECT_EQ(peer().error(), ECONNRESET);
}

TEST_F(ConnectionTest, CloseDropsOutputAndTellsOnce) {
  Accept({.pipe_bytes = 4});
  peer().StopReading();
  codec().Send("0123456789");
  Run();
  connection().Close();
  connection().Close();
  connection().Abort();
  EXPECT_TRUE(connection().closing());
  EXPECT_FALSE(connection().closed());
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kLocal);
  EXPECT_EQ(codec().aborts, 1);
  peer().Send("late");
  Run();
  EXPECT_EQ(codec().received, "");
}

TEST_F(ConnectionTest, DelayAndResetInTheMiddle) {
  Accept({.delay = milliseconds(5), .reset_to_client = 6});
  peer().Send("abc");
  Run();
  EXPECT_EQ(codec().received, "");
  simulation_.AdvanceTime(milliseconds(5));
  EXPECT_EQ(codec().received, "abc");
  peer().Send("defgh");
  simulation_.AdvanceTime(milliseconds(5));
  EXPECT_EQ(codec().received, "abcdef");
  EXPECT_EQ(owned_->closed, CloseReason::kError);
  EXPECT_EQ(owned_->error, ECONNRESET);
}

TEST_F(ConnectionTest, NothingIsLeftInTheWorker) {
  for (int i = 0; i < 3; ++i) {
    Accept();
    peer().Send("in");
    codec().Send("out");
    Run();
    connection().Close();
    Run();
    owned_.reset();
    peer_.reset();
    Run();
  }
  // The worker keeps the block it reads into.
  EXPECT_LE(simulation_.worker().blocks().blocks_taken(), 1u);
}

}  // namespace
}  // namespace pillion::net
