#include "source/identity/peer_policy.h"

#include <openssl/x509_vfy.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test/support/certificates.h"

namespace pillion::identity {
namespace {

using test::CaSpec;
using test::CertificateSpec;
using test::IssueCertificate;
using test::Issued;
using test::IssueSvid;
using ::testing::HasSubstr;

constexpr char kId[] = "spiffe://td.test/ns/prod/sa/a";

CertificateStack StackOf(const Issued& issued) { return *ReadCertificates(issued.pem()); }

SanMatcher Exact(NameType type, std::string text) {
  return SanMatcher(type, {match::StringMatcher::Kind::kExact, text}, "", type == NameType::kDns ? text : "");
}

class PeerPolicyTest : public ::testing::Test {
 protected:
  // SPIFFE: td.test and other.test, each with a CA of its own.
  PeerPolicy Spiffe() {
    PeerPolicyParts parts;
    parts.bundles.emplace("td.test", StackOf(ca_));
    parts.bundles.emplace("other.test", StackOf(other_ca_));
    return PeerPolicy(std::move(parts));
  }

  PeerPolicyParts Plain() {
    PeerPolicyParts parts;
    parts.trusted = StackOf(ca_);
    return parts;
  }

  // As OpenSSL calls it in a handshake.
  std::optional<Refusal> Check(const PeerPolicy& policy, const Issued& leaf, PeerRole role = PeerRole::kClient,
                               std::vector<const Issued*> intermediates = {}, std::string_view dns = "") {
    CertificateStack chain(sk_X509_new_null());
    for (const Issued* issued : intermediates) {
      X509_up_ref(issued->certificate());
      sk_X509_push(chain.get(), issued->certificate());
    }
    X509_STORE* store = X509_STORE_new();
    X509_STORE_CTX* context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, leaf.certificate(), chain.get());
    X509_STORE_CTX_set_default(context, role == PeerRole::kClient ? "ssl_client" : "ssl_server");
    std::optional<Refusal> refusal = policy.Check(context, role, dns);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return refusal;
  }

  std::string TextOf(const std::optional<Refusal>& refusal) { return refusal ? refusal->text : "accepted"; }

  // What a SPIFFE policy says of a leaf like this that our CA has issued.
  std::string Svid(const CertificateSpec& spec, PeerRole role = PeerRole::kClient) {
    return TextOf(Check(Spiffe(), IssueCertificate(spec, &ca_), role));
  }

  const Issued ca_ = IssueCertificate(CaSpec("ca"));
  const Issued other_ca_ = IssueCertificate(CaSpec("other ca"));
};

TEST_F(PeerPolicyTest, AnSvidIsAccepted) {
  EXPECT_EQ(Check(Spiffe(), IssueSvid(ca_, kId)), std::nullopt);
  EXPECT_EQ(Check(Spiffe(), IssueSvid(other_ca_, "spiffe://other.test/a"), PeerRole::kServer), std::nullopt);
}

TEST_F(PeerPolicyTest, J1Dates) {
  std::optional<Refusal> refusal = Check(Spiffe(), IssueCertificate({.uris = {kId}, .ends_s = -10}, &ca_));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->x509_error, X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(refusal->text,
            "verify cert failed: X509_verify_cert: certificate verification error at depth 0: certificate has expired: "
            "the peer's certificate, of \"spiffe://td.test/ns/prod/sa/a\"");
  refusal = Check(Spiffe(), IssueCertificate({.uris = {kId}, .begins_s = 1000}, &ca_));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->x509_error, X509_V_ERR_CERT_NOT_YET_VALID);

  PeerPolicyParts parts = Plain();
  parts.allow_expired = true;
  EXPECT_EQ(Check(PeerPolicy(std::move(parts)), IssueCertificate({.ends_s = -10}, &ca_)), std::nullopt);
}

TEST_F(PeerPolicyTest, J2AnotherCa) {
  const Issued stranger = IssueCertificate(CaSpec("stranger"));
  for (const char* uri : {kId, "spiffe://stranger.test/a"}) {
    const std::optional<Refusal> refusal = Check(Spiffe(), IssueSvid(stranger, uri));
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->x509_error, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY) << refusal->text;
  }
  EXPECT_THAT(TextOf(Check(Spiffe(), IssueSvid(stranger, "spiffe://stranger.test/a"))),
              HasSubstr("no trust bundle for the peer's trust domain, of \"spiffe://stranger.test/a\""));
}

