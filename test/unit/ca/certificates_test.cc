#include "source/ca/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <set>
#include <variant>

#include "source/ca/workload.h"
#include "source/identity/peer_policy.h"

namespace pillion::ca {
namespace {

using identity::KeyPair;
using identity::NameType;
using testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const Validity kDay = {.begin = kNow - absl::Minutes(1), .end = kNow + absl::Hours(24)};

KeyPair Root(std::string_view trust_domain = "demo.test") {
  absl::StatusOr<KeyPair> root = MakeRoot(trust_domain, kDay);
  EXPECT_TRUE(root.ok()) << root.status();
  return *std::move(root);
}

KeyPair Svid(const KeyPair& root, std::string_view id = "spiffe://demo.test/web") {
  absl::StatusOr<KeyPair> svid = MakeSvid(root, id, kDay);
  EXPECT_TRUE(svid.ok()) << svid.status();
  return *std::move(svid);
}

// By OpenSSL's own rules for `purpose`.
int ErrorOf(const KeyPair& root, const KeyPair& svid, int purpose) {
  X509_STORE* const store = X509_STORE_new();
  X509_STORE_add_cert(store, root.leaf());
  X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), absl::ToTimeT(kNow));
  X509_STORE_CTX* const context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, svid.leaf(), nullptr);
  X509_STORE_CTX_set_purpose(context, purpose);
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context), X509_V_FLAG_X509_STRICT);
  X509_verify_cert(context);
  const int error = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return error;
}

bool IsCritical(X509* certificate, int id) {
  const int index = X509_get_ext_by_NID(certificate, id, -1);
  return index >= 0 && X509_EXTENSION_get_critical(X509_get_ext(certificate, index)) != 0;
}

bool IsP256(EVP_PKEY* key) {
  char group[64];
  size_t size = 0;
  return EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         std::string_view(group, size) == "prime256v1";
}

TEST(Svid, KeepsTheRulesOfTheStandard) {
  const KeyPair root = Root(), svid = Svid(root);
  const auto names = identity::SubjectNames(svid.leaf());
  ASSERT_TRUE(names.ok()) << names.status();
  ASSERT_EQ(names->size(), 1u);
  EXPECT_EQ(names->front().type, NameType::kUri);
  EXPECT_EQ(names->front().text, "spiffe://demo.test/web");
  for (const auto role : {identity::PeerRole::kClient, identity::PeerRole::kServer}) {
    const auto checked = identity::CheckSvid(svid.leaf(), *names, role);
    ASSERT_TRUE(std::holds_alternative<std::string>(checked)) << std::get<identity::SvidError>(checked).text;
  }
  EXPECT_EQ(X509_get_key_usage(svid.leaf()), uint32_t{KU_DIGITAL_SIGNATURE});
  EXPECT_EQ(X509_get_extended_key_usage(svid.leaf()), uint32_t{XKU_SSL_SERVER | XKU_SSL_CLIENT});
  EXPECT_TRUE(IsCritical(svid.leaf(), NID_key_usage));
  EXPECT_TRUE(IsCritical(svid.leaf(), NID_basic_constraints));
  EXPECT_EQ(X509_check_ca(svid.leaf()), 0);
  EXPECT_TRUE(IsP256(svid.key.get()));
  EXPECT_EQ(identity::NotBefore(svid.leaf()), kDay.begin);
  EXPECT_EQ(identity::NotAfter(svid.leaf()), kDay.end);
}

