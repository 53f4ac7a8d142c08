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
  const uint32_t own = size_;
  for (uint32_t i = 0; i < other.size_; ++i) {
    const Entry& entry = other.entries_[i];
    // Mostly both came from the same hop, in the same order.
    const Entry* mine = i < own && entries_[i].key == entry.key ? &entries_[i] : Find(entry.key);
    if (mine == nullptr) {
      Append(entry, arena, left_out);
    } else if (mine->text == entry.text) {
      // The later carrier is W3C's, and only that says for certain where the properties begin.
      entries_[mine - entries_].value_size = entry.value_size;
    }
  }
}

void Baggage::Append(const Entry& entry, base::Arena& arena, uint32_t& left_out) {
  if (size_ == kMost) {
    ++left_out;
    return;
  }
  if (size_ == capacity_) {
    const uint32_t capacity = size_ < 8 ? 8 : size_ * 2;
    Entry* entries = arena.NewArray<Entry>(capacity);
    if (size_ > 0) std::memcpy(entries, entries_, size_ * sizeof(Entry));
    entries_ = entries;
    capacity_ = capacity;
  }
  entries_[size_++] = entry;
  keys_ |= KeyBit(entry.key);
}

bool IsColourKey(std::string_view key) { return key == "env" || key == "version" || key == "release"; }

}  // namespace pillion::context
