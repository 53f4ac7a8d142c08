#pragma once

// Error texts, with values of peers and of files. (Debian's abseil has a string_view of its own, so absl::StrCat does not
// take the standard's.)

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include "source/base/escape.h"

namespace pillion::identity {

// In quotes, on one line, and not longer than a line.
inline std::string Quote(std::string_view text) {
  constexpr size_t kMost = 200;
  std::string quoted = "\"";
  base::AppendPrintable(quoted, text.substr(0, kMost));
  quoted += text.size() > kMost ? "...\"" : "\"";
  return quoted;
}

inline void AppendPart(std::string& text, std::string_view part) { text += part; }
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

// ASCII letters in lower case.
inline std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

}  // namespace pillion::identity
