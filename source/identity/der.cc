#include "source/identity/der.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "source/identity/certificate.h"
#include "source/identity/text.h"

namespace pillion::identity {
namespace {

std::string AsPem(const char* label, std::string_view der) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio(bio.get(), label, "", reinterpret_cast<const unsigned char*>(der.data()), static_cast<long>(der.size()));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace

absl::StatusOr<std::string> CertificatesAsPem(std::string_view der) {
  if (der.empty()) return absl::InvalidArgumentError("empty");
  std::string pem;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = at + der.size();
  while (at < end) {
    const OwnedCertificate certificate(d2i_X509(nullptr, &at, end - at));
    if (certificate == nullptr) {
      return absl::InvalidArgumentError(Concat("a certificate can't be read: ", TakeOpenSslError()));
    }
    pem += PemText(certificate.get());
  }
  return pem;
}

std::string KeyAsPem(std::string_view der) { return AsPem("PRIVATE KEY", der); }

absl::StatusOr<std::string> RevocationsAsPem(const std::vector<std::string>& lists, std::string_view bundle_pem) {
  absl::StatusOr<CertificateStack> bundle = ReadCertificates(bundle_pem);
  if (!bundle.ok()) return bundle.status();
  std::string pem;
  for (const std::string& der : lists) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const OwnedRevocations list(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
    if (list == nullptr) {
      return absl::InvalidArgumentError(Concat("a revocation list can't be read: ", TakeOpenSslError()));
    }
    for (int i = 0; i < sk_X509_num(bundle->get()); ++i) {
      const X509* const issuer = sk_X509_value(bundle->get(), i);
      if (X509_NAME_cmp(X509_CRL_get_issuer(list.get()), X509_get_subject_name(issuer)) != 0) continue;
      pem += AsPem("X509 CRL", der);
      break;
    }
  }
  return pem;
}

}  // namespace pillion::identity
