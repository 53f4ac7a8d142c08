#pragma once

// The memory of a worker's HTTP/2 connections: what nghttp2 allocates, streams, copies of trailers. Free lists by
// size, so that in steady state nothing reaches malloc. Owned by the worker's context, outlives its connections,
// touched by the worker's thread only.

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pillion::codec::http2 {

class MemoryPool {
 public:
  MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;
  ~MemoryPool();

  // Never null; aligned to 16 bytes.
  void* Allocate(size_t bytes);
  void Free(void* memory);

  template <typename T, typename... Args>
  T* New(Args&&... args) {
    static_assert(alignof(T) <= 16);
    return new (Allocate(sizeof(T))) T(std::forward<Args>(args)...);
  }
  template <typename T>
  void Delete(T* object) {
    object->~T();
    Free(object);
  }

  nghttp2_mem* nghttp2() { return &nghttp2_; }

  // For one list of fields between its making and nghttp2's copy of it.
  std::vector<nghttp2_nv>& nv_scratch() { return nv_scratch_; }

  // Gives free memory back to the system until at most `keep` bytes are free.
  void Trim(size_t keep);
  size_t free_bytes() const { return free_bytes_; }

 private:
  // Four classes for each power of two, from 32 bytes to 32 KiB.
  // What is larger comes from malloc.
  static constexpr size_t kSmallest = 32;
  static constexpr size_t kLargest = 32 * 1024;
  static constexpr size_t kClasses = 41;
  static constexpr uint32_t kNoClass = kClasses;

  struct alignas(16) Header {
    uint32_t size_class;
    size_t capacity;
  };
  struct Piece {
    Piece* next;
  };

  static constexpr size_t ComputeClass(size_t bytes);
  static size_t ClassOf(size_t bytes);
  static size_t CapacityOf(size_t size_class);
  void* AllocateNew(size_t size_class, size_t bytes);
  void* Reallocate(void* memory, size_t bytes);

  std::array<Piece*, kClasses> free_{};
  size_t free_bytes_ = 0;
  nghttp2_mem nghttp2_;
  std::vector<nghttp2_nv> nv_scratch_;
};

}  // namespace pillion::codec::http2
