#pragma once

// A heap of objects that know their places in it: what is first; and any of them may be taken out, or moved, in O(log n). It
// does not own them. No allocation after Reserve().

#include <cstddef>
#include <utility>
#include <vector>

namespace pillion::limit {

// kPlace is where T keeps its place, plus 1; 0 while it is in no heap. kBefore(a, b): a comes first.
template <typename T, size_t T::*kPlace, bool (*kBefore)(const T&, const T&)>
class IndexedHeap {
 public:
  void Reserve(size_t capacity) { heap_.reserve(capacity); }

  bool empty() const { return heap_.empty(); }
  T& top() const { return *heap_.front(); }
  static bool Has(const T& element) { return element.*kPlace != 0; }

  // Puts it in, or where it belongs now that it changed.
  void Put(T& element) {
    if (!Has(element)) {
      heap_.push_back(&element);
      element.*kPlace = heap_.size();
    }
    Sink(Rise(element.*kPlace - 1));
  }
  void Remove(T& element) {
    if (!Has(element)) return;
    const size_t place = std::exchange(element.*kPlace, 0) - 1;
    T& last = *heap_.back();
    heap_.pop_back();
    if (&last == &element) return;
    Set(place, last);
    Sink(Rise(place));
  }

 private:
  void Set(size_t place, T& element) {
    heap_[place] = &element;
    element.*kPlace = place + 1;
  }
  size_t Rise(size_t place) {
    T& element = *heap_[place];
    for (size_t parent; place > 0 && kBefore(element, *heap_[parent = (place - 1) / 2]); place = parent) {
      Set(place, *heap_[parent]);
    }
    Set(place, element);
    return place;
  }
  void Sink(size_t place) {
    T& element = *heap_[place];
    for (size_t child; (child = 2 * place + 1) < heap_.size(); place = child) {
      if (child + 1 < heap_.size() && kBefore(*heap_[child + 1], *heap_[child])) ++child;
      if (!kBefore(*heap_[child], element)) break;
      Set(place, *heap_[child]);
    }
    Set(place, element);
  }

  std::vector<T*> heap_;
};

}  // namespace pillion::limit