TEST_F(PeerPolicyTest, J3TheBundleIsThatOfTheUrisDomain) {
  EXPECT_THAT(Svid({.uris = {"spiffe://other.test/a"}}), HasSubstr("unable to get local issuer certificate"));
}

TEST_F(PeerPolicyTest, J4J5ExactlyOneUri) {
  EXPECT_THAT(Svid({.uris = {kId, "spiffe://td.test/b"}}), HasSubstr("exactly one URI among its subject alternative names, this has 2"));
  EXPECT_THAT(Svid({}), HasSubstr("this has 0"));
  EXPECT_THAT(Svid({.dns = {"td.test"}}), HasSubstr("this has 0"));
}

TEST_F(PeerPolicyTest, J6ALeafHasAPath) {
  EXPECT_THAT(Svid({.uris = {"spiffe://td.test"}}), HasSubstr("\"spiffe://td.test\" of a leaf has no path"));
}

TEST_F(PeerPolicyTest, J7ALeafIsNoCa) {
  EXPECT_THAT(Svid({.uris = {kId}, .ca = true}), HasSubstr("CA:TRUE"));
  EXPECT_THAT(Svid({.uris = {kId}, .key_usage = "critical,digitalSignature,keyCertSign"}), HasSubstr("keyCertSign"));
  EXPECT_THAT(Svid({.uris = {kId}, .key_usage = "critical,digitalSignature,cRLSign"}), HasSubstr("cRLSign"));
}

TEST_F(PeerPolicyTest, J8ExtendedKeyUsage) {
  EXPECT_THAT(Svid({.uris = {kId}, .extended_key_usage = "serverAuth"}), HasSubstr("lacks clientAuth"));
  EXPECT_THAT(Svid({.uris = {kId}, .extended_key_usage = "clientAuth"}, PeerRole::kServer), HasSubstr("lacks serverAuth"));
  EXPECT_EQ(Svid({.uris = {kId}, .extended_key_usage = ""}), "accepted");
  const std::optional<Refusal> refusal =
      Check(PeerPolicy(Plain()), IssueCertificate({.extended_key_usage = "serverAuth"}, &ca_));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->x509_error, X509_V_ERR_INVALID_PURPOSE);
}

TEST_F(PeerPolicyTest, J9KeyUsage) {
  EXPECT_THAT(Svid({.uris = {kId}, .key_usage = "critical,keyAgreement"}), HasSubstr("lacks digitalSignature"));
  EXPECT_THAT(Svid({.uris = {kId}, .key_usage = ""}), HasSubstr("it has no key usage"));
}

TEST_F(PeerPolicyTest, J10WhatIsNoSpiffeId) {
  for (const char* uri : {"spiffe://TD.TEST/a", "spiffe://u@td.test/a", "spiffe://td.test:1/a", "spiffe://td.test/a?b",
                          "spiffe://td.test/a#b", "spiffe://td.test/a%2fb", "spiffe://td.test/../a", "spiffe://td.test//a",
                          "spiffe://td.test/a/", "https://td.test/a"}) {
    EXPECT_THAT(Svid({.uris = {uri}}), HasSubstr("is no SPIFFE ID: it ")) << uri;
  }
  EXPECT_THAT(Svid({.uris = {"spiffe://td.test/" + std::string(2100, 'a')}}), HasSubstr("at most 2048 are allowed"));
}

TEST_F(PeerPolicyTest, J11AnEvilTrustDomain) {
  PeerPolicyParts parts = Plain();
  parts.names.push_back(SanMatcher(NameType::kUri, {match::StringMatcher::Kind::kPrefix, "spiffe://td.test/"}));
  const PeerPolicy policy(std::move(parts));
  EXPECT_EQ(Check(policy, IssueSvid(ca_, kId)), std::nullopt);
  const std::optional<Refusal> refusal = Check(policy, IssueSvid(ca_, "spiffe://td.test.evil.com/ns/prod/sa/a"));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->kind, RefusalKind::kName);
  EXPECT_EQ(refusal->x509_error, X509_V_ERR_CERT_REJECTED);
  EXPECT_EQ(refusal->text,
            "verify cert failed: verify SAN list: nobody is expected by the peer's names "
            "\"spiffe://td.test.evil.com/ns/prod/sa/a\", "
            "expected URI begins with \"spiffe://td.test/\"");
}

