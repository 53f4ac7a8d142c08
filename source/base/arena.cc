#include "source/base/arena.h"

namespace pillion::base {
namespace {

// In front of each block's room stands the link to the block before.
constexpr size_t kLink = 16;

}  // namespace

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
  start_ = position_ = end_ = 0;
  taken_ = 0;
}

// A block with room for `bytes`, linked; returns where that room begins.
char* Arena::TakeBlock(size_t bytes) {
  Block* block = pool_->TakeFor(kLink + bytes);
  std::memcpy(block->data(), &blocks_, sizeof blocks_);
  blocks_ = block;
  return block->data() + kLink;
}

void* Arena::AllocateSlow(size_t bytes, size_t alignment) {
  constexpr size_t kLargest = 2000;  // more gets a block of its own, so that at most half of one is wasted
  if (bytes > kLargest) {
    taken_ += bytes;
    if (bytes <= kLargestBlock - kLink) return TakeBlock(bytes);
    constexpr size_t kHeader = (sizeof(Large) + 15) & ~size_t{15};
    char* memory = static_cast<char*>(::operator new(kHeader + bytes));
    large_ = new (memory) Large{large_};
    return memory + kHeader;
  }
  taken_ += position_ - start_;
  start_ = position_ = reinterpret_cast<uintptr_t>(TakeBlock(kLargest));
  end_ = reinterpret_cast<uintptr_t>(blocks_->data()) + blocks_->capacity();
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
