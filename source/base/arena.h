#pragma once

// A bump allocator over blocks of a pool: everything of one stream lives in one arena and goes with it.
// Nothing allocated here is destroyed: only trivially destructible things, or things whose owner ends them.

#include <cstddef>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "source/base/block.h"

namespace pillion::base {

class Arena {
 public:
  explicit Arena(BlockPool& pool) : pool_(&pool) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { Clear(); }

  // Gives all blocks back; every pointer into the arena dies.
  void Clear();

  // `alignment` is a power of two of at most 16. Never null.
  void* Allocate(size_t bytes, size_t alignment = alignof(std::max_align_t)) {
    const size_t start = (position_ + alignment - 1) & ~(alignment - 1);
    if (start + bytes <= end_) [[likely]] {
      position_ = start + bytes;
      return reinterpret_cast<void*>(start);
    }
    return AllocateSlow(bytes, alignment);
  }

  template <typename T, typename... Args>
  T* New(Args&&... args) {
    return new (Allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }

  template <typename T>
  T* NewArray(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T) * count, alignof(T))) T[count];
  }

  // A copy that lives as long as the arena.
  std::string_view Copy(std::string_view text) {
    if (text.empty()) return {};
    char* to = static_cast<char*>(Allocate(text.size(), 1));
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

  BlockPool& pool() { return *pool_; }

  // Bytes asked for so far, with what aligned them; the waste at block ends is not counted.
  size_t bytes_taken() const { return taken_ + (position_ - start_); }

 private:
  // A piece that fits no block at all is allocated on its own and linked here.
  struct Large {
    Large* next;
  };

  void* AllocateSlow(size_t bytes, size_t alignment);

  char* TakeBlock(size_t bytes);

  BlockPool* pool_;
  uintptr_t start_ = 0;  // of the current block's room
  uintptr_t position_ = 0;
  uintptr_t end_ = 0;
  Block* blocks_ = nullptr;  // linked through the first word of each block's data
  Large* large_ = nullptr;
  size_t taken_ = 0;  // outside of the current block
};

// A text that grows inside an arena, piece by piece, in amortised linear time and with at most its own size wasted.
class ArenaText {
 public:
  void Append(Arena& arena, std::string_view more) {
    if (size_ + more.size() > capacity_) Grow(arena, more.size());
    if (!more.empty()) std::memcpy(data_ + size_, more.data(), more.size());
    size_ += more.size();
  }
  std::string_view view() const { return {data_, size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Starts a new text; the old one stays where it is.
  void Reset() { *this = ArenaText(); }

 private:
  void Grow(Arena& arena, size_t more);

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace pillion::base
