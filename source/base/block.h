#pragma once

// Memory of the data path: blocks of three sizes with a plain (not atomic) reference count, recycled by a pool.
// A pool, its blocks and everything that refers to them belong to one worker and are touched by its thread only.

#include <array>
#include <cstddef>
#include <cstdint>

#include "source/base/check.h"

namespace pillion::base {

class BlockPool;

enum class BlockSize : uint8_t {
  kArena,   // 4 KiB: stream arenas
  kOutput,  // 16 KiB: output that was copied or generated
  kRead,    // 64 KiB: what a socket is read into
};
inline constexpr size_t kBlockSizes = 3;

class Block {
 public:
  char* data() { return reinterpret_cast<char*>(this + 1); }
  size_t capacity() const { return capacity_; }
  bool unique() const { return references_ == 1; }

  void AddReference() { ++references_; }
  inline void Release();

 private:
  friend class BlockPool;
  Block(BlockPool* pool, BlockSize size, uint32_t capacity) : pool_(pool), capacity_(capacity), size_(size) {}

  BlockPool* pool_;
  Block* next_free_ = nullptr;
  uint32_t references_ = 1;
  uint32_t capacity_;  // bytes behind this header
  BlockSize size_;
};

inline constexpr size_t kLargestBlock = 65536 - sizeof(Block);

// Hands out blocks and takes them back. Must outlive every block it gave.
class BlockPool {
 public:
  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  // A block with one reference, owned by the caller.
  Block* Take(BlockSize size) {
    FreeList& list = free_[static_cast<size_t>(size)];
    Block* block = list.head;
    if (block == nullptr) return Allocate(size);
    list.head = block->next_free_;
    --list.count;
    block->references_ = 1;
    ++taken_;
    return block;
  }

  // The smallest block that holds `bytes`, which are at most kLargestBlock.
  Block* TakeFor(size_t bytes) {
    constexpr size_t kHeader = sizeof(Block);
    if (bytes <= 4096 - kHeader) return Take(BlockSize::kArena);
    return Take(bytes <= 16384 - kHeader ? BlockSize::kOutput : BlockSize::kRead);
  }

  // Gives memory back to the system until at most `keep` bytes are free in each size.
  void Trim(size_t keep);

  size_t blocks_taken() const { return taken_; }
  size_t free_bytes() const;

 private:
  friend class Block;
  struct FreeList {
    Block* head = nullptr;
    size_t count = 0;
  };

  Block* Allocate(BlockSize size);
  void Return(Block* block);

  std::array<FreeList, kBlockSizes> free_;
  size_t taken_ = 0;
};

void Block::Release() {
  if (--references_ == 0) pool_->Return(this);
}

}  // namespace pillion::base