TEST(Svid, IsVouchedForByItsRootAlone) {
  const KeyPair root = Root(), other = Root(), svid = Svid(root);
  EXPECT_EQ(ErrorOf(root, svid, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
  EXPECT_EQ(ErrorOf(root, svid, X509_PURPOSE_SSL_SERVER), X509_V_OK);
  EXPECT_NE(ErrorOf(other, svid, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
}

TEST(Svid, HasItsOwnKeyAndSerial) {
  const KeyPair root = Root();
  std::set<std::string> serials, keys;
  for (int i = 0; i < 100; ++i) {
    const KeyPair svid = Svid(root);
    serials.insert(identity::SerialText(svid.leaf()));
    keys.insert(KeyDer(svid.key.get()));
    const ASN1_INTEGER* const serial = X509_get0_serialNumber(svid.leaf());
    EXPECT_EQ(ASN1_STRING_length(serial), 16);
    EXPECT_EQ(ASN1_STRING_type(serial), V_ASN1_INTEGER) << "it is negative";
  }
  EXPECT_EQ(serials.size(), 100u);
  EXPECT_EQ(keys.size(), 100u);
}

TEST(Svid, IsAPairInEveryForm) {
  const KeyPair root = Root(), svid = Svid(root);
  const auto read = identity::ReadKeyPair(identity::PemText(svid.leaf()), KeyPem(svid.key.get()), "");
  ASSERT_TRUE(std::holds_alternative<KeyPair>(read)) << std::get<identity::KeyPairError>(read).text;
  const std::string certificate = CertificateDer(svid.leaf()), key = KeyDer(svid.key.get());
  const auto* bytes = reinterpret_cast<const unsigned char*>(certificate.data());
  const identity::OwnedCertificate parsed(d2i_X509(nullptr, &bytes, static_cast<long>(certificate.size())));
  ASSERT_NE(parsed, nullptr);
  EXPECT_EQ(X509_cmp(parsed.get(), svid.leaf()), 0);
  bytes = reinterpret_cast<const unsigned char*>(key.data());
  PKCS8_PRIV_KEY_INFO* const info = d2i_PKCS8_PRIV_KEY_INFO(nullptr, &bytes, static_cast<long>(key.size()));
  ASSERT_NE(info, nullptr) << "it is not PKCS#8";
  const identity::OwnedKey same(EVP_PKCS82PKEY(info));
  PKCS8_PRIV_KEY_INFO_free(info);
  EXPECT_EQ(EVP_PKEY_eq(same.get(), svid.key.get()), 1);
}

TEST(Root, SignsOnlyLeaves) {
  const KeyPair root = Root();
  EXPECT_EQ(X509_check_ca(root.leaf()), 1);
  EXPECT_EQ(X509_get_pathlen(root.leaf()), 0);
  EXPECT_EQ(X509_get_key_usage(root.leaf()), uint32_t{KU_KEY_CERT_SIGN | KU_CRL_SIGN});
  EXPECT_TRUE(IsCritical(root.leaf(), NID_key_usage));
  EXPECT_TRUE(IsCritical(root.leaf(), NID_basic_constraints));
  EXPECT_EQ(identity::SubjectNames(root.leaf())->front().text, "spiffe://demo.test");
  EXPECT_TRUE(IsP256(root.key.get()));
  EXPECT_NE(identity::SubjectText(root.leaf()), identity::SubjectText(Root().leaf()));
}

TEST(ParseWorkload, HasANameAndAPath) {
  EXPECT_EQ(ParseWorkload("web", "demo.test")->spiffe_id, "spiffe://demo.test/web");
  const auto other = ParseWorkload("web=ns/prod/sa/web", "demo.test");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->name, "web");
  EXPECT_EQ(other->spiffe_id, "spiffe://demo.test/ns/prod/sa/web");
}

TEST(ParseWorkload, LeadsNowhereElse) {
  for (const char* text :
       {"",     "=",    "=a",     "a=",     ".",   "..",    "..data", ".a",        "a/b",    "/a",
        "a=/b", "a=b/", "a=b//c", "a=../b", "a b", "a=b c", "a=b%2f", "a=b,URI:c", "a=b\nc", "\x80"}) {
    const auto workload = ParseWorkload(text, "demo.test");
    ASSERT_FALSE(workload.ok()) << text << ": " << workload->spiffe_id;
    EXPECT_THAT(std::string(workload.status().message()), HasSubstr("workload \""));
  }
  EXPECT_FALSE(ParseWorkload(std::string(65, 'a'), "demo.test").ok());
}

}  // namespace
}  // namespace pillion::ca
