#pragma once

// A certificate chain and its private key.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "source/identity/certificate.h"
#include "source/identity/ocsp.h"

namespace pillion::identity {

struct KeyPair {
  CertificateStack chain;  // the leaf first; never empty
  OwnedKey key;
  // Of a server.
  std::optional<OcspResponse> ocsp = {};  // what the CA says of the leaf
  bool must_staple = false;               // clients take the leaf with that only

  X509* leaf() const { return sk_X509_value(chain.get(), 0); }
};

// Which of the texts was at fault.
enum class KeyPairPart : uint8_t { kChain, kKey, kBoth };

struct KeyPairError {
  KeyPairPart part;
  std::string text;
};

// A pair whose halves do not belong together is refused, so that a half-written one never serves. A key that is
// encrypted needs `password`.
std::variant<KeyPair, KeyPairError> ReadKeyPair(std::string_view chain_pem, std::string_view key_pem,
                                                std::string_view password);

}  // namespace pillion::identity
