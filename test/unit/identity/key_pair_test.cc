#include "source/identity/key_pair.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test/support/certificates.h"

namespace pillion::identity {
namespace {

using test::IssueCertificate;
using test::Issued;

KeyPairError ErrorOf(std::string_view chain, std::string_view key, std::string_view password = "") {
  const auto pair = ReadKeyPair(chain, key, password);
  const auto* error = std::get_if<KeyPairError>(&pair);
  return error == nullptr ? KeyPairError{KeyPairPart::kBoth, ""} : *error;
}

TEST(KeyPairTest, AChainAndItsKey) {
  const Issued ca = IssueCertificate(test::CaSpec("ca"));
  for (const bool rsa : {false, true}) {
    const Issued leaf = IssueCertificate({.rsa = rsa}, &ca);
    const auto pair = ReadKeyPair(leaf.pem() + ca.pem(), leaf.key_pem(), "");
    ASSERT_TRUE(std::holds_alternative<KeyPair>(pair));
    EXPECT_EQ(sk_X509_num(std::get<KeyPair>(pair).chain.get()), 2);
  }
}

// As `openssl ecparam -genkey` writes them, and files that have all in one.
TEST(KeyPairTest, SomethingElseBeforeTheKey) {
  const Issued leaf = IssueCertificate({});
  constexpr std::string_view kParameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  for (const std::string& before : {std::string(kParameters), leaf.pem(), std::string("words\n")}) {
    EXPECT_EQ(ErrorOf(leaf.pem(), before + leaf.key_pem()).text, "");
  }
}

TEST(KeyPairTest, AKeyOfAnotherType) {
  const Issued one = IssueCertificate({.common_name = "one"});
  EXPECT_EQ(ErrorOf(one.pem(), IssueCertificate({.rsa = true}).key_pem()).text,
            "the private key is not that of the certificate of \"CN=one\"");
}

TEST(KeyPairTest, J27AKeyOfAnotherCertificate) {
  const Issued one = IssueCertificate({.common_name = "one"});
  const KeyPairError error = ErrorOf(one.pem(), IssueCertificate({}).key_pem());
  EXPECT_EQ(error.part, KeyPairPart::kBoth);
  EXPECT_EQ(error.text, "the private key is not that of the certificate of \"CN=one\"");
  const Issued svid = IssueCertificate({.common_name = "two", .uris = {"spiffe://td.test/two"}, .dns = {"two.test"}});
  EXPECT_EQ(ErrorOf(svid.pem(), one.key_pem()).text,
            "the private key is not that of the certificate of \"spiffe://td.test/two\"");
}

TEST(KeyPairTest, J27AnEncryptedKey) {
  const Issued leaf = IssueCertificate({});
  EXPECT_EQ(ErrorOf(leaf.pem(), leaf.key_pem("secret")).text, "the key is encrypted, and no password is given");
  EXPECT_EQ(ErrorOf(leaf.pem(), leaf.key_pem("secret"), "secret").text, "");
  EXPECT_THAT(ErrorOf(leaf.pem(), leaf.key_pem("secret"), "wrong").text,
              ::testing::StartsWith("the key can't be decrypted with the password: "));
}

TEST(KeyPairTest, J27HalfAPair) {
  const Issued leaf = IssueCertificate({});
  EXPECT_EQ(ErrorOf("", leaf.key_pem()).text, "holds no certificate in PEM form");
  EXPECT_EQ(ErrorOf("", leaf.key_pem()).part, KeyPairPart::kChain);
  const std::string half = leaf.pem().substr(0, leaf.pem().size() / 2);
  EXPECT_THAT(ErrorOf(half, leaf.key_pem()).text, ::testing::StartsWith("a certificate can't be read: "));
  EXPECT_THAT(ErrorOf(leaf.pem() + half, leaf.key_pem()).text, ::testing::StartsWith("a certificate can't be read: "));
  EXPECT_EQ(ErrorOf(leaf.pem(), "").part, KeyPairPart::kKey);
  EXPECT_THAT(ErrorOf(leaf.pem(), leaf.key_pem().substr(0, 100)).text,
              ::testing::StartsWith("holds no private key in PEM form"));
}

TEST(KeyPairTest, FactsOfACertificate) {
  const Issued ca = IssueCertificate(test::CaSpec("ca"));
  const Issued leaf = IssueCertificate({.common_name = "l", .uris = {"spiffe://td/a"}, .dns = {"d"}, .ips = {"2001:db8::1"}}, &ca);
  EXPECT_EQ(SubjectText(leaf.certificate()), "CN=l");
  EXPECT_EQ(IssuerText(leaf.certificate()), "CN=ca");
  EXPECT_EQ(Sha256Fingerprint(leaf.certificate()).size(), 64u);
  EXPECT_EQ(Sha1Fingerprint(leaf.certificate()).size(), 40u);
  EXPECT_EQ(SpkiPin(leaf.certificate()).size(), 44u);
  EXPECT_LT(NotBefore(leaf.certificate()), absl::Now());
  EXPECT_GT(NotAfter(leaf.certificate()), absl::Now());
  const auto names = *SubjectNames(leaf.certificate());
  ASSERT_EQ(names.size(), 3u);
  EXPECT_EQ(names[0].text, "spiffe://td/a");
  EXPECT_EQ(names[2].text, "2001:db8::1");
}

}  // namespace
}  // namespace pillion::identity
