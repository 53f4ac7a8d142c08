// What an agent says, good or bad, and what becomes of it.

#include "source/secrets/workload_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <algorithm>

#include "source/secrets/svid_response.h"
#include "spiffe/workload.pb.h"
#include "test/support/certificates.h"
#include "test/support/fake_caller.h"
#include "test/support/simulated_timers.h"

namespace pillion::secrets {
namespace {

using codec::grpc::Code;
using config::RemoteSecret;
using testing::HasSubstr;

std::string Der(const test::Issued& issued) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(issued.certificate(), &bytes);
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string KeyDer(const test::Issued& issued) {
  PKCS8_PRIV_KEY_INFO* const info = EVP_PKEY2PKCS8(issued.key());
  unsigned char* bytes = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &bytes);
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  PKCS8_PRIV_KEY_INFO_free(info);
  return der;
}

class WorkloadApiTest : public testing::Test {
 protected:
  WorkloadApiTest() { clock_.JumpWall(std::chrono::system_clock::now() - clock_.WallNow()); }

  X509SVIDResponse Good() {
    X509SVIDResponse response;
    Add(response, a_, "spiffe://td.test/a");
    return response;
  }
  void Add(X509SVIDResponse& response, const test::Issued& leaf, const std::string& id) {
    X509SVID& svid = *response.add_svids();
    svid.set_spiffe_id(id);
    svid.set_x509_svid(Der(leaf) + Der(ca_));
    svid.set_x509_svid_key(KeyDer(leaf));
    svid.set_bundle(Der(ca_));
  }
  std::string Wrong(const X509SVIDResponse& response) {
    std::vector<std::string> notes;
    const auto read = ReadSvidResponse(response.SerializeAsString(), absl::Now(), notes);
    return std::string(read.status().message());
  }

  void Start(std::vector<std::pair<std::string, RemoteSecret::Kind>> names) {
    for (const auto& [name, kind] : names) {
      secrets_.push_back(std::make_shared<RemoteSecret>(config::WorkloadApiSource{}, name, kind, std::chrono::seconds(15)));
      subscriptions_.push_back(std::make_unique<Subscription>(
          secrets_.back(), Subscription::Surroundings{timers_, clock_, registry_, unknown_, warn_}));
      subscriptions_.back()->Start();
      subscriptions_.back()->WhenReady([this] { ++ready_; });
      api_.Add(*subscriptions_.back());
    }
    api_.Start();
  }
  void Answer(const X509SVIDResponse& response) { caller_.Answer(response.SerializeAsString()); }
  uint64_t Count(const std::string& name) { return registry_.control().counter(registry_.AddCounter(name))->value(); }

  const test::Issued ca_ = test::IssueCertificate(test::CaSpec("ca"));
  const test::Issued other_ca_ = test::IssueCertificate(test::CaSpec("other"));
  const test::Issued a_ = test::IssueSvid(ca_, "spiffe://td.test/a");
  const test::Issued b_ = test::IssueSvid(ca_, "spiffe://td.test/b");

  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  stats::Registry registry_{1};
  base::Random random_{1};
  config::PassedOver passed_over_;
  config::UnknownRule unknown_{.fields = config::UnknownFields::kPassOver, .passed_over = &passed_over_};
  std::vector<std::string> log_;
  const Say warn_ = [this](std::string_view line) { log_.emplace_back(line); };
  test::FakeCaller caller_;
  xds::ControlPlaneStats stats_{registry_};
  WorkloadApi api_{*net::Address::Unix("/run/agent.sock"),
                   WorkloadApi::Surroundings{caller_, timers_, clock_, random_, stats_, warn_}};
  std::vector<std::shared_ptr<RemoteSecret>> secrets_;
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
  int ready_ = 0;
};

TEST_F(WorkloadApiTest, Names) {
  X509SVIDResponse response = Good();
  Add(response, b_, "spiffe://td.test/b");
  response.mutable_svids(1)->set_hint("internal");
  (*response.mutable_federated_bundles())["spiffe://other.test"] = Der(other_ca_) + Der(ca_);
  std::vector<std::string> notes;
  const auto read = ReadSvidResponse(response.SerializeAsString(), absl::Now(), notes);
  ASSERT_TRUE(read.ok()) << read.status().message();
  std::vector<std::string> names;
  for (const auto& [name, secret] : *read) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"ALL", "ROOTCA", "default", "hint:internal", "spiffe://other.test", "spiffe://td.test",
                                             "spiffe://td.test/a", "spiffe://td.test/b"}));
  EXPECT_EQ(read->at("default"), read->at("spiffe://td.test/a"));
  EXPECT_EQ(read->at("hint:internal"), read->at("spiffe://td.test/b"));
  EXPECT_EQ(read->at("ROOTCA")->validation_context().trusted_ca().inline_bytes(), ca_.pem());
  EXPECT_EQ(read->at("spiffe://other.test")->validation_context().trusted_ca().inline_bytes(), other_ca_.pem() + ca_.pem());
  envoy::extensions::transport_sockets::tls::v3::SPIFFECertValidatorConfig all;
  ASSERT_TRUE(read->at("ALL")->validation_context().custom_validator_config().typed_config().UnpackTo(&all));
  EXPECT_EQ(all.trust_domains_size(), 2);
}

