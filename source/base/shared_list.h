#pragma once

// A list of immutable things. A copy of it has the same ones, not copies of them: where one of thousands is another one from
// now on, the others cost a pointer each.

#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "source/base/check.h"

namespace pillion::base {

template <typename T>
class SharedList {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    Iterator() = default;
    explicit Iterator(const std::shared_ptr<T>* at) : at_(at) {}

    const T& operator*() const { return **at_; }
    const T* operator->() const { return at_->get(); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(at_++); }
    bool operator==(const Iterator& other) const = default;

   private:
    const std::shared_ptr<T>* at_ = nullptr;
  };

  size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  const T& operator[](size_t i) const { return *items_[i]; }
  const T& at(size_t i) const { return *items_.at(i); }
  const T& back() const { return *items_.back(); }
  Iterator begin() const { return Iterator(items_.data()); }
  Iterator end() const { return Iterator(items_.data() + items_.size()); }

  // One of them, which lives as long as somebody has it.
  std::shared_ptr<const T> Share(size_t i) const { return items_[i]; }
  void push_back(T item) { items_.push_back(std::make_shared<T>(std::move(item))); }
  // In place of the one that is there.
  void Put(size_t i, T item) { items_[i] = std::make_shared<T>(std::move(item)); }
  void Put(size_t i, std::shared_ptr<T> item) { items_[i] = std::move(item); }
  // To be changed, before anybody else has it: a copy of this list, or who shares it.
  T& Own(size_t i) {
    PILLION_CHECK(items_[i].use_count() == 1);
    return *items_[i];
  }

 private:
  std::vector<std::shared_ptr<T>> items_;
};

}  // namespace pillion::base
