#pragma once

// Zeroed memory straight from the system: what is not touched takes none. Much of it comes in large pages where the system
// has them, since a table that is looked at here and there otherwise waits for page tables rather than for memory; then it
// takes 2 MB at a time.

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace pillion::base {

class Pages {
 public:
  static constexpr size_t kMuch = size_t{32} << 20;

  explicit Pages(size_t bytes)
      : bytes_(bytes),
        data_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    if (data_ == MAP_FAILED) throw std::bad_alloc();
    if (bytes >= kMuch) madvise(data_, bytes, MADV_HUGEPAGE);  // a wish
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() { munmap(data_, bytes_); }

  void* data() const { return data_; }

 private:
  const size_t bytes_;
  void* const data_;
};

}  // namespace pillion::base