void AddList(X509SVIDResponse& to, const std::string& pem) {
  const absl::StatusOr<identity::RevocationStack> list = identity::ReadRevocations(pem);
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_CRL(sk_X509_CRL_value(list->get(), 0), &bytes);
  to.add_crl(bytes, static_cast<size_t>(size));
  OPENSSL_free(bytes);
}

TEST_F(WorkloadApiTest, RevocationsOfAnIntermediateGoToTheirChains) {
  const test::Issued middle = test::IssueCertificate(test::CaSpec("middle"), &ca_);
  X509SVIDResponse response = Good();
  (*response.mutable_federated_bundles())["spiffe://other.test"] = Der(other_ca_);
  AddList(response, middle.RevocationsPem({}));
  AddList(response, other_ca_.RevocationsPem({}));
  std::vector<std::string> notes;
  const auto read = ReadSvidResponse(response.SerializeAsString(), absl::Now(), notes);
  ASSERT_TRUE(read.ok()) << read.status().message();
  for (const char* name : {"ROOTCA", "spiffe://td.test", "spiffe://other.test", "ALL"}) {
    const auto& context = read->at(name)->validation_context();
    const absl::StatusOr<identity::RevocationStack> given = identity::ReadRevocations(context.crl().inline_bytes());
    ASSERT_TRUE(given.ok()) << name;
    EXPECT_EQ(sk_X509_CRL_num(given->get()), 2) << name;
    envoy::extensions::transport_sockets::tls::v3::SPIFFECertValidatorConfig config;
    ASSERT_TRUE(context.custom_validator_config().typed_config().UnpackTo(&config)) << name;
    EXPECT_EQ(config.trust_domains_size(), std::string_view(name) == "ALL" ? 2 : 1) << name;
    EXPECT_FALSE(context.has_trusted_ca()) << name;
  }
}

TEST_F(WorkloadApiTest, RevocationsGoToThoseWhoseKeySignedThem) {
  const test::Issued namesake = test::IssueCertificate(test::CaSpec("ca"));  // as ours is called
  X509SVIDResponse response = Good();
  (*response.mutable_federated_bundles())["spiffe://other.test"] = Der(namesake);
  AddList(response, ca_.RevocationsPem({}));
  std::vector<std::string> notes;
  const auto read = ReadSvidResponse(response.SerializeAsString(), absl::Now(), notes);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_TRUE(read->at("ROOTCA")->validation_context().has_crl());
  EXPECT_FALSE(read->at("spiffe://other.test")->validation_context().has_crl());
}

