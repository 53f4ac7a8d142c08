#include "source/metadata/annotations.h"

#include <utility>

#include "source/base/escape.h"

namespace pillion::metadata {
namespace {

size_t SizeOf(const Value& value) {
  size_t size = sizeof value + value.text.size();
  for (uint32_t i = 0; i < value.size; ++i) size += value.members[i].key.size() + SizeOf(value.members[i].value);
  return size;
}

Value Copy(base::Arena& arena, const Value& value) {
  Value copy = value;
  copy.text = arena.Copy(value.text);
  if (value.size == 0) return copy;
  auto* const members = arena.NewArray<Member>(value.size);
  for (uint32_t i = 0; i < value.size; ++i) {
    members[i] = {arena.Copy(value.members[i].key), Copy(arena, value.members[i].value)};
  }
  copy.members = members;
  return copy;
}

}  // namespace

bool DynamicMetadata::Set(base::Arena& arena, std::string_view space, std::string_view key, const Value& value) {
  Asked(space);
  // What is overwritten stays in the arena, so it counts as well.
  if (!TakeBytes(space.size() + key.size() + SizeOf(value))) return false;
  if (Entry* const entry = FindEntry(space, key)) {
    entry->value = Copy(arena, value);
    return true;
  }
  if (entries_ == kMostEntries) return false;
  return Append(arena, {arena.Copy(space), arena.Copy(key), Copy(arena, value), nullptr});
}

bool DynamicMetadata::SetKept(base::Arena& arena, std::string_view space, std::string_view key, const Value& value) {
  if (!TakeBytes(sizeof(Entry))) return false;
  if (Entry* const entry = FindEntry(space, key)) {
    entry->value = value;
    return true;
  }
  return Append(arena, {space, key, value, nullptr});
}

void DynamicMetadata::SetLater(base::Arena& arena, std::string_view space, LaterNotes& notes) {
  notes.space_ = space;
  later_arena_ = &arena;
  LaterNotes** last = &later_;
  while (*last != nullptr) last = &(*last)->next_;
  *last = &notes;
}

// To who reads it is the same as if it had been noted before: the object itself is never const.
void DynamicMetadata::NoteNow(std::string_view space) const {
  // From the first on each time: what is noted may ask for something itself.
  for (LaterNotes** at = &later_; *at != nullptr;) {
    LaterNotes& notes = **at;
    if (notes.space_ != space) {
      at = &notes.next_;
      continue;
    }
    *at = std::exchange(notes.next_, nullptr);
    notes.Note(*later_arena_, const_cast<DynamicMetadata&>(*this));
    at = &later_;
  }
}

bool DynamicMetadata::TakeBytes(size_t size) {
  if (bytes_ + size > kMostBytes) return false;
  bytes_ += size;
  return true;
}

bool DynamicMetadata::Append(base::Arena& arena, const Entry& entry) {
  if (entries_ == kMostEntries) return false;
  ++entries_;
  *last_ = arena.New<Entry>(entry);
  last_ = &(*last_)->next;
  return true;
}

DynamicMetadata::Entry* DynamicMetadata::FindEntry(std::string_view space, std::string_view key) const {
  Entry* entry = first_;
  while (entry != nullptr && (entry->key != key || entry->space != space)) entry = entry->next;
  return entry;
}

const Value* DynamicMetadata::Find(std::string_view space, std::string_view key) const {
  Asked(space);
  const Entry* const entry = FindEntry(space, key);
  return entry == nullptr ? nullptr : &entry->value;
}

const Value* DynamicMetadata::Find(std::string_view space, std::span<const std::string> keys) const {
  const Value* value = Find(space, keys.front());
  for (size_t i = 1; i < keys.size() && value != nullptr; ++i) value = metadata::Find(*value, keys[i]);
  return value;
}

bool DynamicMetadata::Has(std::string_view space) const {
  Asked(space);
  const Entry* entry = first_;
  while (entry != nullptr && entry->space != space) entry = entry->next;
  return entry != nullptr;
}

void DynamicMetadata::AppendJson(std::string& out, std::string_view space) const {
  Asked(space);
  out += '{';
  bool first = true;
  for (const Entry* entry = first_; entry != nullptr; entry = entry->next) {
    if (entry->space != space) continue;
    if (!first) out += ',';
    first = false;
    base::AppendJsonString(out, entry->key);
    out += ':';
    metadata::AppendJson(out, entry->value);
  }
  out += '}';
}

bool FilterState::Set(base::Arena& arena, std::string_view name, std::string_view text, bool read_only,
                      std::string_view json, Shared shared) {
  const size_t size = sizeof(Object) + name.size() + text.size() + json.size();
  if (bytes_ + size > kMostBytes) return false;
  Object* object = first_;
  while (object != nullptr && object->name != name) object = object->next;
  if (object == nullptr) {
    if (entries_ == kMostEntries) return false;
    ++entries_;
    object = arena.New<Object>();
    object->name = arena.Copy(name);
    object->next = first_;
    first_ = object;
  } else if (object->read_only) {
    return false;
  }
  bytes_ += size;
  object->text = arena.Copy(text);
  object->json = arena.Copy(json);
  object->read_only = read_only;
  object->shared = shared;
  return true;
}

const FilterState::Object* FilterState::Find(std::string_view name) const {
  const Object* object = first_;
  while (object != nullptr && object->name != name) object = object->next;
  return object;
}

}  // namespace pillion::metadata
