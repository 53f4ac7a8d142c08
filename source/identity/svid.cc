#include "source/identity/svid.h"

#include "source/identity/text.h"
#include "source/identity/spiffe_id.h"

namespace pillion::identity {
namespace {

// Empty: nothing is wrong.
std::string UsageError(X509* leaf, PeerRole role) {
  const uint32_t flags = X509_get_extension_flags(leaf);
  if ((flags & EXFLAG_INVALID) != 0) return "an extension of it can't be read";
  if ((flags & EXFLAG_CA) != 0) return "it is a CA's (basicConstraints has CA:TRUE)";  // 5.2
  if ((flags & EXFLAG_KUSAGE) == 0) return "it has no key usage";                      // 4.3
  const uint32_t usage = X509_get_key_usage(leaf);
  if ((usage & KU_DIGITAL_SIGNATURE) == 0) return "its key usage lacks digitalSignature";
  if ((usage & KU_KEY_CERT_SIGN) != 0) return "its key usage has keyCertSign";
  if ((usage & KU_CRL_SIGN) != 0) return "its key usage has cRLSign";
  if ((flags & EXFLAG_XKUSAGE) == 0) return "";  // 4.4: it may be absent
  const uint32_t extended = X509_get_extended_key_usage(leaf);
  if (role == PeerRole::kClient && (extended & XKU_SSL_CLIENT) == 0) return "its extended key usage lacks clientAuth";
  if (role == PeerRole::kServer && (extended & XKU_SSL_SERVER) == 0) return "its extended key usage lacks serverAuth";
  return "";
}

}  // namespace

std::variant<std::string, SvidError> CheckSvid(X509* leaf, const std::vector<SubjectName>& names, PeerRole role) {
  const SubjectName* uri = nullptr;
  size_t uris = 0;
  for (const SubjectName& name : names) {
    if (name.type != NameType::kUri) continue;
    uri = &name;
    ++uris;
  }
  if (uris != 1) {
    return SvidError{Concat("an SVID has exactly one URI among its subject alternative names, this has ", uris)};
  }
  const auto id = ParseSpiffeId(uri->text);
  if (const auto* error = std::get_if<SpiffeIdError>(&id)) {
    return SvidError{Concat("the URI ", Quote(uri->text), " is no SPIFFE ID: it ", error->text)};
  }
  if (std::get<SpiffeId>(id).path.empty()) {
    return SvidError{Concat("the SPIFFE ID ", Quote(uri->text), " of a leaf has no path")};
  }
  if (const std::string error = leaf == nullptr ? "" : UsageError(leaf, role); !error.empty()) {
    return SvidError{Concat("the certificate of ", Quote(uri->text), " is no SVID: ", error)};
  }
  return uri->text;
}

}  // namespace pillion::identity
