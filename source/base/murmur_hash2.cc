#include "source/base/murmur_hash2.h"

#include <cstring>

namespace pillion::base {
namespace {

constexpr uint64_t kSeed = 0xc70f6907;
constexpr uint64_t kMultiplier = 0xc6a4a7935bd1e995;

uint64_t Mix(uint64_t word) { return word ^ (word >> 47); }

}  // namespace

uint64_t MurmurHash2(std::string_view text) {
  uint64_t hash = kSeed ^ (text.size() * kMultiplier);
  for (; text.size() >= 8; text.remove_prefix(8)) {
    uint64_t word;
    std::memcpy(&word, text.data(), 8);
    hash = (hash ^ (Mix(word * kMultiplier) * kMultiplier)) * kMultiplier;
  }
  if (!text.empty()) {
    uint64_t rest = 0;
    std::memcpy(&rest, text.data(), text.size());
    hash = (hash ^ rest) * kMultiplier;
  }
  return Mix(Mix(hash) * kMultiplier);
}

}  // namespace pillion::base
