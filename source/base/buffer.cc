#include "source/base/buffer.h"

#include <algorithm>
#include <cstring>

namespace pillion::base {
Slice Slice::Copy(BlockPool& pool, std::string_view bytes) {
  PILLION_CHECK(bytes.size() <= kLargestBlock);
  Block* block = pool.TakeFor(bytes.size());
  std::memcpy(block->data(), bytes.data(), bytes.size());
  return Slice(block, block->data(), bytes.size());
}

Buffer::~Buffer() {
  Clear();
  if (slices_ != inline_) delete[] slices_;
}

void Buffer::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (tail_room_ == 0) PushRoom(bytes.size());
    Slice& tail = at(count_ - 1);
    const size_t part = std::min(bytes.size(), tail_room_);
    std::memcpy(tail.data_ + tail.size_, bytes.data(), part);
    tail.size_ += part;
    tail_room_ -= part;
    size_ += part;
    bytes.remove_prefix(part);
  }
}

void Buffer::Append(Slice slice) {
  if (slice.size() < kShareFrom) {
    Append(slice.view());
    return;
  }
  size_ += slice.size();
  if (tail_room_ > 0) {
    const Slice& tail = at(count_ - 1);
    spare_ = tail.Share(tail.size(), tail_room_);
  }
  Push(std::move(slice));
}

void Buffer::Append(Buffer& other) {
  while (!other.empty()) Append(other.TakeFront());
}

char* Buffer::Reserve(size_t bytes) {
  if (tail_room_ < bytes) PushRoom(bytes);
  PILLION_CHECK(bytes <= tail_room_);
  Slice& tail = at(count_ - 1);
  return tail.data_ + tail.size_;
}

void Buffer::Commit(size_t bytes) {
  PILLION_CHECK(bytes <= tail_room_);
  at(count_ - 1).size_ += bytes;
  tail_room_ -= bytes;
  size_ += bytes;
}

size_t Buffer::Peek(std::span<iovec> out) const {
  size_t pieces = 0;
  for (size_t i = 0; i < count_ && pieces < out.size(); ++i) {
    const Slice& slice = at(i);
    if (slice.empty()) continue;
    out[pieces++] = {slice.data(), slice.size()};
  }
  return pieces;
}

void Buffer::Drain(size_t bytes) {
  PILLION_CHECK(bytes <= size_);
  size_ -= bytes;
  while (count_ > 0) {
    Slice& first = slices_[head_];
    if (first.size() > bytes) {
      first.RemovePrefix(bytes);
      return;
    }
    bytes -= first.size();
    first = Slice();
    head_ = (head_ + 1) & (capacity_ - 1);
    --count_;
  }
  Emptied();
}

Slice Buffer::TakeFront(size_t limit) {
  PILLION_CHECK(size_ > 0);
  while (slices_[head_].empty()) Drain(0);
  Slice& first = slices_[head_];
  if (first.size() > limit) {
    Slice part = first.Share(0, limit);
    first.RemovePrefix(limit);
    size_ -= limit;
    return part;
  }
  Slice whole = std::move(first);
  size_ -= whole.size();
  head_ = (head_ + 1) & (capacity_ - 1);
  --count_;
  if (count_ == 0) Emptied();
  return whole;
}

std::string Buffer::ToString() const {
  std::string text;
  text.reserve(size_);
  for (size_t i = 0; i < count_; ++i) text += at(i).view();
  return text;
}

void Buffer::Push(Slice slice) {
  if (count_ == capacity_) Grow();
  slices_[(head_ + count_) & (capacity_ - 1)] = std::move(slice);
  ++count_;
  tail_room_ = 0;
}

void Buffer::PushRoom(size_t wanted) {
  if (spare_.size() >= wanted) {
    const size_t room = spare_.size();
    spare_.size_ = 0;
    Push(std::move(spare_));
    tail_room_ = room;
    return;
  }
  // What begins small often stays small; what goes on gets larger blocks.
  Block* block = count_ == 0 && wanted <= 2048 ? pool_->Take(BlockSize::kArena) : pool_->Take(BlockSize::kOutput);
  Push(Slice(block, block->data(), 0));
  tail_room_ = block->capacity();
}

void Buffer::Grow() {
  Slice* larger = new Slice[capacity_ * 2];
  for (size_t i = 0; i < count_; ++i) larger[i] = std::move(at(i));
  if (slices_ != inline_) delete[] slices_;
  slices_ = larger;
  capacity_ *= 2;
  head_ = 0;
}

}  // namespace pillion::base