TEST_F(WorkloadApiTest, RevocationsGoToThoseWhoIssuedThem) {
  X509SVIDResponse response = Good();
  const std::string pem = other_ca_.RevocationsPem({});
  AddList(response, pem);
  (*response.mutable_federated_bundles())["spiffe://other.test"] = Der(other_ca_);
  std::vector<std::string> notes;
  const auto read = ReadSvidResponse(response.SerializeAsString(), absl::Now(), notes);
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->at("ROOTCA")->validation_context().has_crl());
  EXPECT_EQ(read->at("spiffe://other.test")->validation_context().crl().inline_bytes(), pem);
  EXPECT_TRUE(read->at("ALL")->validation_context().has_crl());
  response.set_crl(0, "x");
  EXPECT_THAT(Wrong(response), HasSubstr("crl: a revocation list can't be read"));
}

TEST_F(WorkloadApiTest, WhatBreaksARule) {
  EXPECT_EQ(Wrong({}), "svids: empty, expected at least one");
  X509SVIDResponse response = Good();
  response.mutable_svids(0)->set_x509_svid_key(KeyDer(b_));
  EXPECT_THAT(Wrong(response), HasSubstr("svids[0].x509_svid_key: the private key is not that of the certificate"));
  response = Good();
  response.mutable_svids(0)->set_spiffe_id("spiffe://td.test/b");
  EXPECT_EQ(Wrong(response), "svids[0].spiffe_id: \"spiffe://td.test/b\", expected \"spiffe://td.test/a\" as in the certificate");
  response = Good();
  response.mutable_svids(0)->set_x509_svid("junk");
  EXPECT_THAT(Wrong(response), HasSubstr("svids[0].x509_svid: a certificate can't be read"));
  response = Good();
  response.mutable_svids(0)->set_x509_svid_key("junk");
  EXPECT_THAT(Wrong(response), HasSubstr("svids[0].x509_svid_key: "));
  response = Good();
  response.mutable_svids(0)->clear_bundle();  // J28
  EXPECT_EQ(Wrong(response), "svids[0].bundle: the bundle of td.test: empty");
  const test::Issued two = test::IssueCertificate({.uris = {"spiffe://td.test/a", "spiffe://td.test/b"}}, &ca_);  // J4
  response.Clear();
  Add(response, two, "spiffe://td.test/a");
  EXPECT_THAT(Wrong(response), HasSubstr("svids[0].x509_svid: "));
  const test::Issued old = test::IssueCertificate({.uris = {"spiffe://td.test/a"}, .ends_s = -1}, &ca_);
  response.Clear();
  Add(response, old, "spiffe://td.test/a");
  EXPECT_THAT(Wrong(response), HasSubstr("has expired"));
  std::vector<std::string> notes;
  EXPECT_EQ(ReadSvidResponse("\xff\xff", absl::Now(), notes).status().message(), "bytes that are no X509SVIDResponse");
}

// A partner's mistake does not stop our own rotation.
TEST_F(WorkloadApiTest, AFederatedBundleThatIsBad) {
  X509SVIDResponse response = Good();
  (*response.mutable_federated_bundles())["http://x"] = Der(ca_);
  (*response.mutable_federated_bundles())["spiffe://empty.test"] = "";
  (*response.mutable_federated_bundles())["spiffe://junk.test"] = "junk";
  (*response.mutable_federated_bundles())["spiffe://other.test"] = Der(other_ca_);
  std::vector<std::string> notes;
  const auto read = ReadSvidResponse(response.SerializeAsString(), absl::Now(), notes);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_TRUE(read->contains("default"));
  EXPECT_TRUE(read->contains("ROOTCA"));
  EXPECT_TRUE(read->contains("spiffe://other.test"));
  EXPECT_FALSE(read->contains("spiffe://empty.test"));
  EXPECT_FALSE(read->contains("spiffe://junk.test"));
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_EQ(notes[1], "federated_bundles[\"spiffe://empty.test\"]: the bundle of empty.test: empty; that domain is not trusted");
  Start({{"default", RemoteSecret::Kind::kTlsCertificate}, {"spiffe://junk.test", RemoteSecret::Kind::kValidationContext}});
  Answer(response);
  EXPECT_NE(secrets_[0]->current(), nullptr);
  EXPECT_EQ(secrets_[1]->current(), nullptr);
  EXPECT_EQ(std::ranges::count(log_, "workload_api: " + notes[1]), 1);
}

