#pragma once

// An object of one worker that several others of that worker keep, such as the cluster that requests are sent to: it ends
// at the end of the turn in which the last of them lets go, so that what calls it within that turn still can. Counting
// costs no atomic operation: all of it is on the worker's thread, or while that does not run.

#include <cstdint>
#include <utility>

#include "source/base/check.h"
#include "source/event/worker.h"

namespace pillion::event {

class Shared : private Deferred {
 public:
  explicit Shared(Worker& worker) : worker_of_(worker) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

 protected:
  virtual ~Shared() = default;

 private:
  template <typename T>
  friend class Kept;

  void Keep() { ++keepers_; }
  void LetGo() {
    if (--keepers_ == 0) worker_of_.Dispose(*this);
  }
  // Somebody may have kept it again meanwhile.
  void Dispose() override {
    if (keepers_ == 0) delete this;
  }

  Worker& worker_of_;
  uint32_t keepers_ = 0;
};

// Keeps a T, made by new, or nothing.
template <typename T>
class Kept {
 public:
  Kept() = default;
  explicit Kept(T* object) : object_(object) {
    if (object_ != nullptr) Count().Keep();
  }
  Kept(const Kept& other) : Kept(other.object_) {}
  Kept(Kept&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Kept& operator=(Kept other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Kept() {
    if (object_ != nullptr) Count().LetGo();
  }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  Shared& Count() const { return *object_; }

  T* object_ = nullptr;
};

}  // namespace pillion::event
