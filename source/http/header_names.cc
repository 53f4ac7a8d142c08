#include "source/http/header_names.h"

#include <array>
#include <cstring>

namespace pillion::http {
namespace {

constexpr std::array<std::string_view, kHeaderIds> kNames = {
    "",
#define X(id, name) name,
    PILLION_KNOWN_HEADERS(X)
#undef X
};

// A perfect hash over length, first, middle and last byte, whose multiplier the compiler searches.
constexpr size_t kSlots = 1024;

constexpr uint32_t Key(std::string_view name) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(name[i])); };
  return static_cast<uint32_t>(name.size()) | byte(0) << 8 | byte(name.size() / 2) << 16 | byte(name.size() - 1) << 24;
}

constexpr size_t Hash(uint32_t key, uint32_t multiplier) { return (key * multiplier) >> 22; }

constexpr bool Perfect(uint32_t multiplier) {
  std::array<bool, kSlots> taken{};
  for (size_t i = 1; i < kHeaderIds; ++i) {
    bool& slot = taken[Hash(Key(kNames[i]), multiplier)];
    if (slot) return false;
    slot = true;
  }
  return true;
}

constexpr uint32_t FindMultiplier() {
  uint32_t multiplier = 0x9e3779b1;
  while (!Perfect(multiplier)) multiplier += 2;
  return multiplier;
}

constexpr uint32_t kMultiplier = FindMultiplier();

constexpr std::array<uint8_t, kSlots> kTable = [] {
  std::array<uint8_t, kSlots> table{};
  for (size_t i = 1; i < kHeaderIds; ++i) table[Hash(Key(kNames[i]), kMultiplier)] = static_cast<uint8_t>(i);
  return table;
}();

}  // namespace

std::string_view HeaderName(HeaderId id) { return kNames[static_cast<size_t>(id)]; }

HeaderId FindHeaderId(std::string_view name) {
  if (name.empty()) return HeaderId::kUnknown;
  const size_t candidate = kTable[Hash(Key(name), kMultiplier)];
  const std::string_view known = kNames[candidate];
  if (known.size() != name.size() || std::memcmp(known.data(), name.data(), name.size()) != 0) return HeaderId::kUnknown;
  return static_cast<HeaderId>(candidate);
}

}  // namespace pillion::http
