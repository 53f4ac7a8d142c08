#pragma once

// The fields of one head or trailer section, in order, with repeated names kept apart.
//
// A field is two views. Whoever adds one vouches that both live as long as the map: texts in the stream's arena, or
// static ones. The map itself lives in that arena too; it is never destroyed, only forgotten.

#include <array>
#include <cstdint>
#include <string_view>

#include "source/base/arena.h"
#include "source/http/header_names.h"

namespace pillion::http {

struct HeaderField {
  const char* name_data;
  const char* value_data;
  uint32_t name_size;
  uint32_t value_size;
  HeaderId id;
  bool sensitive;  // never to be indexed by HPACK (RFC 7541, 7.1.3)

  std::string_view name() const { return {name_data, name_size}; }
  std::string_view value() const { return {value_data, value_size}; }
};

class HeaderMap {
 public:
  explicit HeaderMap(base::Arena& arena) : arena_(&arena) {}

  // `name` is lower case.
  void Add(std::string_view name, std::string_view value, bool sensitive = false) {
    AddField(FindHeaderId(name), name, value, sensitive);
  }
  void Add(HeaderId id, std::string_view value) { AddField(id, HeaderName(id), value, false); }
  // `id` is what FindHeaderId() says of `name`.
  void Add(HeaderId id, std::string_view name, std::string_view value) { AddField(id, name, value, false); }
  // `id` is that of `name`.
  void Add(HeaderId id, std::string_view name, std::string_view value, bool sensitive) {
    AddField(id, name, value, sensitive);
  }

  // Replaces the first field of that name and removes the others; adds one when there was none.
  void Set(HeaderId id, std::string_view value);

  bool Has(HeaderId id) const {
    const size_t index = static_cast<size_t>(id);
    return (present_[index / 64] >> (index % 64) & 1) != 0;
  }

  // The first field of that name, or null.
  const HeaderField* Find(HeaderId id) const {
    if (!Has(id)) return nullptr;
    for (const HeaderField& field : *this) {
      if (field.id == id) return &field;
    }
    return nullptr;
  }
  const HeaderField* Find(std::string_view lower_case_name) const;
  // The same of a name that has no id.
  const HeaderField* FindOther(std::string_view lower_case_name) const;

  // The value of the first field of that name; empty when there is none.
  std::string_view Get(HeaderId id) const {
    const HeaderField* field = Find(id);
    return field == nullptr ? std::string_view() : field->value();
  }

  size_t Count(HeaderId id) const;

  void Remove(HeaderId id) {
    if (Has(id)) RemoveIf([id](const HeaderField& field) { return field.id == id; });
  }
  void Remove(std::string_view lower_case_name);
  void Remove(const HeaderIdSet& ids) {
    if (((present_[0] & ids.words[0]) | (present_[1] & ids.words[1])) == 0) return;
    RemoveIf([&ids](const HeaderField& field) { return ids.Has(field.id); });
  }

  // Removes every field for which `condition` is true; the order of the others stays.
  template <typename F>
  void RemoveIf(F&& condition) {
    HeaderField* out = fields_;
    present_ = {};
    for (uint32_t i = 0; i < size_; ++i) {
      if (condition(fields_[i])) continue;
      MarkPresent(fields_[i].id);
      *out++ = fields_[i];
    }
    size_ = static_cast<uint32_t>(out - fields_);
  }

  HeaderField* begin() { return fields_; }
  HeaderField* end() { return fields_ + size_; }
  const HeaderField* begin() const { return fields_; }
  const HeaderField* end() const { return fields_ + size_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Sum of the lengths of all names and values, and 32 a field (the measure of RFC 9113, 6.5.2).
  size_t ListSize() const;

  base::Arena& arena() const { return *arena_; }

 private:
  void MarkPresent(HeaderId id) {
    const size_t index = static_cast<size_t>(id);
    present_[index / 64] |= uint64_t{index != 0} << (index % 64);
  }
  void AddField(HeaderId id, std::string_view name, std::string_view value, bool sensitive) {
    if (size_ == capacity_) [[unlikely]] Grow();
    fields_[size_++] = {name.data(), value.data(), static_cast<uint32_t>(name.size()),
                        static_cast<uint32_t>(value.size()), id, sensitive};
    MarkPresent(id);
  }
  void Grow();

  static_assert(kHeaderIds <= 128);
  base::Arena* arena_;
  HeaderField* fields_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  std::array<uint64_t, 2> present_{};
};

}  // namespace pillion::http
