#include "source/net/internal_transport.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "source/net/internal_listeners.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"
#include "test/unit/net/scripted_codec.h"

namespace pillion::net {
namespace {

using codec::Ending;
using test::Peer;

const Address kAddress = Address::Internal("inner", "10.0.0.1:80");

class InternalTransportTest : public testing::Test {
 public:
  // Both ends in the hands of the test.
  void Pair(size_t pipe_bytes = 1000) {
    InternalTransport::Ends ends = InternalTransport::Pair(simulation_.worker(), kAddress, pipe_bytes);
    up_ = std::make_unique<Peer>(std::move(ends.upstream));
    down_ = std::make_unique<Peer>(std::move(ends.downstream));
    Run();
  }
  // The downstream one is a connection.
  void Accept(size_t pipe_bytes, const ConnectionOptions& options = {}) {
    InternalTransport::Ends ends = InternalTransport::Pair(simulation_.worker(), kAddress, pipe_bytes);
    up_ = std::make_unique<Peer>(std::move(ends.upstream));
    owned_ = std::make_unique<Owned>(simulation_.worker(), std::move(ends.downstream), false, options);
    Run();
  }
  void Run() { simulation_.RunUntilIdle(); }

  test::Simulation simulation_;
  std::unique_ptr<Peer> up_;
  std::unique_ptr<Peer> down_;
  std::unique_ptr<Owned> owned_;
};

TEST_F(InternalTransportTest, CarriesBytesBothWaysAndKnowsItsAddresses) {
  Pair();
  up_->Send("hello");
  down_->Send("world");
  EXPECT_EQ(down_->received(), "");  // in a turn, never at once
  Run();
  EXPECT_EQ(down_->received(), "hello");
  EXPECT_EQ(up_->received(), "world");
  EXPECT_EQ(up_->transport().remote_address(), kAddress);
  EXPECT_EQ(up_->transport().local_address().text(), "envoy://internal_client_address/");
  EXPECT_EQ(down_->transport().local_address().text(), "envoy://inner/10.0.0.1:80");
  EXPECT_EQ(down_->transport().remote_address().text(), "envoy://internal_client_address/");
  EXPECT_EQ(up_->transport().connect_error(), 0);
}

TEST_F(InternalTransportTest, AHalfCloseIsOne) {
  Pair();
  up_->Send("all");
  up_->EndSending();
  Run();
  EXPECT_EQ(down_->received(), "all");
  EXPECT_TRUE(down_->ended());
  EXPECT_FALSE(up_->ended());
  down_->Send("answer");
  down_->EndSending();
  Run();
  EXPECT_EQ(up_->received(), "answer");
  EXPECT_TRUE(up_->ended());
  EXPECT_EQ(up_->error(), 0);
}

TEST_F(InternalTransportTest, TakesNoMoreThanFitsUntilItIsRead) {
  Pair(1000);
  down_->StopReading();
  up_->Send(std::string(2500, 'x'));
  Run();
  EXPECT_FALSE(up_->sent_all());
  EXPECT_EQ(down_->received(), "");
  down_->ReadAgain();
  Run();
  EXPECT_TRUE(up_->sent_all());
  EXPECT_EQ(down_->received(), std::string(2500, 'x'));
}

TEST_F(InternalTransportTest, AResetComesBehindWhatWasSent) {
  Pair();
  up_->Send("last words");
  up_->Reset();
  Run();
  EXPECT_EQ(down_->received(), "last words");
  EXPECT_EQ(down_->error(), ECONNRESET);
}

TEST_F(InternalTransportTest, WhoClosesWithoutReadingResets) {
  Pair();
  up_->StopReading();
  down_->Send("unread");
  Run();
  up_->Close();
  Run();
  EXPECT_EQ(down_->error(), ECONNRESET);
}

TEST_F(InternalTransportTest, WhoClosesInOrderEnds) {
  Pair();
  up_->Send("bye");
  up_->Close();
  Run();
  EXPECT_EQ(down_->received(), "bye");
  EXPECT_TRUE(down_->ended());
  EXPECT_EQ(down_->error(), 0);
  down_->Send("anybody?");
  EXPECT_EQ(down_->error(), EPIPE);
}

TEST_F(InternalTransportTest, BlocksGoThroughAsTheyAre) {
  InternalTransport::Ends ends = InternalTransport::Pair(simulation_.worker(), kAddress, 100'000);
  base::BlockPool& pool = simulation_.worker().blocks();
  base::Buffer output(pool);
  base::Slice slice = base::Slice::Copy(pool, std::string(20'000, 'x'));
  const char* const bytes = slice.data();
  output.Append(std::move(slice));
  ASSERT_TRUE(ends.upstream->hands_over());
  const IoResult given = ends.upstream->GiveBlocks(output);
  EXPECT_EQ(given.status, IoStatus::kOk);
  EXPECT_EQ(given.bytes, 20'000u);
  EXPECT_TRUE(output.empty());
  base::Slice taken;
  EXPECT_EQ(ends.downstream->TakeBlock(taken).bytes, 20'000u);
  EXPECT_EQ(static_cast<const void*>(taken.data()), static_cast<const void*>(bytes));
  EXPECT_EQ(ends.downstream->TakeBlock(taken).status, IoStatus::kWouldBlock);
}

TEST_F(InternalTransportTest, OfBlocksAsManyGoAsThereIsRoomFor) {
  InternalTransport::Ends ends = InternalTransport::Pair(simulation_.worker(), kAddress, 10'000);
  base::BlockPool& pool = simulation_.worker().blocks();
  base::Buffer output(pool);
  output.Append(base::Slice::Copy(pool, std::string(9'000, 'a')));
  output.Append(base::Slice::Copy(pool, std::string(9'000, 'b')));
  EXPECT_EQ(ends.upstream->GiveBlocks(output).bytes, 10'000u);
  EXPECT_EQ(output.size(), 8'000u);
  EXPECT_EQ(ends.upstream->GiveBlocks(output).status, IoStatus::kWouldBlock);
  std::string read(20'000, ' ');
  EXPECT_EQ(ends.downstream->Read(read).bytes, 10'000u);
  EXPECT_EQ(read.substr(0, 10'000), std::string(9'000, 'a') + std::string(1'000, 'b'));
  EXPECT_EQ(ends.upstream->GiveBlocks(output).bytes, 8'000u);
}

TEST_F(InternalTransportTest, AConnectionReadsAndWritesIt) {
  Accept(64 * 1024);
  const std::string much(300'000, 'm');
  up_->Send(much);
  owned_->codec.Send(much);
  Run();
  EXPECT_EQ(owned_->codec.received, much);
  EXPECT_EQ(up_->received(), much);
  EXPECT_EQ(owned_->connection.bytes_read(), much.size());
  EXPECT_EQ(owned_->connection.bytes_written(), much.size());
}

TEST_F(InternalTransportTest, AConnectionThatDoesNotReadMakesTheOtherStop) {
  Accept(10'000);
  owned_->codec.wants = false;
  up_->Send(std::string(50'000, 'm'));
  Run();
  EXPECT_FALSE(up_->sent_all());
  EXPECT_EQ(owned_->codec.received, "");
  owned_->codec.wants = true;
  owned_->connection.ReadingResumed();
  Run();
  EXPECT_TRUE(up_->sent_all());
  EXPECT_EQ(owned_->codec.received.size(), 50'000u);
}

TEST_F(InternalTransportTest, AConnectionThatIsCutShortIsAReset) {
  Accept(10'000);
  owned_->connection.Abort();
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kLocal);
  owned_.reset();
  Run();
  EXPECT_EQ(up_->error(), ECONNRESET);
}

TEST_F(InternalTransportTest, AConnectionSeesTheReset) {
  Accept(10'000);
  up_->Reset();
  Run();
  EXPECT_EQ(owned_->closed, CloseReason::kError);
  EXPECT_EQ(owned_->error, ECONNRESET);
}

TEST_F(InternalTransportTest, AConnectionEndsWhenBothSidesHave) {
  Accept(10'000);
  up_->Send("request");
  up_->EndSending();
  Run();
  EXPECT_EQ(owned_->codec.ends, 1);
  owned_->codec.Send("answer");
  owned_->codec.end = Ending::kClose;
  owned_->connection.Reconsider();
  Run();
  EXPECT_EQ(up_->received(), "answer");
  EXPECT_EQ(owned_->closed, CloseReason::kFinished);
  owned_.reset();
  Run();
  EXPECT_TRUE(up_->ended());
  EXPECT_EQ(up_->error(), 0);
}

// Keeps what it gets.
class Taker final : public AcceptEvents {
 public:
  std::vector<std::unique_ptr<Transport>> taken;

 private:
  void OnAccept(std::unique_ptr<Transport> transport) override { taken.push_back(std::move(transport)); }
  void OnAccepted(uint32_t) override {}
  void OnAcceptFailed(int) override {}
};

class InternalListenersTest : public testing::Test {
 public:
  void Run() { simulation_.RunUntilIdle(); }

  test::Simulation simulation_;
  InternalListeners listeners_{simulation_.worker()};
  Taker taker_;
};

TEST_F(InternalListenersTest, GivesTheOtherEndInALaterStep) {
  listeners_.Add("inner", taker_);
  Peer peer(listeners_.Connect(kAddress));
  EXPECT_TRUE(taker_.taken.empty());
  Run();
  ASSERT_EQ(taker_.taken.size(), 1u);
  Peer other(std::move(taker_.taken[0]));
  peer.Send("hello");
  Run();
  EXPECT_EQ(other.received(), "hello");
}

TEST_F(InternalListenersTest, RefusesWhereNobodyIs) {
  listeners_.Add("another", taker_);
  Owned owned(simulation_.worker(), listeners_.Connect(kAddress), true);
  Run();
  EXPECT_EQ(owned.closed, CloseReason::kConnectFailed);
  EXPECT_EQ(owned.error, ECONNREFUSED);
  EXPECT_FALSE(owned.connected);
}

TEST_F(InternalListenersTest, WhoIsRemovedMeanwhileGetsNone) {
  listeners_.Add("inner", taker_);
  Owned owned(simulation_.worker(), listeners_.Connect(kAddress), true);
  listeners_.Remove(taker_);
  Run();
  EXPECT_TRUE(taker_.taken.empty());
  EXPECT_TRUE(owned.closed.has_value());
  EXPECT_EQ(owned.error, ECONNRESET);
}

TEST_F(InternalListenersTest, TheLastOneOfANameGetsThem) {
  Taker later;
  listeners_.Add("inner", taker_);
  listeners_.Add("inner", later);
  listeners_.Remove(taker_);  // leaves the other one its name
  Peer peer(listeners_.Connect(kAddress));
  Run();
  EXPECT_TRUE(taker_.taken.empty());
  ASSERT_EQ(later.taken.size(), 1u);
  later.taken.clear();
  Run();
  EXPECT_TRUE(peer.ended());
}

TEST_F(InternalListenersTest, PipesAreAsLargeAsIsSaid) {
  listeners_.Add("inner", taker_);
  listeners_.set_pipe_bytes(100);
  Peer peer(listeners_.Connect(kAddress));
  Run();
  peer.Send(std::string(101, 'x'));
  EXPECT_FALSE(peer.sent_all());
  taker_.taken.clear();
}

TEST_F(InternalListenersTest, TellsWhatIsPassed) {
  listeners_.Add("inner", taker_);
  std::unique_ptr<Transport> transport = listeners_.Connect(kAddress);
  const auto passed = std::make_shared<Passed>();
  passed->objects.push_back({.name = "key", .text = "value"});
  transport->Pass(passed);
  Run();
  ASSERT_EQ(taker_.taken.size(), 1u);
  EXPECT_EQ(taker_.taken[0]->passed(), passed);
  EXPECT_EQ(transport->passed(), nullptr);
  taker_.taken.clear();
}

TEST(Passed, ObjectsAreReadAsTheyWereWritten) {
  const std::vector<Passed::Object> objects = {
      {.name = "a", .text = std::string("\0x", 2), .json = "", .read_only = true, .transitive = false},
      {.name = "", .text = "", .json = "{}", .read_only = false, .transitive = true},
  };
  std::string text;
  for (const Passed::Object& object : objects) AppendObject(text, object);
  EXPECT_EQ(ReadObjects(text), objects);
  EXPECT_EQ(ReadObjects("").size(), 0u);
  // What is cut short gives what is whole.
  EXPECT_EQ(ReadObjects(std::string_view(text).substr(0, text.size() - 1)).size(), 1u);
  EXPECT_EQ(ReadObjects("\xff\xff\xff\xff\xff").size(), 0u);
}

TEST(Passed, FindsByName) {
  Passed passed;
  passed.objects.push_back({.name = "key", .text = "value"});
  ASSERT_NE(passed.Find("key"), nullptr);
  EXPECT_EQ(passed.Find("key")->text, "value");
  EXPECT_EQ(passed.Find("ke"), nullptr);
}

}  // namespace
}  // namespace pillion::net
