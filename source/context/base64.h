#pragma once

// Base64 (RFC 4648) as carriers have it: read in the standard or in the URL-safe alphabet, padded or not; written in the
// standard one. Pure; all input is untrusted.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pillion::context {

// The bytes that `text` stands for, written to `out`, which has room for `room`; their number. Nothing for both alphabets
// mixed, '=' anywhere but as the whole padding, blanks, bits left over that are not zero, and for more than `room`.
// `url_safe`: whether there are characters of that alphabet alone; may be null.
std::optional<size_t> DecodeBase64(std::string_view text, char* out, size_t room, bool* url_safe = nullptr);

constexpr size_t Base64Size(size_t bytes, bool padded) { return padded ? (bytes + 2) / 3 * 4 : (bytes * 4 + 2) / 3; }

// Writes Base64Size() characters to `out`.
void EncodeBase64(std::string_view bytes, bool padded, char* out);

}  // namespace pillion::context
