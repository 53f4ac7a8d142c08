#pragma once

// What the SPIFFE Workload API gives is DER; all else here is written in PEM.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace pillion::identity {

// Certificates, one behind the other. An error where there is none, or bytes that are none.
absl::StatusOr<std::string> CertificatesAsPem(std::string_view der);

// A private key in PKCS#8; it is looked at when it is used.
std::string KeyAsPem(std::string_view der);

// Revocation lists, in PEM, by whom they are of.
struct SortedRevocations {
  std::string all;
  std::vector<std::string> of_bundles;  // by bundle: those that one of its certificates has issued; empty: none
  bool of_others = false;  // one is of none of them: an intermediate CA's, say
};
// `lists`: each a DER list. `bundles`: each of certificates in PEM.
absl::StatusOr<SortedRevocations> SortRevocations(const std::vector<std::string>& lists,
                                                  const std::vector<std::string>& bundles);

}  // namespace pillion::identity
