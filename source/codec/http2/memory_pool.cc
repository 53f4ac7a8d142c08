#include "source/codec/http2/memory_pool.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "source/base/check.h"

namespace pillion::codec::http2 {

MemoryPool::MemoryPool() {
  nv_scratch_.resize(128);
  nghttp2_.mem_user_data = this;
  nghttp2_.malloc = [](size_t size, void* pool) { return static_cast<MemoryPool*>(pool)->Allocate(size); };
  nghttp2_.free = [](void* memory, void* pool) { static_cast<MemoryPool*>(pool)->Free(memory); };
  nghttp2_.calloc = [](size_t count, size_t size, void* pool) {
    void* memory = static_cast<MemoryPool*>(pool)->Allocate(count * size);
    std::memset(memory, 0, count * size);
    return memory;
  };
  nghttp2_.realloc = [](void* memory, size_t size, void* pool) {
    return static_cast<MemoryPool*>(pool)->Reallocate(memory, size);
  };
}

MemoryPool::~MemoryPool() { Trim(0); }

namespace {

// The classes of the sizes that come most often, by 16 bytes.
constexpr size_t kTableLimit = 1024;

}  // namespace

constexpr size_t MemoryPool::ComputeClass(size_t bytes) {
  if (bytes <= kSmallest) return 0;
  // The power of two below `bytes`, and which quarter above it `bytes` falls into.
  const unsigned power = std::bit_width(bytes - 1) - 1;
  const size_t quarter = (bytes - 1) >> (power - 2) & 3;
  return (power - 5) * 4 + quarter + 1;
}

size_t MemoryPool::ClassOf(size_t bytes) {
  // The largest size of each step; so that a class may be one too large for the smaller ones.
  static constexpr std::array<uint8_t, kTableLimit / 16 + 1> kTable = [] {
    std::array<uint8_t, kTableLimit / 16 + 1> table{};
    for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<uint8_t>(ComputeClass(i * 16));
    return table;
  }();
  return bytes <= kTableLimit ? kTable[(bytes + 15) / 16] : ComputeClass(bytes);
}

size_t MemoryPool::CapacityOf(size_t size_class) {
  if (size_class == 0) return kSmallest;
  const size_t power = (size_class - 1) / 4 + 5;
  return (5 + (size_class - 1) % 4) << (power - 2);
}

void* MemoryPool::Allocate(size_t bytes) {
  if (bytes > kLargest) [[unlikely]] return AllocateNew(kNoClass, bytes);
  const size_t size_class = ClassOf(bytes);
  Piece* piece = free_[size_class];
  if (piece == nullptr) [[unlikely]] return AllocateNew(size_class, CapacityOf(size_class));
  free_[size_class] = piece->next;
  free_bytes_ -= (static_cast<Header*>(static_cast<void*>(piece)) - 1)->capacity;
  return piece;
}

void* MemoryPool::AllocateNew(size_t size_class, size_t bytes) {
  Header* header = static_cast<Header*>(::operator new(sizeof(Header) + bytes));
  header->size_class = static_cast<uint32_t>(size_class);
  header->capacity = bytes;
  return header + 1;
}

void MemoryPool::Free(void* memory) {
  if (memory == nullptr) return;
  Header* header = static_cast<Header*>(memory) - 1;
  if (header->size_class == kNoClass) {
    ::operator delete(header);
    return;
  }
  Piece* piece = static_cast<Piece*>(memory);
  piece->next = free_[header->size_class];
  free_[header->size_class] = piece;
  free_bytes_ += header->capacity;
}

void* MemoryPool::Reallocate(void* memory, size_t bytes) {
  if (memory == nullptr) return Allocate(bytes);
  const size_t capacity = (static_cast<Header*>(memory) - 1)->capacity;
  if (bytes <= capacity) return memory;
  void* larger = Allocate(bytes);
  std::memcpy(larger, memory, capacity);
  Free(memory);
  return larger;
}

void MemoryPool::Trim(size_t keep) {
  for (size_t size_class = kClasses; size_class-- > 0 && free_bytes_ > keep;) {
    while (free_[size_class] != nullptr && free_bytes_ > keep) {
      Piece* piece = free_[size_class];
      free_[size_class] = piece->next;
      free_bytes_ -= CapacityOf(size_class);
      ::operator delete(reinterpret_cast<Header*>(piece) - 1);
    }
  }
}

}  // namespace pillion::codec::http2
