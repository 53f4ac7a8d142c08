#include "source/net/connection_balance.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/support/simulated_clock.h"

namespace pillion::net {
namespace {

struct Member final : AcceptEvents {
  Member(uint32_t index, const base::Clock& clock, ConnectionBalance& balance)
      : worker(index, clock), loop(worker), member(balance.Join(loop, *this)) {}

  void OnAccept(std::unique_ptr<Transport> transport) override {
    accepted.push_back(std::move(transport));
    counted = member.connections;
  }
  void OnAccepted(uint32_t) override {}
  void OnAcceptFailed(int) override {}

  event::Worker worker;
  event::EpollLoop loop;
  BalanceMember& member;
  std::vector<std::unique_ptr<Transport>> accepted;
  uint64_t counted = 0;  // of its connections, as others see them while it takes one over
};

// One end of a pair; the other end sees when it is closed.
struct Pair {
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0); }
  ~Pair() { close(ends[1]); }

  bool closed() const {
    char byte;
    return recv(ends[1], &byte, 1, 0) == 0;
  }

  int ends[2];
};

TEST(ConnectionBalance, TheWorkerWithTheFewestGetsIt) {
  test::SimulatedClock clock;
  ConnectionBalance balance;
  Member a(0, clock, balance), b(1, clock, balance), c(2, clock, balance);
  Pair pairs[7];
  for (Pair& pair : pairs) {
    balance.Place(a.member, pair.ends[0], *Address::Unix("@client"));
  }
  EXPECT_EQ(a.accepted.size(), 3u);  // of equals the one that accepted
  EXPECT_EQ(b.accepted.size(), 0u);  // on their way
  for (Member* member : {&b, &c}) member->worker.RunTurn();
  EXPECT_EQ(b.accepted.size(), 2u);
  EXPECT_EQ(c.accepted.size(), 2u);
  // Once each, also while they arrive: another worker may choose just then.
  EXPECT_EQ(a.counted, 3u);
  EXPECT_EQ(b.counted, 2u);
  EXPECT_EQ(b.accepted[0]->remote_address().text(), "@client");
  for (const Pair& pair : pairs) EXPECT_FALSE(pair.closed());
}

TEST(ConnectionBalance, WhoLeavesGetsWhatIsOnItsWay) {
  test::SimulatedClock clock;
  ConnectionBalance balance;
  Member a(0, clock, balance), b(1, clock, balance);
  a.member.connections = 5;
  Pair late, next;
  balance.Place(a.member, late.ends[0], *Address::Unix("@client"));
  balance.Leave(b.member);
  balance.Place(a.member, next.ends[0], *Address::Unix("@client"));
  b.worker.RunTurn();
  EXPECT_EQ(b.accepted.size(), 1u);
  EXPECT_FALSE(late.closed());
  EXPECT_EQ(a.accepted.size(), 1u);
}

TEST(ConnectionBalance, WhoIsGoneGetsNone) {
  test::SimulatedClock clock;
  ConnectionBalance balance;
  Member a(0, clock, balance), b(1, clock, balance);
  a.member.connections = 5;
  Pair late, next;
  balance.Place(a.member, late.ends[0], *Address::Unix("@client"));
  balance.End(b.member);
  b.worker.RunTurn();
  EXPECT_TRUE(b.accepted.empty());
  EXPECT_TRUE(late.closed());
  balance.Place(a.member, next.ends[0], *Address::Unix("@client"));
  EXPECT_EQ(a.accepted.size(), 1u);
}

}  // namespace
}  // namespace pillion::net
