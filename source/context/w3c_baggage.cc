#include "source/context/w3c_baggage.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "source/context/bytes.h"
#include "source/http/syntax.h"

namespace pillion::context {
namespace {

// What a character may be part of.
constexpr uint8_t kToken = 1;   // a key (RFC 9110, 5.6.2)
constexpr uint8_t kOctet = 2;   // baggage-octet: a value as it is written
constexpr uint8_t kPlain = 4;   // the same without '%', which is none of a value that is not encoded
constexpr uint8_t kBlank = 8;

constexpr std::array<uint8_t, 256> kKinds = [] {
  std::array<uint8_t, 256> kinds{};
  for (int c = 0x21; c <= 0x7e; ++c) {
    if (std::string_view("\"(),/:;<=>?@[\\]{}").find(static_cast<char>(c)) == std::string_view::npos) kinds[c] |= kToken;
    if (c != '"' && c != ',' && c != ';' && c != '\\') kinds[c] |= c == '%' ? kOctet : kOctet | kPlain;
  }
  kinds[' '] = kinds['\t'] = kBlank;
  return kinds;
}();

uint8_t KindsOf(char c) { return kKinds[static_cast<uint8_t>(c)]; }
bool Is(uint8_t kind, char c) { return (KindsOf(c) & kind) != 0; }

bool AreAll(uint8_t kind, std::string_view text) {
  uint8_t all = kind;
  for (const char c : text) all &= KindsOf(c);
  return all != 0;
}

// Behind all of that kind.
const char* Skip(uint8_t kind, const char* at, const char* end) {
  while (at != end && Is(kind, *at)) ++at;
  return at;
}

std::string_view Between(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// key or key=value, between blanks.
bool IsProperty(std::string_view text) {
  text = http::TrimBlanks(text);
  const size_t equals = text.find('=');
  const std::string_view key = http::TrimBlanks(text.substr(0, equals));
  if (key.empty() || !AreAll(kToken, key)) return false;
  return equals == std::string_view::npos || AreAll(kOctet, http::TrimBlanks(text.substr(equals + 1)));
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

char* Append(std::string_view text, char* to) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

// At most three characters for each byte.
char* EncodePercents(std::string_view bytes, char* to) {
  if (AreAll(kPlain, bytes)) [[likely]] return Append(bytes, to);
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : bytes) {
    const uint8_t byte = static_cast<uint8_t>(c);
    if (Is(kPlain, c)) {
      *to++ = c;
    } else {
      *to++ = '%';
      *to++ = kDigits[byte >> 4];
      *to++ = kDigits[byte & 15];
    }
  }
  return to;
}

struct Member {
  std::string_view key;
  std::string_view value;
  std::string_view properties;
  bool plain;  // just key=value, where nothing is encoded: EncodeBaggage() would write the same
};

// Nothing is copied of a value that has no '%'.
Baggage::Entry MakeEntry(const Member& member, base::Arena& arena) {
  const auto& [key, value, properties, plain] = member;
  if (plain || (properties.empty() && AreAll(kPlain, value))) return {key, value, static_cast<uint32_t>(value.size())};
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

// Takes a member from `at`, which is not the end; what is behind it: the end, or a comma. Null when it is malformed.
const char* TakeMember(const char* at, const char* end, Member& member) {
  const char* const begin = at;
  at = Skip(kToken, at, end);
  member.key = Between(begin, at);
  if (member.key.empty()) return nullptr;
  at = Skip(kBlank, at, end);
  if (at == end || *at != '=') return nullptr;
  const char* const value = Skip(kBlank, at + 1, end);
  at = Skip(kOctet, value, end);
  member.value = Between(value, at);
  at = Skip(kBlank, at, end);
  member.properties = {};
  member.plain = false;
  if (at != end && *at == ';') {
    const std::string_view rest = Between(at + 1, end);
    const size_t size = std::min(rest.find(','), rest.size());
    member.properties = http::TrimBlanks(rest.substr(0, size));
    if (!AreProperties(member.properties)) return nullptr;
    at = rest.data() + size;
  }
  return at == end || *at == ',' ? at : nullptr;
}

// The same of a member that is plain; null: it is none, or malformed.
const char* TakePlainMember(const char* at, const char* end, Member& member) {
  const char* const equals = Skip(kToken, at, end);
  if (equals == at || equals == end || *equals != '=') return nullptr;
  const char* const behind = Skip(kPlain, equals + 1, end);
  if (behind != end && *behind != ',') return nullptr;
  member = {.key = Between(at, equals), .value = Between(equals + 1, behind), .properties = {}, .plain = true};
  return behind;
}

// `place`: where it may be found. The first `before` entries are another carrier's.
void Add(const Member& member, size_t place, size_t before, base::Arena& arena, Baggage& baggage, uint32_t& left_out) {
  const Baggage::Entry* const there = baggage.FindFrom(place, member.key);
  if (there == nullptr) {
    baggage.Add(MakeEntry(member, arena), arena, left_out);
    return;
  }
  if (there->value_size == there->text.size() && Equal(there->text, member.value) && member.properties.empty()) return;
  if (static_cast<size_t>(there - baggage.begin()) >= before) return;  // the first of this carrier
  const Baggage::Entry entry = MakeEntry(member, arena);
  if (there->text == entry.text) baggage.SetValueSize(*there, entry.value_size, arena);
}

// Whether that entry of the list is the member, and no other is.
bool IsAt(size_t place, const Member& member, const Baggage& baggage) {
  if (place >= baggage.size()) return false;
  const Baggage::Entry& entry = baggage.begin()[place];
  return entry.value_size == entry.text.size() && Equal(entry.key, member.key) && Equal(entry.text, member.value);
}

}  // namespace

bool DecodeBaggage(std::string_view text, base::Arena& arena, Baggage& baggage, uint32_t& left_out) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* const bound = at + kLongestBaggage;
  const size_t before = baggage.size();
  size_t members = 0;
  bool as_written = true;  // so far just as EncodeBaggage() would write the list
  for (;; ++at) {          // behind the comma
    Member member;
    if (const char* const behind = TakePlainMember(at, end, member)) [[likely]] {
      at = behind;
    } else {
      as_written = false;
      at = Skip(kBlank, at, end);
      if (at == end) break;
      if (*at == ',') continue;
      at = TakeMember(at, end, member);
      if (at == nullptr) return false;
    }
    if (++members > kMostBaggageMembers || at > bound || member.key.size() > kLongestBaggageKey) {
      ++left_out;
      as_written = false;
    } else if (!member.plain || !IsAt(members - 1, member, baggage)) {
      Add(member, members - 1, before, arena, baggage, left_out);
      as_written = as_written && IsAt(members - 1, member, baggage);
    }
    if (at == end) break;
  }
  if (as_written && members == baggage.size()) baggage.set_w3c_text(text);
  return true;
}

std::string_view EncodeBaggage(const Baggage& baggage, base::Arena& arena, uint32_t& left_out) {
  if (!baggage.w3c_text().empty()) return baggage.w3c_text();
  size_t room = 0;
  for (const Baggage::Entry& entry : baggage) room += entry.key.size() + 3 * entry.text.size() + 2;
  char* const text = static_cast<char*>(arena.Allocate(room, 1));
  char* to = text;
  size_t members = 0;
  bool full = false;
  for (const Baggage::Entry& entry : baggage) {
    char* const before = to;
    if (to != text) *to++ = ',';
    if (full || !AreAll(kToken, entry.key)) {
      to = before;
      ++left_out;
      continue;
    }
    to = Append(entry.key, to);
    *to++ = '=';
    to = EncodePercents(entry.value(), to);
    // Of a vctx they may end with a blank, which a field must not.
    if (const std::string_view properties = http::TrimBlanks(entry.properties()); !properties.empty()) {
      *to++ = ';';
      to = Append(properties, to);
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
