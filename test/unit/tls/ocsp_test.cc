// OCSP responses that a server passes on: what is one, and which client gets it.

#include <openssl/ocsp.h>
#include <openssl/ssl.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test/unit/tls/raw_end.h"

namespace pillion::tls {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

identity::CertificateStack Chain(std::initializer_list<const test::Issued*> of) {
  std::string pem;
  for (const test::Issued* issued : of) pem += issued->pem();
  return *identity::ReadCertificates(pem);
}

class OcspTest : public ::testing::Test {
 protected:
  std::string Refusal(const std::string& der, const identity::CertificateStack& chain) {
    const auto read = identity::ReadOcspResponse(der, chain.get());
    return std::string(read.status().message());
  }
  std::string Refusal(const std::string& der) { return Refusal(der, Chain({&leaf_})); }

  const test::Issued ca_ = test::IssueCertificate(test::CaSpec("ca"));
  const test::Issued leaf_ = test::IssueCertificate({.dns = {"a.test"}}, &ca_);
  const test::Issued other_ = test::IssueCertificate({.dns = {"b.test"}}, &ca_);
};

TEST_F(OcspTest, Reads) {
  const std::string der = ca_.OcspResponse({&leaf_});
  const auto read = identity::ReadOcspResponse(der, Chain({&leaf_, &ca_}).get());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->der, der);
  EXPECT_TRUE(read->good);
  EXPECT_NEAR(absl::ToDoubleSeconds(read->begins - absl::Now()), -60, 30);
  EXPECT_NEAR(absl::ToDoubleSeconds(read->ends - absl::Now()), 3600, 30);
  EXPECT_FALSE(read->HasEnded(absl::Now()));
  EXPECT_TRUE(read->HasEnded(absl::Now() + absl::Hours(2)));

  const auto endless = identity::ReadOcspResponse(ca_.OcspResponse({&leaf_}, {.ends_s = std::nullopt, .revoked = true}), Chain({&leaf_}).get());
  ASSERT_TRUE(endless.ok());
  EXPECT_FALSE(endless->good);
  EXPECT_TRUE(endless->HasEnded(absl::Now()));  // who says no end may say something newer at any time
}

TEST_F(OcspTest, WhatIsNone) {
  const std::string good = ca_.OcspResponse({&leaf_});
  EXPECT_EQ(Refusal(""), "no OCSP response in DER form");
  EXPECT_EQ(Refusal("-----BEGIN OCSP RESPONSE-----"), "no OCSP response in DER form");
  EXPECT_EQ(Refusal(good.substr(0, good.size() - 1)), "no OCSP response in DER form");
  EXPECT_EQ(Refusal(good + "x"), "1 bytes behind an OCSP response");
  EXPECT_EQ(Refusal(std::string("\x30\x03\x0a\x01\x03", 5)), "a response that says trylater and nothing of a certificate");
  EXPECT_EQ(Refusal(ca_.OcspResponse({&leaf_, &other_})), "a response about 2 certificates, expected one");
  EXPECT_THAT(Refusal(ca_.OcspResponse({&other_})), StartsWith("a response about certificate "));
  EXPECT_EQ(Refusal(good, Chain({&other_, &ca_})).substr(0, 29), "a response about certificate ");
  // The number fits, but another CA gave it.
  const test::Issued stranger = test::IssueCertificate(test::CaSpec("stranger"));
  EXPECT_EQ(Refusal(stranger.OcspResponse({&leaf_})), "");
  EXPECT_THAT(Refusal(stranger.OcspResponse({&leaf_}), Chain({&leaf_, &ca_})), HasSubstr("of \"CN=ca\""));
  for (size_t size = 0; size < good.size(); ++size) EXPECT_NE(Refusal(good.substr(0, size)), "");
}

TEST_F(OcspTest, MustStaple) {
  const auto of = [&](bool must) {
    const test::Issued issued = test::IssueCertificate({.dns = {"a.test"}, .must_staple = must}, &ca_);
    return std::get<identity::KeyPair>(identity::ReadKeyPair(issued.pem(), issued.key_pem(), "")).must_staple;
  };
  EXPECT_TRUE(of(true));
  EXPECT_FALSE(of(false));
}

enum class Has { kNothing, kGood, kEnded };

