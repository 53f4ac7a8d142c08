#pragma once

// What filters note of a stream, for each other, for header fields that are added and for the log. Lies in the stream's
// arena, made when something is written first; its worker's. Bounded: what peers send decides how much is written.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "source/base/arena.h"
#include "source/metadata/value.h"

namespace pillion::metadata {

class DynamicMetadata;

// What is only noted when somebody asks for it, or copies something into its namespace. Lives as long as the stream.
class LaterNotes {
 public:
  // Notes all of it in its namespace.
  virtual void Note(base::Arena& arena, DynamicMetadata& metadata) = 0;

 protected:
  ~LaterNotes() = default;

 private:
  friend class DynamicMetadata;
  std::string_view space_;
  LaterNotes* next_ = nullptr;
};

// Values by namespace (who writes) and key.
class DynamicMetadata {
 public:
  static constexpr size_t kMostBytes = 64 * 1024;
  static constexpr size_t kMostEntries = 256;

  DynamicMetadata() = default;
  DynamicMetadata(const DynamicMetadata&) = delete;  // it has a pointer into itself
  DynamicMetadata& operator=(const DynamicMetadata&) = delete;

  // Texts are copied. Takes the place of an earlier one. False: there is too much, and nothing is written.
  bool Set(base::Arena& arena, std::string_view space, std::string_view key, const Value& value);
  // Texts outlive the stream: they are not copied. For who notes later in that namespace, too: it does not ask for that.
  bool SetKept(base::Arena& arena, std::string_view space, std::string_view key, const Value& value);
  // All of `space`, which is static, is noted by `notes` when it is asked for first, after what was to be noted before.
  void SetLater(base::Arena& arena, std::string_view space, LaterNotes& notes);

  // Null: there is none.
  const Value* Find(std::string_view space, std::string_view key) const;
  const Value* Find(std::string_view space, std::span<const std::string> keys) const;  // by at least one key
  bool Has(std::string_view space) const;
  // `visit(key, value)` for each of a namespace.
  template <typename Visit>
  void ForEach(std::string_view space, const Visit& visit) const {
    Asked(space);
    for (const Entry* entry = first_; entry != nullptr; entry = entry->next) {
      if (entry->space == space) visit(entry->key, entry->value);
    }
  }
  // All keys of a namespace as a JSON object.
  void AppendJson(std::string& out, std::string_view space) const;

 private:
  struct Entry {
    std::string_view space;
    std::string_view key;
    Value value;
    Entry* next;
  };

  // Before entries of `space` are looked for.
  void Asked(std::string_view space) const {
    for (const LaterNotes* later = later_; later != nullptr; later = later->next_) {
      if (later->space_ == space) [[unlikely]] return NoteNow(space);
    }
  }
  void NoteNow(std::string_view space) const;
  Entry* FindEntry(std::string_view space, std::string_view key) const;
  // False: `size` would be too much; else it is counted.
  bool TakeBytes(size_t size);
  bool Append(base::Arena& arena, const Entry& entry);

  Entry* first_ = nullptr;
  Entry** last_ = &first_;
  size_t entries_ = 0;
  size_t bytes_ = 0;
  mutable LaterNotes* later_ = nullptr;  // the first; those that are noted are taken out
  base::Arena* later_arena_ = nullptr;
};

// Objects by name, of which the text is all that is kept.
class FilterState {
 public:
  static constexpr size_t kMostBytes = 64 * 1024;
  static constexpr size_t kMostEntries = 256;

  // With connections to internal listeners that are made for the stream: with these, or also with those that are made for
  // them.
  enum class Shared : uint8_t { kNot, kOnce, kTransitive };

  struct Object {
    std::string_view name;
    std::string_view text;
    std::string_view json;  // typed; empty: `text` as a JSON string
    bool read_only = false;
    Shared shared = Shared::kNot;
    Object* next = nullptr;
  };

  // Texts are copied. False: it is there already and read-only, or there is too much.
  bool Set(base::Arena& arena, std::string_view name, std::string_view text, bool read_only,
           std::string_view json = {}, Shared shared = Shared::kNot);
  const Object* Find(std::string_view name) const;
  // `visit(object)` for each that is shared, the last one first.
  template <typename Visit>
  void ForEachShared(const Visit& visit) const {
    for (const Object* object = first_; object != nullptr; object = object->next) {
      if (object->shared != Shared::kNot) visit(*object);
    }
  }

 private:
  Object* first_ = nullptr;
  size_t entries_ = 0;
  size_t bytes_ = 0;
};

struct Annotations {
  DynamicMetadata metadata;
  FilterState filter_state;
};

}  // namespace pillion::metadata
