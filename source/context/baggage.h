#pragma once

// Keys and values that travel with a request, in order, each key once. Views, as in a Context; the list itself lies in the
// stream's arena.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "source/base/arena.h"
#include "source/context/bytes.h"

namespace pillion::context {

class Baggage {
 public:
  Baggage() = default;
  // The copy sees the same entries; what either adds later is its own.
  Baggage(const Baggage& other)
      : entries_(other.entries_),
        size_(other.size_),
        capacity_(other.size_),
        keys_(other.keys_),
        w3c_text_(other.w3c_text_) {}
  Baggage& operator=(const Baggage& other) {
    entries_ = other.entries_;
    size_ = capacity_ = other.size_;
    keys_ = other.keys_;
    w3c_text_ = other.w3c_text_;
    return *this;
  }

  struct Entry {
    std::string_view key;    // not empty
    std::string_view text;   // the value, not percent-encoded; where W3C's properties follow it, a ';' and these
    uint32_t value_size;     // bytes of `text` that are the value

    std::string_view value() const { return text.substr(0, value_size); }
    std::string_view properties() const {
      return value_size == text.size() ? std::string_view() : text.substr(value_size + 1);
    }
  };

  // More entries than this are left out.
  static constexpr size_t kMost = 256;

  // False when the key is there already: the first one counts. Also when there is no room; then `left_out` goes up.
  bool Add(const Entry& entry, base::Arena& arena, uint32_t& left_out) {
    const uint64_t bit = KeyBit(entry.key);
    return Find(entry.key, bit) == nullptr && Append(entry, bit, arena, left_out);
  }

  // Adds what this has not.
  void Merge(const Baggage& other, base::Arena& arena, uint32_t& left_out);

  // Puts entries in front of the list, each in place of one of the same key; one without a value just takes that away. What
  // this is a copy of keeps what it has.
  void Set(std::span<const Entry> entries, base::Arena& arena, uint32_t& left_out);

  // The entry at that place, if it has that key; else as Find(). Lists of one hop mostly have the same order.
  const Entry* FindFrom(size_t place, std::string_view key) const {
    return place < size_ && Equal(entries_[place].key, key) ? &entries_[place] : Find(key);
  }
  // Of an entry of this list: how much of its text is the value. What this is a copy of keeps what it has.
  void SetValueSize(const Entry& entry, uint32_t size, base::Arena& arena);

  // Null when there is none.
  const Entry* Find(std::string_view key) const { return key.empty() ? nullptr : Find(key, KeyBit(key)); }

  // Whether this is a copy of `other`, or the other way round, and neither has changed.
  bool Shares(const Baggage& other) const { return entries_ == other.entries_ && size_ == other.size_; }

  // What EncodeBaggage() would write of this list, where it was read from that; else empty.
  std::string_view w3c_text() const { return w3c_text_; }
  void set_w3c_text(std::string_view text) { w3c_text_ = text; }

  const Entry* begin() const { return entries_; }
  const Entry* end() const { return entries_ + size_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  // `key` is not empty.
  static uint64_t KeyBit(std::string_view key) {
    const uint64_t sum = key.size() * 7 + static_cast<uint8_t>(key.front()) * 5 + static_cast<uint8_t>(key.back()) * 3 +
                         static_cast<uint8_t>(key[key.size() / 2]);
    return uint64_t{1} << (sum % 64);
  }
  // `bit` is that of the key.
  const Entry* Find(std::string_view key, uint64_t bit) const {
    return (keys_ & bit) == 0 ? nullptr : Search(key);
  }
  bool Append(const Entry& entry, uint64_t bit, base::Arena& arena, uint32_t& left_out) {
    if (size_ == kMost) {
      ++left_out;
      return false;
    }
    if (size_ == capacity_) Grow(arena);
    entries_[size_++] = entry;
    keys_ |= bit;
    w3c_text_ = {};
    return true;
  }
  const Entry* Search(std::string_view key) const;
  void Grow(base::Arena& arena);

  Entry* entries_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  uint64_t keys_ = 0;  // a bit for each key, which others may have too: what has none is not in the list
  std::string_view w3c_text_;
};

// The colour of a request: the keys that routing by version goes by. They are written before other baggage, so that they
// are the last to be left out.
bool IsColourKey(std::string_view key);

}  // namespace pillion::context
