// Sessions: which are resumed, and which never are.

#include "gtest/gtest.h"
#include "test/unit/tls/world.h"

namespace pillion::tls {
namespace {

class TlsTransportTest : public ::testing::Test {
 protected:
  World world_;
};

// By then the server has another one, which a session would hide.
TEST_F(TlsTransportTest, NoSessionOfACertificateThatHasExpired) {
  for (const bool tls12 : {false, true}) {
    ContextParts parts = world_.Client();
    if (tls12) parts.most = Version::kTls12;
    const auto server = Build(world_.Server());
    const auto client = Build(std::move(parts));
    world_.Connect(server, client);
    world_.server->Send("y");
    world_.Run();
    // The simulated time is not that of the certificates.
    const absl::Duration left = identity::NotAfter(world_.server_svid.certificate()) -
                                absl::FromChrono(world_.simulation.clock().WallNow());
    world_.simulation.clock().JumpWall(absl::ToChronoNanoseconds(left + absl::Hours(1)));
    world_.simulation.AdvanceTime(std::chrono::milliseconds(1));  // a turn, in which the worker reads the clock
    world_.Connect(server, client);
    world_.server->Send("y");
    world_.Run();
    EXPECT_EQ(world_.client->received(), "y");
    EXPECT_EQ(world_.client->error(), 0);
    EXPECT_FALSE(world_.client_tls->tls()->resumed());
  }
}

TEST_F(TlsTransportTest, SessionsAreResumed) {
  const auto server = Build(world_.Server());
  const auto client = Build(world_.Client());
  for (int i = 0; i < 3; ++i) {
    world_.Connect(server, client);
    world_.client->Send("x");
    world_.server->Send("y");  // the ticket comes before it
    world_.Run();
    EXPECT_EQ(world_.server->received(), "x");
    EXPECT_EQ(world_.server_tls->tls()->resumed(), i > 0);
    EXPECT_EQ(world_.server_tls->tls()->peer()->Joined(identity::NameType::kUri), "spiffe://td.test/client");
  }
  EXPECT_EQ(world_.Counted("session_reused"), 2u);
}

// Two servers that were given the same keys, in another order, as while they are replaced.
TEST_F(TlsTransportTest, TicketsUnderKeysThatWereGiven) {
  const std::string old_key(TicketKeys::kBytes, 'o');
  const std::string new_key(TicketKeys::kBytes, 'n');
  const auto client = Build(world_.Client());
  const auto resumed = [&](std::vector<std::string> keys) {
    ContextParts parts = world_.Server();
    parts.ticket_keys = std::move(keys);
    world_.Connect(Build(std::move(parts)), client);
    world_.client->Send("x");
    world_.server->Send("y");
    world_.Run();
    EXPECT_EQ(world_.server->received(), "x");
    return world_.server_tls->tls()->resumed();
  };
  EXPECT_FALSE(resumed({old_key}));
  EXPECT_TRUE(resumed({old_key}));
  EXPECT_TRUE(resumed({new_key, old_key}));
  EXPECT_TRUE(resumed({new_key}));  // it was sealed anew
  EXPECT_FALSE(resumed({old_key}));
}

TEST_F(TlsTransportTest, OwnTicketKeysChange) {
  ContextParts parts = world_.Server();
  parts.session_timeout = std::chrono::hours(100);
  const auto server = Build(std::move(parts));
  const auto client = Build(world_.Client());
  const auto resumed_after = [&](base::Duration time) {
    world_.simulation.AdvanceTime(time);
    world_.Connect(server, client);
    world_.client->Send("x");
    world_.server->Send("y");
    world_.Run();
    return world_.server_tls->tls()->resumed();
  };
  constexpr auto kLife = std::chrono::hours(12);
  EXPECT_FALSE(resumed_after(base::Duration::zero()));
  EXPECT_TRUE(resumed_after(kLife / 2));
  EXPECT_TRUE(resumed_after(kLife));       // by the key before, and sealed anew
  EXPECT_FALSE(resumed_after(3 * kLife));  // no key is kept for so long
  EXPECT_TRUE(resumed_after(base::Duration::zero()));
}

TEST_F(TlsTransportTest, J23ASessionOfAnotherPolicyIsNotResumed) {
  for (const bool tls12 : {false, true}) {
    ContextParts parts = world_.Client();
    if (tls12) parts.most = Version::kTls12;
    const auto client = Build(std::move(parts));
    // Filter chains that were given the same keys can read each other's tickets.
    const auto resumed = [&](std::shared_ptr<const identity::PeerPolicy> policy) {
      ContextParts server = world_.Server();
      server.ticket_keys = {std::string(TicketKeys::kBytes, 'k')};
      server.policy = std::move(policy);
      world_.Connect(Build(std::move(server)), client);
      world_.client->Send("x");
      world_.server->Send("y");
      world_.Run();
      EXPECT_EQ(world_.server->error(), 0);
      EXPECT_EQ(world_.server->received(), "x");
      return world_.server_tls->tls()->resumed();
    };
    const test::Issued other = test::IssueCertificate(test::CaSpec("other"));
    identity::PeerPolicyParts both;
    both.trusted = *identity::ReadCertificates(world_.ca.pem() + other.pem());
    both.digest_text = world_.ca.pem() + other.pem();
    EXPECT_FALSE(resumed(TrustOf(world_.ca)));
    EXPECT_TRUE(resumed(TrustOf(world_.ca)));
    EXPECT_FALSE(resumed(TrustOf(world_.ca, "spiffe://td.test/client")));
    EXPECT_FALSE(resumed(std::make_shared<identity::PeerPolicy>(std::move(both))));
  }
}

TEST_F(TlsTransportTest, NothingIsResumedWithoutTickets) {
  ContextParts parts = world_.Server();
  parts.tickets = false;
  const auto server = Build(std::move(parts));
  const auto client = Build(world_.Client());
  for (int i = 0; i < 2; ++i) {
    world_.Connect(server, client);
    world_.server->Send("y");
    world_.Run();
    EXPECT_FALSE(world_.server_tls->tls()->resumed());
  }
}

}  // namespace
}  // namespace pillion::tls