TEST_F(PeerPolicyTest, J12NulInANameIsRefused) {
  using std::string_literals::operator""s;
  PeerPolicyParts parts = Plain();
  parts.names.push_back(Exact(NameType::kUri, kId));
  parts.names.push_back(Exact(NameType::kDns, "good.test"));
  parts.names.push_back(SanMatcher(NameType::kOther, {match::StringMatcher::Kind::kPrefix, "good"}, "1.2.3.4"));
  const PeerPolicy policy(std::move(parts));
  EXPECT_EQ(Check(policy, IssueCertificate({.other_names = {"1.2.3.4;good"}}, &ca_)), std::nullopt);
  for (const CertificateSpec& spec :
       {CertificateSpec{.uris = {kId + "\0.evil"s}}, CertificateSpec{.dns = {"good.test\0.evil"s}},
        CertificateSpec{.other_names = {"1.2.3.4;good\0evil"s}}, CertificateSpec{.dns = {"good.test", "x\0y"s}}}) {
    EXPECT_THAT(TextOf(Check(policy, IssueCertificate(spec, &ca_))), HasSubstr("has a NUL byte"));
  }
  EXPECT_THAT(Svid({.uris = {kId + "\0"s}}), HasSubstr("has a NUL byte"));
}

TEST_F(PeerPolicyTest, J13NamesAreMatchedByKind) {
  PeerPolicyParts parts = Plain();
  parts.names.push_back(Exact(NameType::kUri, kId));
  const PeerPolicy policy(std::move(parts));
  EXPECT_TRUE(Check(policy, IssueCertificate({.dns = {kId}}, &ca_)));
  EXPECT_TRUE(Check(policy, IssueCertificate({.common_name = kId}, &ca_)));
  EXPECT_THAT(Svid({.dns = {kId}}), HasSubstr("this has 0"));
  EXPECT_THAT(Svid({.common_name = kId}), HasSubstr("this has 0"));
}

TEST_F(PeerPolicyTest, J14Chains) {
  const Issued self = IssueCertificate({.uris = {kId}});
  EXPECT_THAT(TextOf(Check(Spiffe(), self)), HasSubstr("self-signed certificate"));

  const Issued middle = IssueCertificate(CaSpec("middle"), &ca_);
  const Issued leaf = IssueSvid(middle, kId);
  EXPECT_EQ(Check(Spiffe(), leaf, PeerRole::kClient, {&middle}), std::nullopt);
  EXPECT_THAT(TextOf(Check(Spiffe(), leaf)), HasSubstr("unable to get local issuer certificate"));

  std::vector<Issued> links;
  links.reserve(50);
  std::vector<const Issued*> chain;
  for (int i = 0; i < 50; ++i) {
    links.push_back(IssueCertificate(CaSpec("link " + std::to_string(i)), i == 0 ? &ca_ : &links.back()));
    chain.push_back(&links.back());
  }
  EXPECT_THAT(TextOf(Check(Spiffe(), IssueSvid(links.back(), kId), PeerRole::kClient, chain)),
              HasSubstr("verification error"));

  CertificateSpec limited = CaSpec("limited");
  limited.name_constraints = "permitted;DNS:good.test";
  const Issued constrained = IssueCertificate(limited, &ca_);
  const PeerPolicy plain(Plain());
  EXPECT_EQ(Check(plain, IssueCertificate({.dns = {"a.good.test"}}, &constrained), PeerRole::kClient, {&constrained}),
            std::nullopt);
  EXPECT_THAT(TextOf(Check(plain, IssueCertificate({.dns = {"bad.test"}}, &constrained), PeerRole::kClient, {&constrained})),
              HasSubstr("permitted subtree violation"));
}

TEST_F(PeerPolicyTest, J29RevocationInOneTrustDomain) {
  const Issued revoked = IssueSvid(ca_, kId);
  PeerPolicyParts parts;
  parts.bundles.emplace("td.test", StackOf(ca_));
  parts.bundles.emplace("other.test", StackOf(other_ca_));
  parts.revocations = *ReadRevocations(ca_.RevocationsPem({&revoked}));
  const PeerPolicy policy(std::move(parts));
  EXPECT_THAT(TextOf(Check(policy, revoked)), HasSubstr("revoked"));
  EXPECT_EQ(TextOf(Check(policy, IssueSvid(ca_, kId))), "accepted");
  EXPECT_EQ(TextOf(Check(policy, IssueSvid(other_ca_, "spiffe://other.test/a"))), "accepted");  // it has no lists
}

