#pragma once

// The memory of this process. Any thread may ask.

#include <cstdint>

namespace pillion::base {

// Of malloc, in bytes.
struct Heap {
  uint64_t allocated = 0;  // given out, and not got back
  uint64_t heap_size = 0;
  uint64_t free = 0;
  uint64_t cached = 0;
};
Heap ReadHeap();

// Zero where /proc is not to be had.
uint64_t ResidentBytes();

}  // namespace pillion::base
