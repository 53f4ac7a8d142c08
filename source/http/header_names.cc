#include "source/http/header_names.h"

#include <array>
#include <cstring>

namespace pillion::http {
namespace {

// A perfect hash over the length and four bytes, whose multiplier the compiler searches.
constexpr size_t kSlots = 2048;

constexpr uint64_t Key(std::string_view name) {
  // Letters in lower case; digits and '-' stay what they are.
  const size_t size = name.size();
  const auto byte = [&](size_t i) { return static_cast<uint64_t>(static_cast<unsigned char>(name[i])) | 0x20; };
  return size | byte(0) << 8 | byte(size / 2) << 16 | byte(size * 3 / 4) << 24 | byte(size - 1) << 32;
}

constexpr size_t Hash(uint64_t key, uint64_t multiplier) { return (key * multiplier) >> 53; }

constexpr bool Perfect(uint64_t multiplier) {
  std::array<bool, kSlots> taken{};
  for (size_t i = 1; i < kHeaderIds; ++i) {
    bool& slot = taken[Hash(Key(kHeaderNames[i]), multiplier)];
    if (slot) return false;
    slot = true;
  }
  return true;
}

constexpr uint64_t FindMultiplier() {
  uint64_t multiplier = 0x9e3779b97f4a7c15;
  while (!Perfect(multiplier)) multiplier += 2;
  return multiplier;
}

constexpr uint64_t kMultiplier = FindMultiplier();

constexpr std::array<uint8_t, kSlots> kTable = [] {
  std::array<uint8_t, kSlots> table{};
  for (size_t i = 1; i < kHeaderIds; ++i) table[Hash(Key(kHeaderNames[i]), kMultiplier)] = static_cast<uint8_t>(i);
  return table;
}();

// Bytes with the bit that tells the cases of a letter apart set in each. Two tokens of the same size, one of them
// of lower case letters, digits and '-' only, are equal ignoring case exactly when their folded bytes are.
template <typename Word>
Word LoadFolded(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word | static_cast<Word>(0x2020202020202020);
}

bool EqualFolded(const char* a, const char* b, size_t size) {
  if (size >= 8) {
    for (size_t i = 0; i + 8 < size; i += 8) {
      if (LoadFolded<uint64_t>(a + i) != LoadFolded<uint64_t>(b + i)) return false;
    }
    return LoadFolded<uint64_t>(a + size - 8) == LoadFolded<uint64_t>(b + size - 8);
  }
  if (size >= 4) {
    return LoadFolded<uint32_t>(a) == LoadFolded<uint32_t>(b) &&
           LoadFolded<uint32_t>(a + size - 4) == LoadFolded<uint32_t>(b + size - 4);
  }
  for (size_t i = 0; i < size; ++i) {
    if (LoadFolded<uint8_t>(a + i) != LoadFolded<uint8_t>(b + i)) return false;
  }
  return true;
}

}  // namespace

HeaderId FindHeaderIdIgnoringCase(std::string_view token) {
  if (token.empty()) return HeaderId::kUnknown;
  const size_t candidate = kTable[Hash(Key(token), kMultiplier)];
  const std::string_view known = kHeaderNames[candidate];
  if (known.size() != token.size() || !EqualFolded(known.data(), token.data(), token.size())) return HeaderId::kUnknown;
  return static_cast<HeaderId>(candidate);
}

HeaderId FindHeaderId(std::string_view name) {
  if (name.empty()) return HeaderId::kUnknown;
  const size_t candidate = kTable[Hash(Key(name), kMultiplier)];
  const std::string_view known = kHeaderNames[candidate];
  if (known.size() != name.size() || std::memcmp(known.data(), name.data(), name.size()) != 0) return HeaderId::kUnknown;
  return static_cast<HeaderId>(candidate);
}

}  // namespace pillion::http
