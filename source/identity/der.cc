#include "source/identity/der.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <set>

#include "source/identity/certificate.h"
#include "source/identity/certificate_pool.h"
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

// Of the element that the bytes begin with; of what is none all of them, which the parser says more of.
size_t SizeOfFirst(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const begin = at;
  long size = 0;
  int tag = 0;
  int xclass = 0;
  const int result = ASN1_get_object(&at, &size, &tag, &xclass, static_cast<long>(der.size()));
  ERR_clear_error();
  constexpr int kIndefinite = 1;
  constexpr int kBroken = 0x80;
  return (result & (kBroken | kIndefinite)) != 0 ? der.size() : static_cast<size_t>(at - begin) + static_cast<size_t>(size);
}

}  // namespace

absl::StatusOr<std::string> CertificatesAsPem(std::string_view der) {
  if (der.empty()) return absl::InvalidArgumentError("empty");
  std::string pem;
  std::set<std::string_view> seen;
  while (!der.empty()) {
    const std::string_view first = der.substr(0, SizeOfFirst(der));
    if (CertificatePool::Shared().Get(first) == nullptr) {
      return absl::InvalidArgumentError(Concat("a certificate can't be read: ", TakeOpenSslError()));
    }
    der.remove_prefix(first.size());
    if (!seen.insert(first).second) continue;
    if (seen.size() > kMostCertificates) {
      return absl::InvalidArgumentError(Concat("holds more than ", kMostCertificates, " certificates"));
    }
    pem += PemText(first);
  }
  return pem;
}

std::string KeyAsPem(std::string_view der) { return AsPem("PRIVATE KEY", der); }

absl::StatusOr<SortedRevocations> SortRevocations(const std::vector<std::string>& lists,
                                                  const std::vector<std::string>& bundles) {
  SortedRevocations sorted;
  sorted.of_bundles.resize(bundles.size());
  std::vector<CertificateStack> issuers;
  for (const std::string& pem : bundles) {
    absl::StatusOr<CertificateStack> bundle = ReadCertificates(pem);
    if (!bundle.ok()) return bundle.status();
    issuers.push_back(*std::move(bundle));
  }
  for (const std::string& der : lists) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const OwnedRevocations list(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
    if (list == nullptr) {
      return absl::InvalidArgumentError(Concat("a revocation list can't be read: ", TakeOpenSslError()));
    }
    const std::string pem = AsPem("X509 CRL", der);
    sorted.all += pem;
    bool found = false;
    for (size_t i = 0; i < issuers.size(); ++i) {
      for (int j = 0; j < sk_X509_num(issuers[i].get()); ++j) {
        if (!HasIssued(sk_X509_value(issuers[i].get(), j), list.get())) continue;
        sorted.of_bundles[i] += pem;
        found = true;
        break;
      }
    }
    sorted.of_others = sorted.of_others || !found;
  }
  return sorted;
}

}  // namespace pillion::identity
