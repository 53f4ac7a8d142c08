#include "source/context/base64.h"

#include <array>

namespace pillion::context {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// What a character says beside its six bits.
constexpr uint16_t kStandardOnly = 0x100;
constexpr uint16_t kUrlSafeOnly = 0x200;
constexpr uint16_t kNone = 0x400;

constexpr std::array<uint16_t, 256> kValues = [] {
  std::array<uint16_t, 256> values{};
  values.fill(kNone);
  for (uint16_t i = 0; i < 62; ++i) values[static_cast<uint8_t>(kAlphabet[i])] = i;
  values['+'] = kStandardOnly | 62;
  values['/'] = kStandardOnly | 63;
  values['-'] = kUrlSafeOnly | 62;
  values['_'] = kUrlSafeOnly | 63;
  return values;
}();

// Twelve bits at a time.
constexpr std::array<std::array<char, 2>, 4096> kPairs = [] {
  std::array<std::array<char, 2>, 4096> pairs{};
  for (size_t i = 0; i < 4096; ++i) pairs[i] = {kAlphabet[i >> 6], kAlphabet[i & 63]};
  return pairs;
}();

uint32_t Byte(char c) { return static_cast<uint8_t>(c); }
uint32_t Value(char c) { return kValues[static_cast<uint8_t>(c)]; }

// Of the six bits of each.
uint32_t Word(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
}

std::string_view WithoutPadding(std::string_view text) {
  if (text.size() % 4 != 0) return text;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<size_t> DecodeBase64(std::string_view text, char* out, size_t room) {
  text = WithoutPadding(text);
  const size_t rest = text.size() % 4;
  const size_t bytes = text.size() / 4 * 3 + (rest == 0 ? 0 : rest - 1);
  if (rest == 1 || bytes > room) return std::nullopt;
  uint32_t seen = 0;
  const char* at = text.data();
  for (const char* const end = at + (text.size() - rest); at != end; at += 4, out += 3) {
    const uint32_t a = Value(at[0]), b = Value(at[1]), c = Value(at[2]), d = Value(at[3]);
    seen |= a | b | c | d;
    const uint32_t word = Word(a, b, c, d);
    out[0] = static_cast<char>(word >> 16);
    out[1] = static_cast<char>(word >> 8);
    out[2] = static_cast<char>(word);
  }
  if (rest != 0) {
    const uint32_t a = Value(at[0]), b = Value(at[1]), c = rest == 3 ? Value(at[2]) : 0;
    seen |= a | b | c;
    const uint32_t word = Word(a, b, c, 0);
    if ((word & (rest == 3 ? 0xffu : 0xffffu)) != 0) return std::nullopt;
    out[0] = static_cast<char>(word >> 16);
    if (rest == 3) out[1] = static_cast<char>(word >> 8);
  }
  constexpr uint32_t kBoth = kStandardOnly | kUrlSafeOnly;
  if ((seen & kNone) != 0 || (seen & kBoth) == kBoth) return std::nullopt;
  return bytes;
}

void EncodeBase64(std::string_view bytes, bool padded, char* out) {
  const auto put = [&out](uint32_t twelve_bits) {
    *out++ = kPairs[twelve_bits][0];
    *out++ = kPairs[twelve_bits][1];
  };
  const size_t rest = bytes.size() % 3;
  const char* at = bytes.data();
  for (const char* const end = at + (bytes.size() - rest); at != end; at += 3) {
    const uint32_t word = Byte(at[0]) << 16 | Byte(at[1]) << 8 | Byte(at[2]);
    put(word >> 12);
    put(word & 0xfff);
  }
  if (rest == 0) return;
  const uint32_t word = Byte(at[0]) << 16 | (rest == 2 ? Byte(at[1]) << 8 : 0);
  put(word >> 12);
  if (rest == 2) *out++ = kAlphabet[word >> 6 & 63];
  if (padded) {
    *out++ = '=';
    if (rest == 1) *out++ = '=';
  }
}

}  // namespace pillion::context
