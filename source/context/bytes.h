#pragma once

// Numbers as carriers have them: big endian, or in lower case hexadecimal digits.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pillion::context {

template <typename Word>
constexpr Word SwapBytes(Word word) {
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

// The same as ==, quicker for short texts.
inline bool Equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  const auto differ = [&]<typename Word>(size_t at, Word) {
    Word ours, theirs;
    std::memcpy(&ours, a.data() + at, sizeof ours);
    std::memcpy(&theirs, b.data() + at, sizeof theirs);
    return ours ^ theirs;
  };
  const size_t size = a.size();
  if (size > 16) return std::memcmp(a.data(), b.data(), size) == 0;
  if (size >= 8) return (differ(0, uint64_t()) | differ(size - 8, uint64_t())) == 0;
  if (size >= 4) return (differ(0, uint32_t()) | differ(size - 4, uint32_t())) == 0;
  for (size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

// Each of eight bytes at a time is told by this many times as much.
inline constexpr uint64_t kEachByte = 0x0101010101010101;

// The digits of eight numbers, each in a byte of its own. One that is not below 16 becomes something else, or the digit of
// another one.
constexpr uint64_t HexDigits(uint64_t numbers) {
  const uint64_t letters = ((numbers + 6 * kEachByte) >> 4) & kEachByte;
  return numbers + '0' * kEachByte + letters * ('a' - '0' - 10);
}

// Two digits for each byte of `number`. False when one of them is none; upper case is none.
inline bool ParseHex(const char* text, uint32_t& number) {
  uint64_t digits;
  std::memcpy(&digits, text, sizeof digits);
  uint64_t numbers = (digits & 0x0f * kEachByte) + 9 * ((digits >> 6) & kEachByte);
  const uint64_t wrong = (HexDigits(numbers) ^ digits) | (numbers & 0xf0 * kEachByte);
  numbers = SwapBytes(numbers);
  numbers = (numbers | numbers >> 4) & 0x00ff00ff00ff00ff;
  numbers = (numbers | numbers >> 8) & 0x0000ffff0000ffff;
  number = static_cast<uint32_t>(numbers | numbers >> 16);
  return wrong == 0;
}
inline bool ParseHex(const char* text, uint64_t& number) {
  uint32_t high, low;
  if (!ParseHex(text, high) || !ParseHex(text + 8, low)) return false;
  number = uint64_t{high} << 32 | low;
  return true;
}
inline bool ParseHex(const char* text, uint8_t& number) {
  const auto value = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16; };
  const int high = value(text[0]), low = value(text[1]);
  number = static_cast<uint8_t>(high << 4 | low);
  return high < 16 && low < 16;
}

// Writes two digits for each byte; returns what is behind them.
inline char* WriteHex(uint32_t word, char* to) {
  uint64_t numbers = word;
  numbers = (numbers | numbers << 16) & 0x0000ffff0000ffff;
  numbers = (numbers | numbers << 8) & 0x00ff00ff00ff00ff;
  numbers = (numbers | numbers << 4) & 0x0f * kEachByte;
  const uint64_t digits = HexDigits(SwapBytes(numbers));
  std::memcpy(to, &digits, sizeof digits);
  return to + sizeof digits;
}
inline char* WriteHex(uint64_t word, char* to) {
  return WriteHex(static_cast<uint32_t>(word), WriteHex(static_cast<uint32_t>(word >> 32), to));
}
inline char* WriteHex(uint8_t byte, char* to) {
  constexpr char kDigits[] = "0123456789abcdef";
  *to++ = kDigits[byte >> 4];
  *to++ = kDigits[byte & 15];
  return to;
}

}  // namespace pillion::context
