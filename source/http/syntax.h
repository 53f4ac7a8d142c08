#pragma once

// The syntax of RFC 9110 that both codecs check, byte by byte, over tables. All functions are pure; all input is
// untrusted.

#include <cstdint>
#include <optional>
#include <string_view>

namespace pillion::http {

// token (RFC 9110, 5.6.2), not empty.
bool IsToken(std::string_view text);

// A field name as HTTP/2 has it: a token without upper case.
bool IsLowerCaseToken(std::string_view text);

// A field value: no control byte but HTAB (0x80 to 0xff pass), no blank at either end. May be empty.
bool IsFieldValue(std::string_view text);

// A request target without its method: visible ASCII only, no '#' (RFC 9112, 3.2). Not empty.
bool IsTarget(std::string_view text);

// host[:port] without userinfo: a reg-name, IPv4 or bracketed IPv6 address and a port of 0 to 65535. Not empty.
bool IsAuthority(std::string_view text);

// 1*DIGIT of at most 19 digits that fits 63 bits.
std::optional<int64_t> ParseContentLength(std::string_view text);

// Without blanks (SP, HTAB) at the ends.
std::string_view TrimBlanks(std::string_view text);

// ASCII case folded comparison.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

// Writes `text` with its ASCII letters in lower case to `out`, which has room for it.
void CopyLowerCase(std::string_view text, char* out);

// Calls `visit(element)` for each element, trimmed, empty ones left out, of a comma-separated list.
// `visit` returns false to stop; then so does this.
template <typename F>
bool ForEachListElement(std::string_view list, F&& visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::string_view element = TrimBlanks(list.substr(0, comma));
    if (!element.empty() && !visit(element)) return false;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return true;
}

}  // namespace pillion::http
