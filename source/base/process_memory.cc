#include "source/base/process_memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

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

void GiveBackMemory() {
  malloc_trim(0);
  FILE* const maps = std::fopen("/proc/self/maps", "re");
  if (maps == nullptr) return;
  char line[4352];  // a path has at most 4,096 bytes
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long long begin = 0;
    unsigned long long end = 0;
    char access[5] = {};
    char path[2] = {};
    // Code that is mapped from files, which nobody writes to: what is dropped is there as it was.
    const int parts = std::sscanf(line, "%llx-%llx %4s %*s %*s %*s %1s", &begin, &end, access, path);
    if (parts != 4 || std::string_view(access) != "r-xp" || path[0] != '/') continue;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  std::fclose(maps);
}

}  // namespace pillion::base
