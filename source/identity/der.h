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

// Those of `lists`, each a revocation list, that one of the certificates of `bundle_pem` has issued; empty: none.
absl::StatusOr<std::string> RevocationsAsPem(const std::vector<std::string>& lists, std::string_view bundle_pem);

}  // namespace pillion::identity