// What a client gets: "stapled", "nothing", or that the handshake failed. `asks`: for a response.
std::string Outcome(World& world, Has has, StaplePolicy policy, bool asks = true, bool must = false, int version = TLS1_3_VERSION) {
  const test::Issued leaf = test::IssueCertificate({.dns = {"a.test"}, .must_staple = must}, &world.ca);
  ContextParts parts{.server = true, .staple_policy = policy};
  AddPair(parts, leaf);
  // The world's clock is its own.
  const auto now = absl::FromChrono(world.simulation.worker().wall_now());
  const std::string der = world.ca.OcspResponse({&leaf});
  if (has != Has::kNothing) {
    parts.pairs[0].ocsp = *identity::ReadOcspResponse(der, parts.pairs[0].chain.get());
    parts.pairs[0].ocsp->ends = now + absl::Seconds(has == Has::kGood ? 60 : -1);
  }
  RawClient client(world, world.ConnectRaw(Build(std::move(parts))));
  SSL_set_max_proto_version(client.ssl(), version);
  if (asks) SSL_set_tlsext_status_type(client.ssl(), TLSEXT_STATUSTYPE_ocsp);
  if (client.Handshake() != 1) return "failed";
  const unsigned char* got = nullptr;
  const long size = SSL_get_tlsext_status_ocsp_resp(client.ssl(), &got);
  if (size <= 0) return "nothing";
  return std::string(reinterpret_cast<const char*>(got), static_cast<size_t>(size)) == der ? "stapled" : "something else";
}

TEST(Stapling, Policies) {
  struct Case {
    Has has;
    StaplePolicy policy;
    const char* outcome;
  };
  for (const auto& [has, policy, outcome] : {Case{Has::kNothing, StaplePolicy::kLenient, "nothing"},
                                             Case{Has::kGood, StaplePolicy::kLenient, "stapled"},
                                             Case{Has::kEnded, StaplePolicy::kLenient, "nothing"},
                                             Case{Has::kNothing, StaplePolicy::kStrict, "nothing"},
                                             Case{Has::kGood, StaplePolicy::kStrict, "stapled"},
                                             Case{Has::kEnded, StaplePolicy::kStrict, "failed"},
                                             Case{Has::kNothing, StaplePolicy::kMust, "failed"},
                                             Case{Has::kGood, StaplePolicy::kMust, "stapled"},
                                             Case{Has::kEnded, StaplePolicy::kMust, "failed"}}) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      World world;
      EXPECT_EQ(Outcome(world, has, policy, true, false, version), outcome) << static_cast<int>(has) << static_cast<int>(policy);
      EXPECT_EQ(world.Counted("ocsp_staple_requests"), 1u);
      const std::string_view got = outcome;
      EXPECT_EQ(world.Counted("ocsp_staple_responses"), got == "stapled");
      EXPECT_EQ(world.Counted("ocsp_staple_omitted"), got == "nothing");
      EXPECT_EQ(world.Counted("ocsp_staple_failed"), got == "failed");
    }
  }
}

TEST(Stapling, WhoDoesNotAskIsServed) {
  World world;
  EXPECT_EQ(Outcome(world, Has::kEnded, StaplePolicy::kMust, false), "nothing");
  EXPECT_EQ(Outcome(world, Has::kGood, StaplePolicy::kMust, false), "nothing");
  EXPECT_EQ(world.Counted("ocsp_staple_requests"), 0u);
  EXPECT_EQ(world.Counted("ocsp_staple_failed"), 0u);
}

TEST(Stapling, ACertificateThatMustBe) {
  World world;
  EXPECT_EQ(Outcome(world, Has::kGood, StaplePolicy::kLenient, true, true), "stapled");
  EXPECT_EQ(Outcome(world, Has::kEnded, StaplePolicy::kLenient, true, true), "failed");
}

// Of several certificates the response is that of the one that is shown.
TEST(Stapling, EachCertificateItsOwn) {
  for (const char* name : {"a.test", "b.test", "other.test"}) {
    World world;
    ContextParts parts{.server = true};
    std::vector<std::string> responses;
    for (const char* own : {"a.test", "b.test"}) {
      const test::Issued leaf = test::IssueCertificate({.dns = {own}}, &world.ca);
      AddPair(parts, leaf);
      responses.push_back(world.ca.OcspResponse({&leaf}));
      parts.pairs.back().ocsp = *identity::ReadOcspResponse(responses.back(), parts.pairs.back().chain.get());
      parts.pairs.back().ocsp->ends = absl::InfiniteFuture();
    }
    RawClient client(world, world.ConnectRaw(Build(std::move(parts))));
    SSL_set_tlsext_status_type(client.ssl(), TLSEXT_STATUSTYPE_ocsp);
    SSL_set_tlsext_host_name(client.ssl(), name);
    ASSERT_EQ(client.Handshake(), 1);
    const unsigned char* got = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(client.ssl(), &got);
    ASSERT_GT(size, 0);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(got), static_cast<size_t>(size)), responses[name[0] == 'b' ? 1 : 0]);
  }
}

}  // namespace
}  // namespace pillion::tls