// Each message replaces the one before: what it does not speak of is not trusted any more.
TEST_F(WorkloadApiTest, TrustThatIsWithdrawn) {
  Start({{"spiffe://td.test/a", RemoteSecret::Kind::kTlsCertificate},
         {"spiffe://other.test", RemoteSecret::Kind::kValidationContext},
         {"ROOTCA", RemoteSecret::Kind::kValidationContext}});
  int changes = 0;
  const auto observation = secrets_[1]->AddObserver([&] { ++changes; });
  X509SVIDResponse response = Good();
  (*response.mutable_federated_bundles())["spiffe://other.test"] = Der(other_ca_);
  Answer(response);
  ASSERT_NE(secrets_[1]->current(), nullptr);
  X509SVIDResponse without;
  Add(without, b_, "spiffe://td.test/b");
  Answer(without);
  EXPECT_EQ(secrets_[1]->current(), nullptr);
  EXPECT_TRUE(secrets_[1]->withdrawn());
  EXPECT_EQ(secrets_[1]->error(), "the agent gives no spiffe://other.test");
  EXPECT_EQ(changes, 2);
  EXPECT_EQ(std::ranges::count(log_, "workload_api: the agent gives no spiffe://other.test; nobody is trusted by it"), 1);
  EXPECT_NE(secrets_[2]->current(), nullptr);
  // An own identity lets nobody in: the last one stays until it expires.
  EXPECT_NE(secrets_[0]->current(), nullptr);
  EXPECT_EQ(secrets_[0]->error(), "the agent gives no spiffe://td.test/a");
  Answer(without);
  EXPECT_EQ(changes, 2);
  // An agent that was just started says this of everybody.
  caller_.End({Code::kPermissionDenied, "no identity issued"});
  EXPECT_NE(secrets_[2]->current(), nullptr);
  timers_.Advance(std::chrono::seconds(30));
  Answer(response);
  EXPECT_NE(secrets_[1]->current(), nullptr);
  EXPECT_FALSE(secrets_[1]->withdrawn());
  EXPECT_EQ(changes, 3);
}

TEST_F(WorkloadApiTest, Streams) {
  Start({{"default", RemoteSecret::Kind::kTlsCertificate}, {"ALL", RemoteSecret::Kind::kValidationContext}});
  EXPECT_EQ(caller_.last().request.path, "/SpiffeWorkloadAPI/FetchX509SVID");
  EXPECT_EQ(caller_.last().request.metadata.at(0), (std::pair<std::string, std::string>("workload.spiffe.io", "true")));
  EXPECT_EQ(caller_.last().target.authority, "localhost");
  EXPECT_EQ(caller_.last().sent, std::vector<std::string>{""});
  EXPECT_TRUE(caller_.last().last);
  // No identity yet: tried again, said once.
  for (int i = 0; i < 5; ++i) {
    caller_.End({Code::kPermissionDenied, "no identity issued"});
    timers_.Advance(std::chrono::seconds(30));
  }
  EXPECT_EQ(caller_.size(), 6u);
  EXPECT_EQ(std::ranges::count(log_, "workload_api: PERMISSION_DENIED: no identity issued; what was taken stays"), 1);
  EXPECT_EQ(ready_, 2);  // they are not waited for any more
  Answer(Good());
  ASSERT_NE(secrets_[0]->current(), nullptr);
  const auto* const taken = secrets_[0]->current();
  const auto* const trust = secrets_[1]->current();
  // What is bad is not taken in part.
  X509SVIDResponse bad = Good();
  bad.mutable_svids(0)->clear_bundle();
  Answer(bad);
  caller_.Answer("\xff");
  EXPECT_EQ(secrets_[0]->current(), taken);
  EXPECT_EQ(secrets_[1]->current(), trust);
  EXPECT_THAT(secrets_[0]->error(), HasSubstr("X509SVIDResponse"));
  EXPECT_EQ(Count("sds.default.update_rejected"), 2u);
  EXPECT_EQ(Count("sds.default.update_success"), 1u);
  EXPECT_TRUE(caller_.open());  // who is bad once may be good later
  X509SVIDResponse next;
  Add(next, b_, "spiffe://td.test/b");
  Answer(next);
  EXPECT_NE(secrets_[0]->current(), taken);
  EXPECT_EQ(secrets_[0]->error(), "");
}

