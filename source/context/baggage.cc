#include "source/context/baggage.h"

#include <algorithm>
#include <cstring>

namespace pillion::context {

const Baggage::Entry* Baggage::Search(std::string_view key) const {
  for (const Entry& entry : *this) {
    if (Equal(entry.key, key)) return &entry;
  }
  return nullptr;
}

void Baggage::Merge(const Baggage& other, base::Arena& arena, uint32_t& left_out) {
  if (empty()) {
    *this = other;
    return;
  }
  for (uint32_t i = 0; i < other.size_; ++i) {
    const Entry& entry = other.entries_[i];
    if (FindFrom(i, entry.key) == nullptr) Append(entry, KeyBit(entry.key), arena, left_out);
  }
}

void Baggage::Set(std::span<const Entry> entries, base::Arena& arena, uint32_t& left_out) {
  Baggage made;
  for (const Entry& entry : entries) {
    if (entry.value_size > 0) made.Add(entry, arena, left_out);
  }
  for (const Entry& entry : *this) {
    const auto is_same = [&](const Entry& set) { return Equal(set.key, entry.key); };
    if (std::ranges::none_of(entries, is_same)) made.Add(entry, arena, left_out);
  }
  *this = made;
}

void Baggage::SetValueSize(const Entry& entry, uint32_t size, base::Arena& arena) {
  const ptrdiff_t index = &entry - entries_;
  if (size_ == capacity_) Grow(arena);  // the entries of a copy are another list's, until then
  w3c_text_ = {};
  entries_[index].value_size = size;
}

void Baggage::Grow(base::Arena& arena) {
  const uint32_t capacity = size_ < 8 ? 8 : size_ * 2;
  Entry* entries = static_cast<Entry*>(arena.Allocate(capacity * sizeof(Entry), alignof(Entry)));
  if (size_ > 0) std::memcpy(entries, entries_, size_ * sizeof(Entry));
  entries_ = entries;
  capacity_ = capacity;
}

bool IsColourKey(std::string_view key) { return key == "env" || key == "version" || key == "release"; }

}  // namespace pillion::context
