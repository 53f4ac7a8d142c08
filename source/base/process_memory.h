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

// Gives back the memory of what is over: free pieces of the heap, and the pages of the program and its libraries, of which
// those that are still needed come back from the file cache one by one. For after the start, of which most is never needed
// again.
void GiveBackMemory();

}  // namespace pillion::base
