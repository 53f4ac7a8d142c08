#include "source/limit/key.h"

#include <algorithm>
#include <cstring>

namespace pillion::limit {
namespace {

// Where more of a text follows than its first word has room for.
constexpr size_t kInFirst = 7;
// Its length, as far as it has a byte's room in the first word.
constexpr size_t kLong = 255;

template <typename Word>
uint64_t Read(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// Up to eight bytes, the first one lowest. Bytes that are read twice come to the same place.
uint64_t ReadFew(const char* from, size_t size) {
  if (size >= 4) return Read<uint32_t>(from) | Read<uint32_t>(from + size - 4) << 8 * (size - 4);
  if (size == 0) return 0;
  const auto byte = [from](size_t at) { return Read<uint8_t>(from + at) << 8 * at; };
  return byte(0) | byte(size / 2) | byte(size - 1);
}

}  // namespace

// The first word says by its lowest byte how many others there are, so that no two rows of texts give the same words.
Key KeyOf(const Secret& secret, std::span<const std::string_view> dimensions) {
  base::SipHash hash(secret);
  for (const std::string_view text : dimensions) {
    const char* const from = text.data();
    const size_t size = text.size();
    const uint64_t first = size >= sizeof(uint64_t) ? Read<uint64_t>(from) : ReadFew(from, size);
    hash.Add(first << 8 | std::min(size, kLong));
    if (size >= kLong) hash.Add(size);
    size_t at = kInFirst;
    for (; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) hash.Add(Read<uint64_t>(from + at));
    // Of a text of more than a word: the bytes before those that are left are shifted out.
    if (at < size) hash.Add(Read<uint64_t>(from + size - sizeof(uint64_t)) >> 8 * (sizeof(uint64_t) - (size - at)));
  }
  return hash.Finish();
}

}  // namespace pillion::limit
