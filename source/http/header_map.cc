#include "source/http/header_map.h"

#include <cstring>

namespace pillion::http {

void HeaderMap::Set(HeaderId id, std::string_view value) {
  if (!Has(id)) {
    Add(id, value);
    return;
  }
  const HeaderField* kept = nullptr;
  bool more = false;
  for (HeaderField& field : *this) {
    if (field.id != id) continue;
    if (kept != nullptr) {
      more = true;
      break;
    }
    field.value_data = value.data();
    field.value_size = static_cast<uint32_t>(value.size());
    kept = &field;
  }
  // Mostly there is none, and nothing moves. What is kept stays where it is: those that go are behind it.
  if (more) [[unlikely]] RemoveIf([&](const HeaderField& field) { return field.id == id && &field != kept; });
}

const HeaderField* HeaderMap::Find(std::string_view name) const {
  const HeaderId id = FindHeaderId(name);
  return id != HeaderId::kUnknown ? Find(id) : FindOther(name);
}

const HeaderField* HeaderMap::FindOther(std::string_view name) const {
  for (const HeaderField& field : *this) {
    if (field.id == HeaderId::kUnknown && field.name() == name) return &field;
  }
  return nullptr;
}

size_t HeaderMap::Count(HeaderId id) const {
  size_t count = 0;
  if (!Has(id)) return count;
  for (const HeaderField& field : *this) count += field.id == id;
  return count;
}

void HeaderMap::Remove(std::string_view name) {
  RemoveIf([&](const HeaderField& field) { return field.name() == name; });
}

size_t HeaderMap::ListSize() const {
  size_t bytes = 0;
  for (const HeaderField& field : *this) bytes += field.name_size + field.value_size + 32;
  return bytes;
}

void HeaderMap::Grow() {
  const uint32_t capacity = capacity_ == 0 ? 16 : capacity_ * 2;
  HeaderField* fields = arena_->NewArray<HeaderField>(capacity);
  if (size_ > 0) std::memcpy(fields, fields_, size_ * sizeof(HeaderField));
  fields_ = fields;
  capacity_ = capacity;
}

}  // namespace pillion::http
