#include "source/http/syntax.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace pillion::http {
namespace {

enum : uint8_t {
  kTokenByte = 1,
  kUpperByte = 2,
  kValueByte = 4,
  kTargetByte = 8,
  kRegNameByte = 16,  // RFC 3986, 3.2.2, with sub-delims that cannot end a host in a list left out
  kIpv6Byte = 32,
};

constexpr std::array<uint8_t, 256> kClass = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    uint8_t bits = 0;
    const bool digit = c >= '0' && c <= '9';
    const bool upper = c >= 'A' && c <= 'Z';
    const bool lower = c >= 'a' && c <= 'z';
    const auto in = [c](std::string_view set) { return c != 0 && set.find(static_cast<char>(c)) != set.npos; };
    if (digit || upper || lower || in("!#$%&'*+-.^_`|~")) bits |= kTokenByte;
    if (upper) bits |= kUpperByte;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= kValueByte;
    if (c > 0x20 && c < 0x7f && c != '#') bits |= kTargetByte;
    if (digit || upper || lower || in("-._~%!$&'()*+;=")) bits |= kRegNameByte;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || in(":.")) bits |= kIpv6Byte;
    table[c] = bits;
  }
  return table;
}();

uint8_t ClassOf(char c) { return kClass[static_cast<unsigned char>(c)]; }

bool AllOf(std::string_view text, uint8_t bit) {
  for (const char c : text) {
    if ((ClassOf(c) & bit) == 0) return false;
  }
  return true;
}

char LowerCase(char c) { return (ClassOf(c) & kUpperByte) != 0 ? static_cast<char>(c | 0x20) : c; }

bool IsPort(std::string_view text) {
  if (text.size() > 5) return false;  // an empty one is legal (RFC 3986, 3.2.3)
  int port = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + (c - '0');
  }
  return port <= 65535;
}

// Whether one of eight bytes is below 0x20, or 0x7f.
bool HasControlByte(const char* bytes) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  const uint64_t below_space = (word - kOnes * 0x20) & ~word;
  const uint64_t not_delete = word ^ kOnes * 0x7f;
  const uint64_t is_delete = (not_delete - kOnes) & ~not_delete;
  return ((below_space | is_delete) & kOnes * 0x80) != 0;
}

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

bool IsToken(std::string_view text) { return !text.empty() && AllOf(text, kTokenByte); }

bool IsLowerCaseToken(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if ((ClassOf(c) & (kTokenByte | kUpperByte)) != kTokenByte) return false;
  }
  return true;
}

bool IsFieldValue(std::string_view text) {
  if (text.empty()) return true;
  if (IsBlank(text.front()) || IsBlank(text.back())) return false;
  if (text.size() < 8) return AllOf(text, kValueByte);
  // Eight at a time; what is found may be a tab, so that a doubtful text is looked at again.
  const char* const last = text.data() + text.size() - 8;
  for (const char* bytes = text.data(); bytes < last; bytes += 8) {
    if (HasControlByte(bytes)) return AllOf(text, kValueByte);
  }
  return !HasControlByte(last) || AllOf(text, kValueByte);
}

bool IsTarget(std::string_view text) { return !text.empty() && AllOf(text, kTargetByte); }

bool IsAuthority(std::string_view text) {
  if (text.empty()) return false;
  if (text.front() == '[') {
    const size_t close = text.find(']');
    if (close == text.npos || close < 3 || !AllOf(text.substr(1, close - 1), kIpv6Byte)) return false;
    const std::string_view rest = text.substr(close + 1);
    return rest.empty() || (rest.front() == ':' && IsPort(rest.substr(1)));
  }
  const size_t colon = text.find(':');
  const std::string_view host = text.substr(0, colon);
  if (host.empty() || !AllOf(host, kRegNameByte)) return false;
  return colon == text.npos || IsPort(text.substr(colon + 1));
}

std::optional<int64_t> ParseContentLength(std::string_view text) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(value);
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  return a == b || std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return LowerCase(x) == LowerCase(y); });
}

void CopyLowerCase(std::string_view text, char* out) {
  const auto copy = [&](size_t at) {
    constexpr uint64_t kEach = 0x0101010101010101;
    uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    // The top bit of each byte of `upper` says whether that byte is 'A' to 'Z': carries stay within seven bits.
    const uint64_t low = word & (0x7f * kEach);
    const uint64_t upper = (low + (0x80 - 'A') * kEach) & ~(low + (0x7f - 'Z') * kEach) & ~word & (0x80 * kEach);
    word |= upper >> 2;
    std::memcpy(out + at, &word, 8);
  };
  const size_t size = text.size();
  if (size < 8) {
    for (size_t at = 0; at < size; ++at) out[at] = LowerCase(text[at]);
    return;
  }
  size_t at = 0;
  for (; at + 8 <= size; at += 8) copy(at);
  if (at < size) copy(size - 8);  // some of it a second time
}

}  // namespace pillion::http
