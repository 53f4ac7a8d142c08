#include "source/tls/library.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <cstddef>
#include <cstdlib>

namespace pillion::tls {
namespace {

// A record buffer is 16 KiB and what its header, padding and alignment need. All others go to malloc.
constexpr size_t kLeast = 16 * 1024;
constexpr size_t kBuffer = 18 * 1024;
constexpr size_t kKept = 16;

// Of one thread. Trivial, so that it may be used until the thread's very end.
struct Recycled {
  void* buffers[kKept];
  size_t count;
  bool ended;  // nothing is kept any more
};
thread_local Recycled recycled;

// Gives back what is kept when its thread ends.
struct Keeper {
  ~Keeper() {
    recycled.ended = true;
    while (recycled.count > 0) std::free(recycled.buffers[--recycled.count]);
  }
  void Begin() const {}
};
thread_local Keeper keeper;

void* Allocate(size_t size, const char*, int) {
  if (size < kLeast || size > kBuffer) [[likely]] return size == 0 ? nullptr : std::malloc(size);
  if (recycled.count > 0) return recycled.buffers[--recycled.count];
  return std::malloc(kBuffer);
}

void Free(void* memory, const char*, int) {
  if (memory == nullptr) return;
  const size_t size = malloc_usable_size(memory);
  if (size >= kBuffer && size < kBuffer + 64 && recycled.count < kKept && !recycled.ended) {
    keeper.Begin();  // makes it, the first time
    recycled.buffers[recycled.count++] = memory;
    return;
  }
  std::free(memory);
}

void* Reallocate(void* memory, size_t size, const char* file, int line) {
  if (memory == nullptr) return Allocate(size, file, line);
  if (size == 0) {
    Free(memory, file, line);
    return nullptr;
  }
  return std::realloc(memory, size);
}

}  // namespace

void PrepareLibrary() {
  CRYPTO_set_mem_functions(Allocate, Reallocate, Free);
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
}

}  // namespace pillion::tls
