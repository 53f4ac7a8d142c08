#pragma once

// The rules of the X509-SVID standard for a leaf, beyond what makes a chain valid.

#include <string>
#include <variant>

#include "source/identity/certificate.h"

namespace pillion::identity {

enum class PeerRole : uint8_t { kClient, kServer };

struct SvidError {
  std::string text;  // the rule and the value
};

// The SPIFFE ID of a leaf whose owner acts as `role`; `names` are the certificate's. Null: of it nothing but the names is
// known.
std::variant<std::string, SvidError> CheckSvid(X509* leaf, const std::vector<SubjectName>& names, PeerRole role);

}  // namespace pillion::identity
