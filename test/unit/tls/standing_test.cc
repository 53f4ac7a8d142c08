#include "source/tls/standing.h"

#include "gtest/gtest.h"
#include "test/unit/tls/world.h"

namespace pillion::tls {
namespace {

class StandingTest : public ::testing::Test {
 protected:
  // What is known of a connection from a client with `svid`.
  std::shared_ptr<Facts> FactsOf(const test::Issued& svid) {
    ContextParts client{.policy = TrustOf(world_.ca)};
    AddPair(client, svid);
    world_.Connect(Build(world_.Server()), Build(std::move(client)));
    return world_.server_tls->tls();
  }
  // A server's that trusts others as well, or only them.
  std::shared_ptr<const Context> Trusting(std::vector<const test::Issued*> roots) {
    identity::PeerPolicyParts policy;
    for (const test::Issued* root : roots) policy.digest_text += root->pem();
    policy.trusted = *identity::ReadCertificates(policy.digest_text);
    ContextParts changed = world_.Server();
    changed.policy = std::make_shared<identity::PeerPolicy>(std::move(policy));
    return Build(std::move(changed));
  }

  World world_;
  const test::Issued other_ = test::IssueCertificate(test::CaSpec("other"));
};

TEST_F(StandingTest, J25OfOneConnection) {
  world_.Connect(Build(world_.Server()), Build(world_.Client()));
  Facts& facts = *world_.server_tls->tls();
  const absl::Time now = absl::Now();
  EXPECT_EQ(Verdicts().Of(facts, *Build(world_.Server()), now), Standing::kGood);
  EXPECT_EQ(Verdicts().Of(facts, *Build(world_.Server()), now + absl::Hours(2)), Standing::kExpired);
  // Another policy that accepts the client still, one that wants another name, and one that trusts somebody else.
  ContextParts same = world_.Server();
  same.policy = TrustOf(world_.ca, "spiffe://td.test/client");
  EXPECT_EQ(Verdicts().Of(facts, *Build(std::move(same)), now), Standing::kGood);
  ContextParts named = world_.Server();
  named.policy = TrustOf(world_.ca, "spiffe://td.test/another");
  EXPECT_EQ(Verdicts().Of(facts, *Build(std::move(named)), now), Standing::kWithdrawn);
  ContextParts others = world_.Server();
  others.policy = TrustOf(test::IssueCertificate(test::CaSpec("other")));
  EXPECT_EQ(Verdicts().Of(facts, *Build(std::move(others)), now), Standing::kWithdrawn);
  // The other end likewise.
  ContextParts client = world_.Client();
  client.policy = TrustOf(test::IssueCertificate(test::CaSpec("other")));
  EXPECT_EQ(Verdicts().Of(*world_.client_tls->tls(), *Build(std::move(client)), now), Standing::kWithdrawn);
  EXPECT_EQ(Verdicts().Of(*world_.client_tls->tls(), *Build(world_.Client()), now), Standing::kGood);
  // Trust was withdrawn, and nothing is left.
  test::SimulatedClock clock;
  event::Worker worker(0, clock);
  EXPECT_FALSE(IdentityChecks(worker).Stands(facts, nullptr));
  test::Peer& silent = world_.ConnectRaw(Build(world_.Server()));
  EXPECT_EQ(Verdicts().Of(*world_.server_tls->tls(), *Build(world_.Server()), now + absl::Hours(2)), Standing::kGood);
  EXPECT_TRUE(IdentityChecks(worker).Stands(*world_.server_tls->tls(), nullptr));
  EXPECT_EQ(silent.error(), 0);
}

// A session has no intermediate certificates: more roots must not end what was resumed by one of theirs.
TEST_F(StandingTest, J25OfAResumedConnection) {
  const test::Issued middle = test::IssueCertificate(test::CaSpec("middle"), &world_.ca);
  const test::Issued svid = test::IssueSvid(middle, "spiffe://td.test/client");
  ContextParts parts{.policy = TrustOf(world_.ca)};
  auto pair = identity::ReadKeyPair(svid.pem() + middle.pem(), svid.key_pem(), "");
  parts.pairs.push_back(std::get<identity::KeyPair>(std::move(pair)));
  const auto server = Build(world_.Server());
  const auto client = Build(std::move(parts));
  for (const bool resumed : {false, true}) {
    world_.Connect(server, client);
    world_.client->Send("x");
    world_.server->Send("y");  // the ticket comes before it
    world_.Run();
    ASSERT_EQ(world_.server_tls->failure(), "");
    Facts& facts = *world_.server_tls->tls();
    ASSERT_EQ(facts.resumed(), resumed);
    EXPECT_EQ(Verdicts().Of(facts, *Trusting({&other_, &world_.ca}), absl::Now()), Standing::kGood) << resumed;
    EXPECT_EQ(Verdicts().Of(facts, *Trusting({&other_}), absl::Now()), Standing::kWithdrawn) << resumed;
    ContextParts named = world_.Server();
    named.policy = TrustOf(world_.ca, "spiffe://td.test/another");
    EXPECT_EQ(Verdicts().Of(facts, *Build(std::move(named)), absl::Now()), Standing::kWithdrawn) << resumed;
  }
}

// Whoever has a thousand connections by one certificate has one chain verified; each other question is asked by itself.
TEST_F(StandingTest, OneVerdictForAllWithTheSameCertificate) {
  const test::Issued another = test::IssueSvid(world_.ca, "spiffe://td.test/another");
  const auto first = FactsOf(world_.client_svid);
  const auto second = FactsOf(world_.client_svid);
  const auto third = FactsOf(another);
  const auto wider = Trusting({&world_.ca, &other_});
  const auto changed = Trusting({&other_});
  const absl::Time now = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
  Verdicts verdicts;
  EXPECT_EQ(verdicts.Of(*first, *Build(world_.Server()), now), Standing::kGood);
  EXPECT_EQ(verdicts.verified(), 0u);  // nothing has changed
  EXPECT_EQ(verdicts.Of(*first, *wider, now), Standing::kGood);
  EXPECT_EQ(verdicts.Of(*second, *wider, now + absl::Milliseconds(999)), Standing::kGood);
  EXPECT_EQ(verdicts.verified(), 1u);
  EXPECT_EQ(verdicts.Of(*third, *wider, now), Standing::kGood);
  EXPECT_EQ(verdicts.verified(), 2u);
  EXPECT_EQ(verdicts.Of(*second, *changed, now), Standing::kWithdrawn);
  EXPECT_EQ(verdicts.Of(*first, *changed, now), Standing::kWithdrawn);
  EXPECT_EQ(verdicts.verified(), 3u);
  // What is asked by itself for each: dates, and the time of the verdict.
  EXPECT_EQ(verdicts.Of(*first, *wider, now + absl::Hours(2)), Standing::kExpired);
  EXPECT_EQ(verdicts.verified(), 3u);
  EXPECT_EQ(verdicts.Of(*first, *wider, now + absl::Seconds(1)), Standing::kGood);
  EXPECT_EQ(verdicts.verified(), 4u);
}

// A client's chain is one thing, a server's another: what either certificate is good for is looked at.
TEST_F(StandingTest, AVerdictIsOfOneSide) {
  const test::Issued only_client = test::IssueCertificate(
      {.uris = {"spiffe://td.test/client"}, .extended_key_usage = "clientAuth"}, &world_.ca);
  const auto facts = FactsOf(only_client);
  ContextParts client = world_.Client();
  client.policy = TrustOf(world_.ca, "spiffe://td.test/client");
  ContextParts server = world_.Server();
  server.policy = client.policy;
  Verdicts verdicts;
  const absl::Time now = absl::Now();
  EXPECT_EQ(verdicts.Of(*facts, *Build(std::move(server)), now), Standing::kGood);
  EXPECT_EQ(verdicts.Of(*facts, *Build(std::move(client)), now), Standing::kWithdrawn);
}

// What a listener or a cluster does: a list of connections, looked at as turns allow.
class Walk {
 public:
  Walk(IdentityChecks& checks, std::shared_ptr<const Context> current) : checks_(checks), current_(std::move(current)) {}