TEST_F(PeerPolicyTest, J29ListsOfAnIntermediateCount) {
  const Issued middle = IssueCertificate(CaSpec("middle"), &ca_);
  const Issued second = IssueCertificate(CaSpec("second"), &ca_);
  const Issued leaf = IssueSvid(middle, kId);
  const Issued revoked = IssueSvid(middle, kId);
  const auto with = [&](std::string lists, bool only_leaf) {
    PeerPolicyParts parts;
    parts.bundles.emplace("td.test", StackOf(ca_));
    parts.revocations = *ReadRevocations(lists);
    parts.only_leaf_revocation = only_leaf;
    return PeerPolicy(std::move(parts));
  };
  const PeerPolicy of_leaves = with(middle.RevocationsPem({&revoked}), true);
  const std::optional<Refusal> refusal = Check(of_leaves, revoked, PeerRole::kClient, {&middle});
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->x509_error, X509_V_ERR_CERT_REVOKED);
  EXPECT_EQ(TextOf(Check(of_leaves, leaf, PeerRole::kClient, {&middle})), "accepted");
  // Chains without lists do without, also in the same domain.
  EXPECT_EQ(TextOf(Check(of_leaves, IssueSvid(second, kId), PeerRole::kClient, {&second})), "accepted");
  // Of all: the root's own list is asked for as well.
  const PeerPolicy of_all = with(middle.RevocationsPem({}), false);
  EXPECT_THAT(TextOf(Check(of_all, leaf, PeerRole::kClient, {&middle})), HasSubstr("unable to get certificate CRL"));
  const PeerPolicy complete = with(middle.RevocationsPem({&revoked}) + ca_.RevocationsPem({&second}), false);
  EXPECT_EQ(TextOf(Check(complete, leaf, PeerRole::kClient, {&middle})), "accepted");
  EXPECT_THAT(TextOf(Check(complete, revoked, PeerRole::kClient, {&middle})), HasSubstr("revoked"));
  EXPECT_THAT(TextOf(Check(with(second.RevocationsPem({}) + ca_.RevocationsPem({&second}), false), IssueSvid(second, kId),
                           PeerRole::kClient, {&second})),
              HasSubstr("at depth 1: certificate revoked"));
}

TEST_F(PeerPolicyTest, J29AListIsOfWhoseKeySignedIt) {
  const Issued namesake = IssueCertificate(CaSpec("ca"));  // of another key
  const Issued revoked = IssueSvid(ca_, kId);
  PeerPolicyParts parts;
  parts.bundles.emplace("td.test", StackOf(ca_));
  parts.bundles.emplace("other.test", StackOf(namesake));
  parts.revocations = *ReadRevocations(ca_.RevocationsPem({&revoked}));
  const PeerPolicy policy(std::move(parts));
  EXPECT_THAT(TextOf(Check(policy, revoked)), HasSubstr("revoked"));
  EXPECT_EQ(TextOf(Check(policy, IssueSvid(ca_, kId))), "accepted");
  EXPECT_EQ(TextOf(Check(policy, IssueSvid(namesake, "spiffe://other.test/a"))), "accepted");
  // A namesake's list is no hindrance, whichever comes first.
  parts = Plain();
  parts.revocations =
      *ReadRevocations(namesake.RevocationsPem({}) + ca_.RevocationsPem({&revoked}) + namesake.RevocationsPem({}));
  const PeerPolicy plain(std::move(parts));
  EXPECT_THAT(TextOf(Check(plain, revoked)), HasSubstr("revoked"));
  EXPECT_EQ(TextOf(Check(plain, IssueSvid(ca_, kId))), "accepted");
}

TEST_F(PeerPolicyTest, J29Revocation) {
  const Issued leaf = IssueSvid(ca_, kId);
  const Issued revoked = IssueSvid(ca_, kId);
  PeerPolicyParts parts = Plain();
  parts.revocations = *ReadRevocations(ca_.RevocationsPem({&revoked}));
  const PeerPolicy policy(std::move(parts));
  EXPECT_EQ(Check(policy, leaf), std::nullopt);
  const std::optional<Refusal> refusal = Check(policy, revoked);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->x509_error, X509_V_ERR_CERT_REVOKED);
  // Without a list nobody knows.
  parts = Plain();
  sk_X509_push(parts.trusted.get(), (X509_up_ref(other_ca_.certificate()), other_ca_.certificate()));
  parts.revocations = *ReadRevocations(ca_.RevocationsPem({}));
  EXPECT_THAT(TextOf(Check(PeerPolicy(std::move(parts)), IssueSvid(other_ca_, kId))), HasSubstr("unable to get certificate CRL"));
}