// Its socket is not there: it is looked for about each second, however long that takes.
TEST_F(WorkloadApiTest, AnAgentThatIsNotThereIsLookedForOften) {
  Start({{"default", RemoteSecret::Kind::kTlsCertificate}});
  for (int i = 0; i < 50; ++i) {
    const size_t calls = caller_.size();
    caller_.End({Code::kUnavailable, "/run/agent.sock: No such file or directory"});
    timers_.Advance(xds::Backoff::kMostNearby);
    ASSERT_EQ(caller_.size(), calls + 1);
  }
  // Who is there, and says no, is left alone for longer.
  const base::MonotonicTime begun = clock_.MonotonicNow();
  for (int i = 0; i < 50; ++i) {
    caller_.End({Code::kPermissionDenied, "no identity issued"});
    while (!caller_.open()) timers_.Advance(std::chrono::milliseconds(100));
  }
  EXPECT_GT(clock_.MonotonicNow() - begun, std::chrono::seconds(5) * 50);
}

// Junk and an end, again and again: it waits longer and longer, and the log says it once.
TEST_F(WorkloadApiTest, AnAgentThatSaysJunkAndEnds) {
  Start({{"default", RemoteSecret::Kind::kTlsCertificate}});
  for (int i = 0; i < 10; ++i) {
    Answer({});
    caller_.End({Code::kUnavailable, "gone"});
    timers_.Advance(xds::Backoff::kMost);
  }
  EXPECT_EQ(std::ranges::count(log_, "workload_api: svids: empty, expected at least one; what was taken stays"), 1);
  EXPECT_EQ(std::ranges::count(log_, "workload_api: UNAVAILABLE: gone; what was taken stays"), 1);
  const size_t calls = caller_.size();
  const base::MonotonicTime begun = clock_.MonotonicNow();
  for (int i = 0; i < 200; ++i) {
    Answer({});
    caller_.End({Code::kUnavailable, "gone"});
    while (!caller_.open()) timers_.Advance(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(caller_.size(), calls + 200);
  EXPECT_GT(clock_.MonotonicNow() - begun, std::chrono::seconds(30) * 50);
}

TEST_F(WorkloadApiTest, WhatIsNotToBeTriedAgainWaitsLong) {
  Start({{"default", RemoteSecret::Kind::kTlsCertificate}});
  for (const Code code : {Code::kInvalidArgument, Code::kUnimplemented}) {
    const size_t calls = caller_.size();
    caller_.End({code, "no"});
    timers_.Advance(xds::Backoff::kMost / 2 - std::chrono::milliseconds(1));
    EXPECT_EQ(caller_.size(), calls);
    timers_.Advance(xds::Backoff::kMost / 2 + std::chrono::milliseconds(1));
    EXPECT_EQ(caller_.size(), calls + 1);
    Answer(Good());
  }
}

TEST_F(WorkloadApiTest, AnIdentityThatIsNotAmongThem) {
  Start({{"spiffe://td.test/b", RemoteSecret::Kind::kTlsCertificate}});
  Answer(Good());
  EXPECT_EQ(secrets_[0]->current(), nullptr);
  EXPECT_EQ(secrets_[0]->error(), "the agent gives no spiffe://td.test/b");
  timers_.Advance(std::chrono::seconds(16));
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(Count("sds.spiffe_//td.test/b.init_fetch_timeout"), 1u);
}

}  // namespace
}  // namespace pillion::secrets
