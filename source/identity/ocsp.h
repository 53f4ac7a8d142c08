#pragma once

// What a CA says of one certificate (OCSP, RFC 6960), for a server that passes it on to its clients (RFC 6066, 8). Who
// verifies its signature are they; here it only has to be a whole one that is about the certificate.

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "source/identity/owned.h"

namespace pillion::identity {

struct OcspResponse {
  std::string der;
  absl::Time begins;
  absl::Time ends;  // nobody believes it later; of one that says no end, its beginning
  bool good = true;  // else the certificate is revoked, or the CA does not know it

  bool HasEnded(absl::Time now) const { return now > ends; }
};

// `chain`: the certificate's, the leaf first. An error says what is wrong: it is no response, one that says why there is
// none, of several certificates, or of another one.
absl::StatusOr<OcspResponse> ReadOcspResponse(std::string_view der, const STACK_OF(X509) * chain);

// Clients take the certificate with such a response only (RFC 7633).
bool MustStaple(const X509* certificate);

}  // namespace pillion::identity