TEST_F(PeerPolicyTest, AChainWhoseMiddleIsGoneIsAcceptedStill) {
  const Issued middle = IssueCertificate(CaSpec("middle"), &ca_);
  const Issued leaf = IssueSvid(middle, kId);
  const absl::Time now = absl::Now();
  const auto still = [&](PeerPolicyParts before, PeerPolicyParts after) {
    return PeerPolicy(std::move(after))
        .AcceptsStill(PeerPolicy(std::move(before)), leaf.certificate(), PeerRole::kClient, now);
  };
  const auto of = [](std::vector<const Issued*> roots, std::string lists = "", bool only_leaf = false) {
    std::string pem;
    for (const Issued* root : roots) pem += root->pem();
    PeerPolicyParts parts;
    parts.trusted = *ReadCertificates(pem);
    if (!lists.empty()) parts.revocations = *ReadRevocations(lists);
    parts.only_leaf_revocation = only_leaf;
    return parts;
  };
  EXPECT_TRUE(still(of({&ca_}), of({&other_ca_, &ca_})));
  EXPECT_TRUE(still(of({&ca_, &other_ca_}), of({&other_ca_, &ca_})));
  EXPECT_FALSE(still(of({&ca_, &other_ca_}), of({&ca_}))) << "it may be the other's";
  EXPECT_FALSE(still(of({&ca_}), of({&other_ca_})));
  EXPECT_FALSE(still({}, of({&ca_}))) << "no chain was looked at";
  PeerPolicyParts named = of({&ca_});
  named.names.push_back(Exact(NameType::kUri, "spiffe://td.test/b"));
  EXPECT_FALSE(still(of({&ca_}), std::move(named)));
  // Trust domains.
  const auto bundle = [&](const char* domain, const Issued& root) {
    PeerPolicyParts parts;
    parts.bundles.emplace(domain, StackOf(root));
    return parts;
  };
  EXPECT_TRUE(still(bundle("td.test", ca_), of({&ca_})));
  EXPECT_TRUE(still(of({&ca_}), bundle("td.test", ca_)));
  EXPECT_FALSE(still(bundle("td.test", ca_), bundle("td.test", other_ca_)));
  EXPECT_FALSE(still(bundle("td.test", ca_), bundle("other.test", ca_)));
  // Lists.
  const std::string nobody = middle.RevocationsPem({}), leaf_gone = middle.RevocationsPem({&leaf});
  const std::string middle_gone = ca_.RevocationsPem({&middle});
  EXPECT_TRUE(still(of({&ca_}, nobody), of({&ca_, &other_ca_}, nobody)));
  EXPECT_TRUE(still(of({&ca_}), of({&ca_}, nobody, true)));
  EXPECT_FALSE(still(of({&ca_}, nobody, true), of({&ca_}, leaf_gone, true)));
  EXPECT_FALSE(still(of({&ca_}, nobody), of({&ca_}, nobody + middle_gone)));
  EXPECT_FALSE(still(of({&ca_}, middle_gone, true), of({&ca_}, middle_gone))) << "CAs were not asked for then";
}

TEST_F(PeerPolicyTest, WhoIsExpectedIsSaid) {
  using Kind = match::StringMatcher::Kind;
  PeerPolicyParts parts = Plain();
  parts.names.push_back(Exact(NameType::kDns, "good.test"));
  parts.names.push_back(SanMatcher(NameType::kIp, {Kind::kSuffix, ".1"}));
  parts.names.push_back(SanMatcher(NameType::kEmail, {Kind::kContains, "a\"b"}));
  parts.names.push_back(SanMatcher(NameType::kUri, match::StringMatcher(*match::Regex::Compile("spiffe://.*"))));
  for (int i = 0; i < 3; ++i) parts.names.push_back(Exact(NameType::kUri, "spiffe://td.test/x"));
  EXPECT_EQ(TextOf(Check(PeerPolicy(std::move(parts)), IssueCertificate({}, &ca_))),
            "verify cert failed: verify SAN list: nobody is expected by the peer's names none, expected DNS \"good.test\" or IP ends "
            "with \".1\" or email contains \"a\\\"b\" or URI matches \"spiffe://.*\" or URI \"spiffe://td.test/x\" or one of 2 "
            "more");
}

