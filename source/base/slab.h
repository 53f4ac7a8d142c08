#pragma once

// Memory for objects of one type, which may be incomplete until it is used; recycled. Single-threaded; outlives what
// it gave, and keeps it.

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
    while (free_ != nullptr) ::operator delete(std::exchange(free_, free_->next));
  }

  template <typename... Args>
  T* New(Args&&... args) {
    static_assert(sizeof(T) >= sizeof(Free) && alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    void* memory = free_ == nullptr ? ::operator new(sizeof(T)) : std::exchange(free_, free_->next);
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

  Free* free_ = nullptr;
};

}  // namespace pillion::base
