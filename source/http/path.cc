#include "source/http/path.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "source/http/parameters.h"

namespace pillion::http {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The byte that is escaped at the front of `text`; -1: none is.
int Escaped(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = HexDigit(text[1]);
  const int low = HexDigit(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

enum : uint8_t { kPlain, kUnreserved, kEscape };

// RFC 3986, 2.3 and 3.3.
constexpr std::array<uint8_t, 256> kClass = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const std::string_view marks = "-._~";
    const std::string_view delimiters = "!$&'()*+,;=:@/%";
    if (letter || marks.find(static_cast<char>(c)) != marks.npos) {
      table[static_cast<size_t>(c)] = kUnreserved;
    } else if (delimiters.find(static_cast<char>(c)) == delimiters.npos) {
      table[static_cast<size_t>(c)] = kEscape;
    }
  }
  return table;
}();

uint8_t ClassOf(int c) { return kClass[static_cast<size_t>(static_cast<unsigned char>(c))]; }

// Nothing there that another spelling could stand for.
bool IsNormal(std::string_view path) {
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '%' || ClassOf(c) == kEscape) return false;
    if (c == '.' && i > 0 && path[i - 1] == '/') return false;
  }
  return true;
}

char* WriteEscaped(char* to, unsigned char c) {
  constexpr char kHex[] = "0123456789ABCDEF";
  *to++ = '%';
  *to++ = kHex[c >> 4];
  *to++ = kHex[c & 15];
  return to;
}

// Returns the end of what it wrote; null for a broken escape.
char* WriteNormalEscapes(std::string_view path, char* to) {
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '\\') {
      *to++ = '/';
    } else if (c == '%') {
      const int escaped = Escaped(path.substr(i));
      if (escaped <= 0) return nullptr;
      if (ClassOf(escaped) == kUnreserved) {
        *to++ = static_cast<char>(escaped);
      } else {
        std::memcpy(to, path.data() + i, 3);
        to += 3;
      }
      i += 2;
    } else if (ClassOf(c) == kEscape) {
      to = WriteEscaped(to, static_cast<unsigned char>(c));
    } else {
      *to++ = c;
    }
  }
  return to;
}

// Removes dot segments in place (RFC 3986, 5.2.4); returns the new size. `path` begins with a slash.
size_t RemoveDotSegments(char* path, size_t size) {
  size_t out = 0;
  for (size_t at = 0; at < size;) {  // at a slash
    const char* const next = static_cast<const char*>(std::memchr(path + at + 1, '/', size - at - 1));
    const size_t end = next == nullptr ? size : static_cast<size_t>(next - path);
    const std::string_view segment(path + at + 1, end - at - 1);
    const std::string_view name = segment.substr(0, segment.find(';'));
    const bool up = name == "..";
    if (up) {
      while (out > 0 && path[--out] != '/') {
      }
    }
    if (up || name == ".") {
      if (end == size) path[out++] = '/';
    } else {
      std::memmove(path + out, path + at, end - at);
      out += end - at;
    }
    at = end;
  }
  if (out == 0) path[out++] = '/';
  return out;
}

std::string_view WithQuery(char* path, size_t size, std::string_view query) {
  if (!query.empty()) std::memcpy(path + size, query.data(), query.size());
  return {path, size + query.size()};
}

}  // namespace

std::optional<std::string_view> NormalizedPath(std::string_view whole, base::Arena& arena) {
  const std::string_view path = WithoutQuery(whole);
  if (!path.starts_with('/') || IsNormal(path)) return whole;
  const std::string_view query = whole.substr(path.size());
  char* const text = static_cast<char*>(arena.Allocate(path.size() * 3 + query.size(), 1));
  const char* const end = WriteNormalEscapes(path, text);
  if (end == nullptr) return std::nullopt;
  return WithQuery(text, RemoveDotSegments(text, static_cast<size_t>(end - text)), query);
}

std::string_view WithMergedSlashes(std::string_view whole, base::Arena& arena) {
  const std::string_view path = WithoutQuery(whole);
  if (path.find("//") == std::string_view::npos) return whole;
  char* const text = static_cast<char*>(arena.Allocate(whole.size(), 1));
  size_t size = 0;
  for (const char c : path) {
    if (c != '/' || size == 0 || text[size - 1] != '/') text[size++] = c;
  }
  return WithQuery(text, size, whole.substr(path.size()));
}

std::string_view WithoutEscapedSlashes(std::string_view whole, base::Arena& arena) {
  const std::string_view path = WithoutQuery(whole);
  if (path.find('%') == std::string_view::npos) return whole;
  char* const text = static_cast<char*>(arena.Allocate(whole.size(), 1));
  size_t size = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    const int escaped = Escaped(path.substr(i));
    const bool slash = escaped == '/' || escaped == '\\';
    text[size++] = slash ? '/' : path[i];
    if (slash) i += 2;
  }
  return size == path.size() ? whole : WithQuery(text, size, whole.substr(path.size()));
}

std::string_view WithoutParameters(std::string_view whole, base::Arena& arena) {
  const std::string_view path = WithoutQuery(whole);
  if (path.find(';') == std::string_view::npos) return whole;
  char* const text = static_cast<char*>(arena.Allocate(whole.size(), 1));
  size_t size = 0;
  bool parameter = false;
  for (const char c : path) {
    parameter = c != '/' && (parameter || c == ';');
    if (!parameter) text[size++] = c;
  }
  return WithQuery(text, size, whole.substr(path.size()));
}

}  // namespace pillion::http
