#pragma once

// Memory for objects of one type, recycled. Single-threaded; outlives what it gave. It keeps what it got until it ends.

#include <cstddef>
#include <new>
#include <utility>

namespace pillion::base {

template <typename T>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  ~Slab() {
    while (free_ != nullptr) ::operator delete(std::exchange(free_, free_->next), std::align_val_t(kAlignment));
  }

  template <typename... Args>
  T* New(Args&&... args) {
    void* memory = free_ == nullptr ? ::operator new(kSize, std::align_val_t(kAlignment))
                                    : std::exchange(free_, free_->next);
    return new (memory) T(std::forward<Args>(args)...);
  }

  void Delete(T* object) {
    object->~T();
    free_ = new (static_cast<void*>(object)) Free{free_};
  }

 private:
  struct Free {
    Free* next;
  };
  static constexpr size_t kSize = sizeof(T) > sizeof(Free) ? sizeof(T) : sizeof(Free);
  static constexpr size_t kAlignment = alignof(T) > alignof(Free) ? alignof(T) : alignof(Free);

  Free* free_ = nullptr;
};

}  // namespace pillion::base
