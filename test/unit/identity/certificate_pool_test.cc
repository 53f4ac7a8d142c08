#include "source/identity/certificate_pool.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "source/identity/certificate.h"
#include "source/identity/der.h"
#include "test/support/certificates.h"

namespace pillion::identity {
namespace {

using ::testing::HasSubstr;
using test::CaSpec;
using test::IssueCertificate;
using test::Issued;

// Certificates that differ in their subject, of one key: it takes longer than all else to make one.
std::vector<std::string> ManyAsDer(int count) {
  const Issued first = IssueCertificate(CaSpec("ca"));
  std::vector<std::string> ders;
  const OwnedCertificate certificate(X509_dup(first.certificate()));
  for (int i = 0; i < count; ++i) {
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), i + 1);
    X509_sign(certificate.get(), first.key(), EVP_sha256());
    ders.push_back(DerText(certificate.get()));
  }
  return ders;
}

std::string AsPem(const std::vector<std::string>& ders) {
  std::string pem;
  for (const std::string& der : ders) pem += PemText(der);
  return pem;
}

TEST(CertificatePoolTest, EachIsParsedOnce) {
  const Issued ca = IssueCertificate(CaSpec("ca"));
  const Issued other = IssueCertificate(CaSpec("other"));
  const auto once = ReadCertificates(ca.pem());
  const auto again = ReadCertificates(other.pem() + ca.pem());
  ASSERT_TRUE(once.ok() && again.ok());
  EXPECT_EQ(sk_X509_value(once->get(), 0), sk_X509_value(again->get(), 1));
  EXPECT_NE(sk_X509_value(again->get(), 0), sk_X509_value(again->get(), 1));
}

TEST(CertificatePoolTest, WhatNobodyAsksForIsForgotten) {
  const std::vector<std::string> ders = ManyAsDer(2 * CertificatePool::kGeneration + 1);
  CertificatePool pool;
  const OwnedCertificate first = pool.Get(ders[0]);
  const OwnedCertificate asked = pool.Get(ders[1]);
  for (const std::string& der : ders) {
    pool.Get(der);
    EXPECT_EQ(pool.Get(ders[1]), asked);
  }
  EXPECT_NE(pool.Get(ders[0]), first) << "forgotten, so parsed anew";
  EXPECT_EQ(DerText(first.get()), ders[0]) << "who has one keeps it";
}

// They are renewed all the time, and nobody would ask for the one before.
TEST(CertificatePoolTest, LeavesAreNotKept) {
  CertificatePool pool;
  const std::string der = DerText(IssueCertificate({}).certificate());
  const OwnedCertificate first = pool.Get(der);
  ASSERT_NE(first, nullptr);
  EXPECT_NE(pool.Get(der), first);
}

TEST(CertificatePoolTest, BytesThatAreNone) {
  CertificatePool pool;
  EXPECT_EQ(pool.Get(""), nullptr);
  EXPECT_EQ(pool.Get("no certificate"), nullptr);
}

TEST(CertificatePoolTest, EqualOnesOfABundleCountOnce) {
  const Issued ca = IssueCertificate(CaSpec("ca"));
  std::string pem;
  std::string der;
  for (int i = 0; i <= kMostCertificates; ++i) {
    pem += ca.pem();
    der += DerText(ca.certificate());
  }
  const auto read = ReadCertificates(pem);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(sk_X509_num(read->get()), 1);
  EXPECT_EQ(CertificatesAsPem(der).value(), ca.pem());
}

TEST(CertificatePoolTest, TooManyAreRefused) {
  std::vector<std::string> ders = ManyAsDer(kMostCertificates + 1);
  std::string der;
  for (const std::string& each : ders) der += each;
  EXPECT_EQ(ReadCertificates(AsPem(ders)).status().message(), "holds more than 256 certificates");
  EXPECT_EQ(CertificatesAsPem(der).status().message(), "holds more than 256 certificates");
  der.resize(der.size() - ders.back().size());
  ders.pop_back();
  EXPECT_EQ(sk_X509_num(ReadCertificates(AsPem(ders)).value().get()), kMostCertificates);
  EXPECT_EQ(CertificatesAsPem(der).value(), AsPem(ders));
}

// OpenSSL would ask for a password at the terminal of the process.
TEST(CertificatePoolTest, AnEncryptedCertificate) {
  const Issued ca = IssueCertificate(CaSpec("ca"));
  std::string pem = ca.pem();
  pem.insert(pem.find('\n') + 1, "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n");
  EXPECT_THAT(std::string(ReadCertificates(pem).status().message()), HasSubstr("a certificate can't be read: "));
}

TEST(CertificatePoolTest, DerThatIsCutShort) {
  const std::string der = DerText(IssueCertificate(CaSpec("ca")).certificate());
  for (const std::string& wrong : {der.substr(0, 1), der.substr(0, der.size() - 1), der + der.substr(0, 3), der + '\0',
                                   std::string("\x30\x80\0\0", 4), std::string("\x30\0", 2)}) {
    EXPECT_THAT(std::string(CertificatesAsPem(wrong).status().message()), HasSubstr("a certificate can't be read: "));
  }
}

}  // namespace
}  // namespace pillion::identity