  void Look(const std::vector<std::shared_ptr<Facts>>& connections) {
    left_ = connections;
    checks_.Ask(task_);
  }
  size_t looked() const { return looked_; }
  size_t good() const { return good_; }

 private:
  void Some() {
    for (; !left_.empty() && checks_.TakeLook(); left_.pop_back()) {
      ++looked_;
      if (left_.back() == nullptr || checks_.Stands(*left_.back(), current_.get())) ++good_;
    }
    if (!left_.empty()) checks_.Ask(task_);
  }

  IdentityChecks& checks_;
  event::Task task_{this, [](void* self) { static_cast<Walk*>(self)->Some(); }};
  const std::shared_ptr<const Context> current_;
  std::vector<std::shared_ptr<Facts>> left_;
  size_t looked_ = 0;
  size_t good_ = 0;
};

TEST_F(StandingTest, AChainATurnAndSoManyLooks) {
  const test::Issued another = test::IssueSvid(world_.ca, "spiffe://td.test/another");
  const auto one = FactsOf(world_.client_svid);
  const auto two = FactsOf(another);
  event::Worker& worker = world_.simulation.worker();
  IdentityChecks checks(worker);
  Walk many(checks, Trusting({&other_, &world_.ca}));
  Walk more(checks, Trusting({&other_}));
  std::vector<std::shared_ptr<Facts>> crowd(3 * IdentityChecks::kLooksPerTurn, one);
  crowd.push_back(two);
  many.Look(crowd);
  more.Look({one, nullptr});  // one that is in the clear
  worker.RunTurn();
  EXPECT_EQ(many.looked(), 1u) << "the chain of `two`";
  EXPECT_EQ(more.looked(), 0u);
  worker.RunTurn();
  EXPECT_EQ(more.looked(), 2u) << "in turns with the other, and that in the clear first";
  EXPECT_EQ(many.looked(), 1u);
  worker.RunTurn();
  EXPECT_EQ(many.looked(), 2u) << "the chain of `one`";
  worker.RunTurn();
  EXPECT_EQ(many.looked(), 2u + IdentityChecks::kLooksPerTurn) << "the verdict is there";
  while (worker.RunTurn()) {
  }
  EXPECT_EQ(many.looked(), crowd.size());
  EXPECT_EQ(many.good(), crowd.size());
  EXPECT_EQ(more.good(), 1u);
}

TEST_F(StandingTest, AWalkMayEndBeforeItsTurn) {
  event::Worker& worker = world_.simulation.worker();
  IdentityChecks checks(worker);
  Walk stays(checks, Trusting({&other_}));
  {
    Walk goes(checks, Trusting({&other_}));
    goes.Look({nullptr});
  }
  stays.Look({nullptr});
  while (worker.RunTurn()) {
  }
  EXPECT_EQ(stays.good(), 1u);
}

}  // namespace
}  // namespace pillion::tls
