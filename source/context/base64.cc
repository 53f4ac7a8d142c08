#include "source/context/base64.h"

#include <array>
#include <cstring>

#include "source/context/bytes.h"

namespace pillion::context {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// What a character says beside its six bits; above the 24 bits of a group, which lie as the three bytes do in memory.
constexpr uint32_t kStandardOnly = 1 << 24;
constexpr uint32_t kUrlSafeOnly = 1 << 25;
constexpr uint32_t kNone = 1 << 26;

// By place in a group of four, and character: its bits where they belong.
constexpr std::array<std::array<uint32_t, 256>, 4> kValues = [] {
  std::array<std::array<uint32_t, 256>, 4> values{};
  for (size_t place = 0; place < 4; ++place) {
    const auto group = [place](uint32_t six_bits) { return SwapBytes(six_bits << (18 - 6 * place)) >> 8; };
    std::array<uint32_t, 256>& here = values[place];
    here.fill(kNone);
    for (uint32_t i = 0; i < 62; ++i) here[static_cast<uint8_t>(kAlphabet[i])] = group(i);
    here['+'] = kStandardOnly | group(62);
    here['/'] = kStandardOnly | group(63);
    here['-'] = kUrlSafeOnly | group(62);
    here['_'] = kUrlSafeOnly | group(63);
  }
  return values;
}();

// Twelve bits at a time.
constexpr std::array<std::array<char, 2>, 4096> kPairs = [] {
  std::array<std::array<char, 2>, 4096> pairs{};
  for (size_t i = 0; i < 4096; ++i) pairs[i] = {kAlphabet[i >> 6], kAlphabet[i & 63]};
  return pairs;
}();

uint32_t Byte(char c) { return static_cast<uint8_t>(c); }
uint32_t Value(size_t place, char c) { return kValues[place][static_cast<uint8_t>(c)]; }
uint32_t Group(const char* at) { return Value(0, at[0]) | Value(1, at[1]) | Value(2, at[2]) | Value(3, at[3]); }

std::string_view WithoutPadding(std::string_view text) {
  if (text.size() % 4 != 0) return text;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<size_t> DecodeBase64(std::string_view text, char* out, size_t room, bool* url_safe) {
  text = WithoutPadding(text);
  const size_t rest = text.size() % 4;
  const size_t bytes = text.size() / 4 * 3 + (rest == 0 ? 0 : rest - 1);
  if (rest == 1 || bytes > room) return std::nullopt;
  uint32_t seen = 0;
  const char* at = text.data();
  const char* const end = at + (text.size() - rest);
  for (; end - at > 8; at += 8, out += 6) {  // what follows a group overwrites its fourth byte
    const uint32_t first = Group(at), second = Group(at + 4);
    seen |= first | second;
    std::memcpy(out, &first, 4);
    std::memcpy(out + 3, &second, 4);
  }
  for (; at != end; at += 4, out += 3) {
    const uint32_t group = Group(at);
    seen |= group;
    std::memcpy(out, &group, 3);
  }
  if (rest != 0) {
    const uint32_t group = Value(0, at[0]) | Value(1, at[1]) | (rest == 3 ? Value(2, at[2]) : 0);
    seen |= group;
    if ((group & (rest == 3 ? 0xff0000u : 0xffff00u)) != 0) return std::nullopt;
    std::memcpy(out, &group, rest - 1);
  }
  constexpr uint32_t kBoth = kStandardOnly | kUrlSafeOnly;
  if ((seen & kNone) != 0 || (seen & kBoth) == kBoth) return std::nullopt;
  if (url_safe != nullptr) *url_safe = (seen & kUrlSafeOnly) != 0;
  return bytes;
}

void EncodeBase64(std::string_view bytes, bool padded, char* out) {
  const auto put = [&out](uint32_t twelve_bits) {
    std::memcpy(out, kPairs[twelve_bits].data(), 2);
    out += 2;
  };
  const size_t rest = bytes.size() % 3;
  const char* at = bytes.data();
  const char* const end = at + (bytes.size() - rest);
  for (; end - at >= 8; at += 6) {  // of the eight that are read
    const uint64_t word = ReadBigEndian<uint64_t>(at);
    put(word >> 52);
    put(word >> 40 & 0xfff);
    put(word >> 28 & 0xfff);
    put(word >> 16 & 0xfff);
  }
  for (; at != end; at += 3) {
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
