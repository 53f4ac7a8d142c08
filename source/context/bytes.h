#pragma once

// Numbers as carriers have them: big endian, or in lower case hexadecimal digits.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pillion::context {

template <typename Word>
Word SwapBytes(Word word) {
  static_assert(std::endian::native == std::endian::little);
  if constexpr (sizeof(Word) == 8) return __builtin_bswap64(word);
  if constexpr (sizeof(Word) == 4) return __builtin_bswap32(word);
  if constexpr (sizeof(Word) == 2) return __builtin_bswap16(word);
  return word;
}

template <typename Word>
Word ReadBigEndian(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return SwapBytes(word);
}

// Returns what is behind it.
template <typename Word>
char* WriteBigEndian(Word word, char* to) {
  word = SwapBytes(word);
  std::memcpy(to, &word, sizeof word);
  return to + sizeof word;
}

inline constexpr std::array<uint8_t, 256> kHexValues = [] {
  std::array<uint8_t, 256> values{};
  values.fill(0xff);
  for (uint8_t i = 0; i < 10; ++i) values['0' + i] = i;
  for (uint8_t i = 0; i < 6; ++i) values['a' + i] = 10 + i;
  return values;
}();

// `text` has at most 16 characters. False when one of them is no digit; upper case is none.
inline bool ParseHex(std::string_view text, uint64_t& number) {
  uint8_t wrong = 0;
  number = 0;
  for (const char c : text) {
    const uint8_t value = kHexValues[static_cast<uint8_t>(c)];
    wrong |= value;
    number = number << 4 | (value & 15);
  }
  return (wrong & 0xf0) == 0;
}

// The two digits of each byte.
inline constexpr std::array<std::array<char, 2>, 256> kHexPairs = [] {
  constexpr char kDigits[] = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (size_t i = 0; i < 256; ++i) pairs[i] = {kDigits[i >> 4], kDigits[i & 15]};
  return pairs;
}();

// Writes two digits for each byte; returns what is behind them.
template <typename Word>
char* WriteHex(Word word, char* to) {
  for (int shift = 8 * (sizeof(Word) - 1); shift >= 0; shift -= 8, to += 2) {
    std::memcpy(to, kHexPairs[static_cast<uint8_t>(word >> shift)].data(), 2);
  }
  return to;
}

}  // namespace pillion::context
