#pragma once

// The certificates of a development CA: roots and X509-SVIDs, with ECDSA P-256 keys. Pure over OpenSSL.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "source/identity/key_pair.h"

namespace pillion::ca {

// In certificates as whole seconds.
struct Validity {
  absl::Time begin;
  absl::Time end;
};

// A self-signed signing certificate, of the trust domain's own SPIFFE ID, and its key.
absl::StatusOr<identity::KeyPair> MakeRoot(std::string_view trust_domain, Validity validity);

// A leaf by the rules of X509-SVIDs, and a key of its own. `spiffe_id` is one, with a path.
absl::StatusOr<identity::KeyPair> MakeSvid(const identity::KeyPair& root, std::string_view spiffe_id,
                                           Validity validity);

std::string CertificateDer(X509* certificate);
std::string KeyDer(EVP_PKEY* key);  // PKCS#8, not encrypted
std::string KeyPem(EVP_PKEY* key);

std::string TimeText(absl::Time time);  // 2026-01-31T12:00:00Z

}  // namespace pillion::ca
