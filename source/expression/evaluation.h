#pragma once

// One evaluation while it runs: what it may ask, and what it may still use up. On the stack of Evaluate().

#include <cstddef>
#include <cstdint>
#include <span>

#include "source/base/arena.h"
#include "source/expression/attributes.h"

namespace pillion::expression {

// A step for so many bytes, or values, that an operation looks through.
inline constexpr size_t kBytesInStep = 256;
inline constexpr size_t kValuesInStep = 16;

class Evaluation {
 public:
  Evaluation(const Attributes& attributes, base::Arena& arena, size_t bytes, uint32_t steps)
      : attributes_(attributes), arena_(arena), bytes_left_(bytes), steps_left_(steps) {}

  const Attributes& attributes() const { return attributes_; }
  base::Arena& arena() { return arena_; }

  // Null: it may not have as much.
  char* AllocateText(size_t bytes) { return Take(bytes) ? static_cast<char*>(arena_.Allocate(bytes, 1)) : nullptr; }
  Value* AllocateValues(size_t count) {
    if (!Take(count * sizeof(Value))) return nullptr;
    return static_cast<Value*>(arena_.Allocate(count * sizeof(Value), alignof(Value)));
  }
  MapEntry* AllocateEntries(size_t count) {
    if (!Take(count * sizeof(MapEntry))) return nullptr;
    return static_cast<MapEntry*>(arena_.Allocate(count * sizeof(MapEntry), alignof(MapEntry)));
  }
  // False: it has taken as many as it may.
  bool Step(size_t steps) {
    if (steps > steps_left_) {
      steps_left_ = 0;
      return false;
    }
    steps_left_ -= static_cast<uint32_t>(steps);
    return true;
  }

 private:
  bool Take(size_t bytes) {
    if (bytes > bytes_left_) return false;
    bytes_left_ -= bytes;
    return true;
  }

  const Attributes& attributes_;
  base::Arena& arena_;
  size_t bytes_left_;
  uint32_t steps_left_;
};

}  // namespace pillion::expression
