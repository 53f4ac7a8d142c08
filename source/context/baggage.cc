#include "source/context/baggage.h"

#include <cstring>

namespace pillion::context {
namespace {

// `key` is not empty.
uint64_t KeyBit(std::string_view key) {
  const uint64_t sum = key.size() * 7 + static_cast<uint8_t>(key.front()) * 5 + static_cast<uint8_t>(key.back()) * 3 +
                       static_cast<uint8_t>(key[key.size() / 2]);
  return uint64_t{1} << (sum % 64);
}

}  // namespace

const Baggage::Entry* Baggage::Find(std::string_view key) const {
  if (key.empty() || (keys_ & KeyBit(key)) == 0) return nullptr;
  for (const Entry& entry : *this) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

bool Baggage::Add(const Entry& entry, base::Arena& arena, uint32_t& left_out) {
  if (Find(entry.key) != nullptr) return false;
  const uint32_t before = size_;
  Append(entry, arena, left_out);
  return size_ != before;
}

void Baggage::Merge(const Baggage& other, base::Arena& arena, uint32_t& left_out) {
  if (empty()) {
    *this = other;
    return;
  }
  for (uint32_t i = 0; i < other.size_; ++i) {
    const Entry& entry = other.entries_[i];
    if (FindFrom(i, entry.key) == nullptr) Append(entry, arena, left_out);
  }
}

void Baggage::Append(const Entry& entry, base::Arena& arena, uint32_t& left_out) {
  if (size_ == kMost) {
    ++left_out;
    return;
  }
  if (size_ == capacity_) Grow(arena);
  entries_[size_++] = entry;
  keys_ |= KeyBit(entry.key);
}

void Baggage::SetValueSize(const Entry& entry, uint32_t size, base::Arena& arena) {
  const ptrdiff_t index = &entry - entries_;
  if (size_ == capacity_) Grow(arena);  // the entries of a copy are another list's, until then
  entries_[index].value_size = size;
}

void Baggage::Grow(base::Arena& arena) {
  const uint32_t capacity = size_ < 8 ? 8 : size_ * 2;
  Entry* entries = arena.NewArray<Entry>(capacity);
  if (size_ > 0) std::memcpy(entries, entries_, size_ * sizeof(Entry));
  entries_ = entries;
  capacity_ = capacity;
}

bool IsColourKey(std::string_view key) { return key == "env" || key == "version" || key == "release"; }

}  // namespace pillion::context
