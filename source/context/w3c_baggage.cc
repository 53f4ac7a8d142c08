#include "source/context/w3c_baggage.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "source/context/bytes.h"
#include "source/http/syntax.h"

namespace pillion::context {
namespace {

// baggage-octet: visible ASCII but '"', ',', ';' and '\'.
constexpr std::array<bool, 256> kOctets = [] {
  std::array<bool, 256> octets{};
  for (int c = 0x21; c <= 0x7e; ++c) octets[c] = c != '"' && c != ',' && c != ';' && c != '\\';
  return octets;
}();

// What is written as it is.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain = kOctets;
  plain['%'] = false;
  return plain;
}();

bool AreOctets(std::string_view text) {
  bool all = true;
  for (const char c : text) all &= kOctets[static_cast<uint8_t>(c)];
  return all;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// key or key=value, between blanks.
bool IsProperty(std::string_view text) {
  text = http::TrimBlanks(text);
  const size_t equals = text.find('=');
  if (!http::IsToken(http::TrimBlanks(text.substr(0, equals)))) return false;
  return equals == std::string_view::npos || AreOctets(http::TrimBlanks(text.substr(equals + 1)));
}

bool AreProperties(std::string_view text) {
  for (size_t semicolon; (semicolon = text.find(';')) != std::string_view::npos; text.remove_prefix(semicolon + 1)) {
    if (!IsProperty(text.substr(0, semicolon))) return false;
  }
  return IsProperty(text);
}

// A '%' without two digits stands for itself. What comes out is no longer than `text`.
char* DecodePercents(std::string_view text, char* to) {
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : HexValue(text[i + 2]);
    *to++ = low < 0 ? text[i] : static_cast<char>(high << 4 | low);
    if (low >= 0) i += 2;
  }
  return to;
}

// At most three characters for each byte.
char* EncodePercents(std::string_view bytes, char* to) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : bytes) {
    const uint8_t byte = static_cast<uint8_t>(c);
    if (kPlain[byte]) [[likely]] {
      *to++ = c;
    } else {
      *to++ = '%';
      *to++ = kDigits[byte >> 4];
      *to++ = kDigits[byte & 15];
    }
  }
  return to;
}

// Nothing is copied of a value that has no '%'.
Baggage::Entry MakeEntry(std::string_view key, std::string_view value, std::string_view properties, base::Arena& arena) {
  if (value.find('%') == std::string_view::npos && properties.empty()) {
    return {key, value, static_cast<uint32_t>(value.size())};
  }
  char* const text = static_cast<char*>(arena.Allocate(value.size() + 1 + properties.size(), 1));
  char* end = DecodePercents(value, text);
  const uint32_t value_size = static_cast<uint32_t>(end - text);
  if (!properties.empty()) {
    *end++ = ';';
    std::memcpy(end, properties.data(), properties.size());
    end += properties.size();
  }
  return {key, {text, static_cast<size_t>(end - text)}, value_size};
}

// Nothing of `member` was read when this is false.
bool Split(std::string_view member, std::string_view& key, std::string_view& value, std::string_view& properties) {
  const size_t semicolon = member.find(';');
  const std::string_view pair = member.substr(0, semicolon);
  const size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return false;
  key = http::TrimBlanks(pair.substr(0, equals));
  value = http::TrimBlanks(pair.substr(equals + 1));
  properties = semicolon == std::string_view::npos ? std::string_view() : member.substr(semicolon + 1);
  if (!http::IsToken(key) || !AreOctets(value)) return false;
  return semicolon == std::string_view::npos || AreProperties(properties);
}

}  // namespace

bool DecodeBaggage(std::string_view text, base::Arena& arena, Baggage& baggage, uint32_t& left_out) {
  size_t members = 0;
  return http::ForEachListElement(text, [&](std::string_view member) {
    const size_t end = static_cast<size_t>(member.data() + member.size() - text.data());
    std::string_view key, value, properties;
    if (!Split(member, key, value, properties)) return false;
    if (++members > kMostBaggageMembers || end > kLongestBaggage || key.size() > kLongestBaggageKey) {
      ++left_out;
      return true;
    }
    if (baggage.Find(key) == nullptr) baggage.Add(MakeEntry(key, value, properties, arena), arena, left_out);
    return true;
  });
}

std::string_view EncodeBaggage(const Baggage& baggage, base::Arena& arena, uint32_t& left_out) {
  size_t room = 0;
  for (const Baggage::Entry& entry : baggage) room += entry.key.size() + 3 * entry.text.size() + 2;
  char* const text = static_cast<char*>(arena.Allocate(room, 1));
  char* to = text;
  size_t members = 0;
  bool full = false;
  for (const Baggage::Entry& entry : baggage) {
    if (full || !http::IsToken(entry.key)) {
      ++left_out;
      continue;
    }
    char* const before = to;
    if (to != text) *to++ = ',';
    std::memcpy(to, entry.key.data(), entry.key.size());
    to += entry.key.size();
    *to++ = '=';
    to = EncodePercents(entry.value(), to);
    if (const std::string_view properties = entry.properties(); !properties.empty()) {
      *to++ = ';';
      std::memcpy(to, properties.data(), properties.size());
      to += properties.size();
    }
    full = ++members > kMostBaggageMembers || to - text > static_cast<ptrdiff_t>(kLongestBaggage);
    if (full) {
      to = before;
      ++left_out;
    }
  }
  return {text, static_cast<size_t>(to - text)};
}

size_t ValueSize(std::string_view text) {
  const size_t semicolon = text.find(';');
  return semicolon != std::string_view::npos && AreProperties(text.substr(semicolon + 1)) ? semicolon : text.size();
}

}  // namespace pillion::context
