#include "source/base/process_memory.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdio>

namespace pillion::base {

Heap ReadHeap() {
  const struct mallinfo2 heap = mallinfo2();
  return {.allocated = heap.uordblks + heap.hblkhd,
          .heap_size = heap.arena + heap.hblkhd,
          .free = heap.fordblks,
          .cached = heap.fsmblks};
}

uint64_t ResidentBytes() {
  unsigned long long resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%*u %llu", &resident) != 1) resident = 0;
    std::fclose(file);
  }
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace pillion::base