TEST_F(PeerPolicyTest, DnsNamesMayBeWildcardsOfTheCertificate) {
  PeerPolicyParts parts = Plain();
  parts.names.push_back(Exact(NameType::kDns, "a.Good.test"));
  const PeerPolicy policy(std::move(parts));
  EXPECT_EQ(Check(policy, IssueCertificate({.dns = {"*.good.test"}}, &ca_)), std::nullopt);
  EXPECT_EQ(Check(policy, IssueCertificate({.dns = {"A.good.test"}}, &ca_)), std::nullopt);
  EXPECT_TRUE(Check(policy, IssueCertificate({.dns = {"*.test"}}, &ca_)));
  EXPECT_TRUE(Check(policy, IssueCertificate({.dns = {"a*.good.test", "*"}}, &ca_)));
}

TEST_F(PeerPolicyTest, ADestinationsOwnName) {
  const PeerPolicy policy(Plain());
  const Issued leaf = IssueCertificate({.dns = {"*.good.test"}, .ips = {"192.0.2.1"}}, &ca_);
  EXPECT_EQ(Check(policy, leaf, PeerRole::kServer, {}, "a.good.test"), std::nullopt);
  EXPECT_EQ(Check(policy, leaf, PeerRole::kServer, {}, "192.0.2.1"), std::nullopt);
  EXPECT_EQ(TextOf(Check(policy, leaf, PeerRole::kServer, {}, "evil.test")),
            "verify cert failed: verify SAN list: \"evil.test\" is not among the peer's names \"*.good.test\", \"192.0.2.1\"");
}

TEST_F(PeerPolicyTest, Pins) {
  const Issued leaf = IssueSvid(ca_, kId);
  const Issued other = IssueSvid(ca_, kId);
  PeerPolicyParts parts;
  parts.spki_pins.push_back(SpkiPin(leaf.certificate()));
  const PeerPolicy by_key(std::move(parts));
  EXPECT_TRUE(by_key.verifies());
  EXPECT_EQ(Check(by_key, leaf), std::nullopt);
  ASSERT_TRUE(Check(by_key, other));
  EXPECT_EQ(Check(by_key, other)->kind, RefusalKind::kPin);

  parts = PeerPolicyParts();
  parts.certificate_pins.push_back(Sha256Fingerprint(leaf.certificate()));
  const PeerPolicy by_hash(std::move(parts));
  EXPECT_EQ(Check(by_hash, leaf), std::nullopt);
  EXPECT_THAT(TextOf(Check(by_hash, other)), HasSubstr("cert hash and spki"));
}

TEST_F(PeerPolicyTest, AResumedSessionIsCheckedAgain) {
  const Issued leaf = IssueSvid(ca_, kId);
  EXPECT_EQ(Spiffe().CheckAgain(leaf.certificate(), PeerRole::kClient, "", absl::Now()), std::nullopt);
  const std::optional<Refusal> later =
      Spiffe().CheckAgain(leaf.certificate(), PeerRole::kClient, "", absl::Now() + absl::Hours(2));
  ASSERT_TRUE(later);
  EXPECT_EQ(later->x509_error, X509_V_ERR_CERT_HAS_EXPIRED);
  PeerPolicyParts parts = Plain();
  parts.names.push_back(Exact(NameType::kUri, "spiffe://td.test/b"));
  EXPECT_TRUE(PeerPolicy(std::move(parts)).CheckAgain(leaf.certificate(), PeerRole::kClient, "", absl::Now()));
}

// Whoever it is that chains say, one of these names must be the certificate's.
TEST_F(PeerPolicyTest, AnyOfSomeNames) {
  const Issued leaf = IssueCertificate({.uris = {kId}, .dns = {"a.test", "*.b.test"}, .ips = {"192.0.2.1"}}, &ca_);
  const auto check = [&](std::vector<std::string> names) { return TextOf(CheckAnyName(leaf.certificate(), names)); };
  for (const char* name : {"a.test", "x.b.test", kId, "192.0.2.1"}) {
    EXPECT_EQ(check({name}), "accepted") << name;
    EXPECT_EQ(check({"nobody.test", name}), "accepted") << name;
  }
  for (const char* name : {"", "test", "b.test", "x.y.b.test", "spiffe://td.test/ns/prod/sa/", "192.0.2.2", "leaf"}) {
    EXPECT_THAT(check({name}), HasSubstr("verify SAN list: nobody is expected by the peer's names")) << name;
  }
  EXPECT_THAT(check({"c.test", "d.test"}), HasSubstr("expected \"c.test\", \"d.test\""));
}

}  // namespace
}  // namespace pillion::identity
