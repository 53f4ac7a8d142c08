#include "source/base/block.h"

#include <new>

namespace pillion::base {
namespace {

constexpr std::array<size_t, kBlockSizes> kBytes = {4096, 16384, 65536};

// What a pool keeps of each size; more goes back to the system at once, so that a burst does not stay resident.
constexpr std::array<size_t, kBlockSizes> kKeepBytes = {2 << 20, 1 << 20, 512 << 10};

}  // namespace

BlockPool::~BlockPool() {
  Trim(0);
  PILLION_CHECK(taken_ == 0);
}

Block* BlockPool::Allocate(BlockSize size) {
  const size_t bytes = kBytes[static_cast<size_t>(size)];
  void* memory = ::operator new(bytes);
  ++taken_;
  return new (memory) Block(this, size, static_cast<uint32_t>(bytes - sizeof(Block)));
}

void BlockPool::Return(Block* block) {
  const size_t index = static_cast<size_t>(block->size_);
  FreeList& list = free_[index];
  --taken_;
  if ((list.count + 1) * kBytes[index] > kKeepBytes[index]) {
    ::operator delete(block);
    return;
  }
  block->next_free_ = list.head;
  list.head = block;
  ++list.count;
}

void BlockPool::Trim(size_t keep) {
  for (size_t i = 0; i < kBlockSizes; ++i) {
    FreeList& list = free_[i];
    while (list.count * kBytes[i] > keep) {
      Block* block = list.head;
      list.head = block->next_free_;
      --list.count;
      ::operator delete(block);
    }
  }
}

size_t BlockPool::free_bytes() const {
  size_t bytes = 0;
  for (size_t i = 0; i < kBlockSizes; ++i) bytes += free_[i].count * kBytes[i];
  return bytes;
}

}  // namespace pillion::base
