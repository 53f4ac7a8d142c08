#include "source/identity/certificate_pool.h"

#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <utility>

namespace pillion::identity {
namespace {

std::string DigestOf(std::string_view der) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(der.data()), der.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

OwnedCertificate Another(const OwnedCertificate& certificate) {
  X509_up_ref(certificate.get());
  return OwnedCertificate(certificate.get());
}

}  // namespace

CertificatePool& CertificatePool::Shared() {
  static CertificatePool& pool = *new CertificatePool;  // OpenSSL may have ended before statics do
  return pool;
}

OwnedCertificate CertificatePool::Get(std::string_view der) {
  std::string digest = DigestOf(der);
  const absl::MutexLock lock(&mutex_);
  if (const auto found = recent_.find(digest); found != recent_.end()) return Another(found->second);
  OwnedCertificate certificate;
  if (const auto found = earlier_.find(digest); found != earlier_.end()) {
    certificate = Another(found->second);
  } else {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    certificate.reset(d2i_X509_AUX(nullptr, &at, static_cast<long>(der.size())));
    if (certificate == nullptr) return nullptr;
    if (X509_check_ca(certificate.get()) == 0) return certificate;
  }
  if (recent_.size() == kGeneration) earlier_ = std::exchange(recent_, {});
  recent_.emplace(std::move(digest), Another(certificate));
  return certificate;
}

}  // namespace pillion::identity
