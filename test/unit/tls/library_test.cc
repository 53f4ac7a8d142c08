// OpenSSL as the process uses it: which keys it knows.

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "source/tls/library.h"

namespace pillion::tls {
namespace {

template <auto kFree>
struct Free {
  template <typename Object>
  void operator()(Object* object) const {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;

std::string Taken(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return std::string(text, static_cast<size_t>(size));
}

Bio Text(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

Key KeyOf(const std::string& pem, const char* password = nullptr) {
  return Key(PEM_read_bio_PrivateKey(Text(pem).get(), nullptr, nullptr, const_cast<char*>(password)));
}

// Its own, and read again.
Certificate CertificateOf(EVP_PKEY* key, const EVP_MD* digest) {
  const Certificate made(X509_new());
  X509_set_version(made.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key);
  EXPECT_GT(X509_sign(made.get(), key, digest), 0);
  unsigned char* der = nullptr;
  const int size = i2d_X509(made.get(), &der);
  const unsigned char* at = der;
  Certificate read(d2i_X509(nullptr, &at, size));
  OPENSSL_free(der);
  return read;
}

class LibraryTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { PrepareLibrary(); }
};

TEST_F(LibraryTest, EachKindOfKeyThatACertificateMayHave) {
  struct Kind {
    std::string name;
    Key key;
    bool hashes;  // what is signed
  };
  std::vector<Kind> kinds;
  for (const char* curve : {"P-256", "P-384", "P-521"}) kinds.push_back({curve, Key(EVP_EC_gen(curve)), true});
  kinds.push_back({"RSA", Key(EVP_RSA_gen(2048)), true});
  for (const char* curve : {"ED25519", "ED448"}) {
    kinds.push_back({curve, Key(EVP_PKEY_Q_keygen(nullptr, nullptr, curve)), false});
  }
  const std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>> pss(EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
  EVP_PKEY* made = nullptr;
  ASSERT_EQ(EVP_PKEY_keygen_init(pss.get()), 1);
  ASSERT_EQ(EVP_PKEY_generate(pss.get(), &made), 1);
  kinds.push_back({"RSA-PSS", Key(made), true});
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(kind.name);
    ASSERT_NE(kind.key, nullptr);
    const Certificate certificate = CertificateOf(kind.key.get(), kind.hashes ? EVP_sha256() : nullptr);
    ASSERT_NE(certificate, nullptr);
    EVP_PKEY* const shown = X509_get0_pubkey(certificate.get());
    ASSERT_NE(shown, nullptr);
    EXPECT_EQ(X509_verify(certificate.get(), shown), 1);
    const Bio plain(BIO_new(BIO_s_mem())), traditional(BIO_new(BIO_s_mem())), encrypted(BIO_new(BIO_s_mem()));
    ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(plain.get(), kind.key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
    ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(encrypted.get(), kind.key.get(), EVP_aes_256_cbc(), "word", 4, nullptr, nullptr),
              1);
    EXPECT_EQ(EVP_PKEY_eq(KeyOf(Taken(plain.get())).get(), shown), 1);
    EXPECT_EQ(EVP_PKEY_eq(KeyOf(Taken(encrypted.get()), "word").get(), shown), 1);
    EXPECT_EQ(KeyOf(Taken(encrypted.get()), "another"), nullptr);
    if (!kind.hashes || kind.name == "RSA-PSS") continue;  // there is no other form
    ASSERT_EQ(PEM_write_bio_PrivateKey_traditional(traditional.get(), kind.key.get(), nullptr, nullptr, 0, nullptr, nullptr),
              1);
    EXPECT_EQ(EVP_PKEY_eq(KeyOf(Taken(traditional.get())).get(), shown), 1);
  }
}

}  // namespace
}  // namespace pillion::tls
