#pragma once

// SPIFFE IDs, by the standard's rules and to the byte: nothing is decoded, folded or normalised.

#include <string>
#include <string_view>
#include <variant>

namespace pillion::identity {

// Views into the text that was parsed.
struct SpiffeId {
  std::string_view trust_domain;
  std::string_view path;  // with its first slash; empty: the trust domain itself
};

// Which rule a text breaks, and by what.
struct SpiffeIdError {
  std::string text;
};

std::variant<SpiffeId, SpiffeIdError> ParseSpiffeId(std::string_view text);

// What is wrong with a name of a trust domain; empty: nothing.
std::string TrustDomainError(std::string_view name);

}  // namespace pillion::identity
