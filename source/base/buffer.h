#pragma once

// Bytes on their way: Slice is a counted view into a block, Buffer a queue of slices.
// Owned by one worker like the blocks below them; see block.h.

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "source/base/block.h"

namespace pillion::base {

// A view of bytes in a block that it keeps alive. Cheap to move; a second reference is taken by Share().
class Slice {
 public:
  Slice() = default;
  // Takes over one reference of `block`, in which [data, data + size) lies.
  Slice(Block* block, char* data, size_t size) : block_(block), data_(data), size_(size) {}
  Slice(Slice&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), data_(other.data_), size_(std::exchange(other.size_, 0)) {}
  Slice& operator=(Slice&& other) noexcept {
    if (this != &other) {
      if (block_ != nullptr) block_->Release();
      block_ = std::exchange(other.block_, nullptr);
      data_ = other.data_;
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  ~Slice() {
    if (block_ != nullptr) block_->Release();
  }

  // A copy in a block of its own, as small as fits. At most 64,000 bytes.
  static Slice Copy(BlockPool& pool, std::string_view bytes);

  char* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }

  // A second view of bytes [offset, offset + size) of this one.
  Slice Share(size_t offset, size_t size) const {
    if (block_ != nullptr) block_->AddReference();
    return Slice(block_, data_ + offset, size);
  }
  Slice Share() const { return Share(0, size_); }
  // For who fills the block: `bytes` more were written behind what is there.
  void Extend(size_t bytes) { size_ += bytes; }

  void RemovePrefix(size_t bytes) {
    data_ += bytes;
    size_ -= bytes;
  }

 private:
  friend class Buffer;
  Block* block_ = nullptr;
  char* data_ = nullptr;
  size_t size_ = 0;
};

// A queue of bytes. Small pieces are copied together, large ones are kept by reference, so that memory stays near
// the number of bytes held whatever the sizes of the pieces were.
class Buffer {
 public:
  // From this size on a slice is queued as it is; below, its bytes are copied (a reference pins a whole block).
  static constexpr size_t kShareFrom = 8192;

  explicit Buffer(BlockPool& pool) : pool_(&pool) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  void Append(std::string_view bytes);
  void Append(Slice slice);
  // Moves everything out of `other`, which is empty afterwards.
  void Append(Buffer& other);

  // Room for `bytes` contiguous bytes at the end, to be written in place; then Commit() says how many were.
  // bytes <= 16,000. No other call in between.
  char* Reserve(size_t bytes);
  void Commit(size_t bytes);

  // The first bytes, as at most `out.size()` pieces; returns how many pieces.
  size_t Peek(std::span<iovec> out) const;
  std::string_view front() const { return count_ == 0 ? std::string_view() : slices_[head_].view(); }

  void Drain(size_t bytes);
  void Clear() { Drain(size_); }

  // Takes out the first slice, or its first `limit` bytes. The buffer is not empty.
  Slice TakeFront(size_t limit = SIZE_MAX);

  std::string ToString() const;  // for tests and error texts

 private:
  static constexpr size_t kInline = 4;

  Slice& at(size_t index) const { return slices_[(head_ + index) & (capacity_ - 1)]; }
  void Push(Slice slice);
  void PushRoom(size_t wanted);
  void Emptied() {
    tail_room_ = 0;
    spare_ = Slice();
  }
  void Grow();

  BlockPool* pool_;
  Slice* slices_ = inline_;  // a ring of capacity_ (a power of two)
  size_t capacity_ = kInline;
  size_t head_ = 0;
  size_t count_ = 0;
  size_t size_ = 0;
  // Free room behind the last slice, when that slice's block was filled here.
  size_t tail_room_ = 0;
  // The room that was left when a slice was queued behind it, so that small pieces between large ones share a block.
  Slice spare_;
  Slice inline_[kInline];
};

}  // namespace pillion::base
