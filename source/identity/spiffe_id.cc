#include "source/identity/spiffe_id.h"

#include "source/identity/text.h"

namespace pillion::identity {
namespace {

constexpr std::string_view kScheme = "spiffe://";
constexpr size_t kMaxBytes = 2048;
constexpr size_t kMaxTrustDomain = 255;

bool IsTrustDomainByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool IsPathByte(char c) { return IsTrustDomainByte(c) || (c >= 'A' && c <= 'Z'); }

// `path` is empty, or begins with a slash.
std::string PathError(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment.empty()) return "has an empty path segment";
    if (segment == "." || segment == "..") return Concat("has the path segment ", Quote(segment));
    for (const char c : segment) {
      if (!IsPathByte(c)) return Concat("has ", Quote({&c, 1}), " in its path");
    }
    path.remove_prefix(segment.size());
  }
  return "";
}

}  // namespace

std::string TrustDomainError(std::string_view name) {
  if (name.empty()) return "has no trust domain";
  if (name.size() > kMaxTrustDomain) {
    return Concat("has a trust domain of ", name.size(), " bytes, at most ", kMaxTrustDomain, " are allowed");
  }
  for (const char c : name) {
    if (!IsTrustDomainByte(c)) return Concat("has ", Quote({&c, 1}), " in its trust domain");
  }
  return "";
}

std::variant<SpiffeId, SpiffeIdError> ParseSpiffeId(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return SpiffeIdError{Concat("has ", text.size(), " bytes, at most ", kMaxBytes, " are allowed")};
  }
  if (!text.starts_with(kScheme)) return SpiffeIdError{"does not begin with \"spiffe://\""};
  const std::string_view rest = text.substr(kScheme.size());
  const size_t slash = rest.find('/');
  const SpiffeId id{.trust_domain = rest.substr(0, slash),
                    .path = slash == rest.npos ? std::string_view() : rest.substr(slash)};
  if (std::string error = TrustDomainError(id.trust_domain); !error.empty()) return SpiffeIdError{std::move(error)};
  if (std::string error = PathError(id.path); !error.empty()) return SpiffeIdError{std::move(error)};
  return id;
}

}  // namespace pillion::identity
