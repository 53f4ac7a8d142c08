#include "source/base/arena.h"

namespace pillion::base {

void Arena::Clear() {
  while (blocks_ != nullptr) {
    Block* next;
    std::memcpy(&next, blocks_->data(), sizeof next);
    blocks_->Release();
    blocks_ = next;
  }
  while (large_ != nullptr) {
    Large* next = large_->next;
    ::operator delete(large_);
    large_ = next;
  }
  position_ = end_ = 0;
  taken_ = 0;
}

void* Arena::AllocateSlow(size_t bytes, size_t alignment) {
  taken_ += bytes;
  constexpr size_t kLargest = 2000;  // more gets memory of its own, so that at most half of a block is wasted
  if (bytes > kLargest) {
    constexpr size_t kHeader = (sizeof(Large) + 15) & ~size_t{15};
    char* memory = static_cast<char*>(::operator new(kHeader + bytes));
    large_ = new (memory) Large{large_};
    return memory + kHeader;
  }
  Block* block = pool_->Take(BlockSize::kArena);
  std::memcpy(block->data(), &blocks_, sizeof blocks_);
  blocks_ = block;
  position_ = reinterpret_cast<uintptr_t>(block->data()) + sizeof(Block*);
  end_ = reinterpret_cast<uintptr_t>(block->data()) + block->capacity();
  return Allocate(bytes, alignment);
}

void ArenaText::Grow(Arena& arena, size_t more) {
  // The first piece gets exactly its room: a text that arrives whole wastes nothing.
  const size_t capacity = capacity_ == 0 ? more : (size_ + more) * 2;
  char* data = static_cast<char*>(arena.Allocate(capacity, 1));
  if (size_ > 0) std::memcpy(data, data_, size_);
  data_ = data;
  capacity_ = capacity;
}

}  // namespace pillion::base
