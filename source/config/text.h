#pragma once

// Texts of errors. (Debian's abseil has a string_view of its own, so absl::StrCat does not take the standard's.)

#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace pillion::config {

inline void AppendPart(std::string& text, std::string_view part) {
  text += part;
}
inline void AppendPart(std::string& text, char part) {
  text += part;
}
void AppendPart(std::string& text, double part);  // without an exponent, unless that is very long

template <std::integral Integer>
void AppendPart(std::string& text, Integer part) {
  char digits[24];
  text.append(digits, std::to_chars(digits, digits + sizeof(digits), part).ptr);
}

// The parts, texts and numbers, one after the other.
template <typename... Parts>
std::string Concat(const Parts&... parts) {
  std::string text;
  (AppendPart(text, parts), ...);
  return text;
}

// `text` as an error quotes it: in double quotes, control bytes escaped, cut behind `most` bytes.
std::string Quote(std::string_view text, size_t most = 80);

}  // namespace pillion::config
