#include "source/base/escape.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace pillion::base {
namespace {

constexpr char kHex[] = "0123456789abcdef";

bool PlainInJson(unsigned char byte) {
  return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\' && byte != '<' && byte != '>' && byte != '&';
}

void AppendJsonEscape(std::string& out, unsigned char byte) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const char escape[] = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
  out.append(escape, sizeof escape);
}

bool PlainInLine(unsigned char byte) {
  return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

// Eight bytes at once, as PlainInLine().
bool AllPlainInLine(uint64_t bytes) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x80 * kOnes;
  // The highest bit of each byte that is zero (or, behind one that is, perhaps of another): right as a whole.
  const auto zeros = [](uint64_t word) { return (word - kOnes) & ~word; };
  const uint64_t controls = (bytes - 0x20 * kOnes) & ~bytes;
  const uint64_t others = zeros(bytes ^ '"' * kOnes) | zeros(bytes ^ '\\' * kOnes) | zeros(bytes ^ 0x7f * kOnes);
  return ((bytes | controls | others) & kHighs) == 0;
}

// How many bytes `text` begins with that are to be taken as they are.
size_t PlainPrefix(std::string_view text) {
  size_t size = 0;
  for (uint64_t bytes = 0; text.size() - size >= sizeof bytes; size += sizeof bytes) {
    std::memcpy(&bytes, text.data() + size, sizeof bytes);
    if (!AllPlainInLine(bytes)) break;
  }
  while (size < text.size() && PlainInLine(static_cast<unsigned char>(text[size]))) ++size;
  return size;
}

void AppendLineEscape(std::string& out, unsigned char byte) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const char escape[] = {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
  out.append(escape, sizeof escape);
}

}  // namespace

size_t Utf8Length(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  size_t length;
  unsigned char low = 0x80;  // the range of the second byte excludes overlong forms, surrogates and > U+10FFFF
  unsigned char high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (text.size() < length || at(1) < low || at(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

void AppendJsonPart(std::string& out, std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    size_t plain = i;
    while (plain < text.size() && PlainInJson(static_cast<unsigned char>(text[plain]))) ++plain;
    out.append(text, i, plain - i);
    i = plain;
    if (i == text.size()) break;
    const unsigned char byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      AppendJsonEscape(out, byte);
      ++i;
    } else if (const size_t length = Utf8Length(text.substr(i)); length > 0) {
      out.append(text, i, length);
      i += length;
    } else {
      out += "\\ufffd";
      ++i;
    }
  }
}

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  AppendJsonPart(out, text);
  out += '"';
}

std::string_view CutUtf8(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  size_t end = most;
  for (int i = 0; i < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++i) --end;
  return text.substr(0, end);
}

void AppendLine(std::string& out, std::string_view text, size_t most) {
  std::string_view rest = CutUtf8(text, most);
  const bool cut = rest.size() < text.size();
  while (!rest.empty()) {
    const size_t part = std::min(rest.find_first_of("\"\\"), rest.size());
    AppendPrintable(out, rest.substr(0, part));
    if (part < rest.size()) out += rest[part];
    rest.remove_prefix(std::min(part + 1, rest.size()));
  }
  if (cut) out += "...";
}

void AppendPrintable(std::string& out, std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t plain = PlainPrefix(text.substr(i));
    out.append(text, i, plain);
    i += plain;
    if (i == text.size()) break;
    const unsigned char byte = static_cast<unsigned char>(text[i]);
    size_t length = byte < 0x80 ? 0 : Utf8Length(text.substr(i));
    // U+0080..U+009F are control characters too: a terminal may take U+009B for ESC [.
    if (byte == 0xc2 && length == 2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) length = 0;
    if (length > 0) {
      out.append(text, i, length);
      i += length;
    } else {
      AppendLineEscape(out, byte);
      ++i;
    }
  }
}

}  // namespace pillion::base
