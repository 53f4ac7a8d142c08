#pragma once

// Whose turn it is, among things with weights: the schedule of earliest deadlines. Who was chosen is due again
// 1 / weight later. That spreads each one's turns evenly; a choice costs O(log n) and no memory.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "source/base/random.h"

namespace pillion::upstream {

class Turns {
 public:
  bool empty() const { return turns_.empty(); }
  void Clear() { turns_.clear(); }

  // Its first turn comes at a random time within its first interval: the schedule as seen from its middle. Sort() comes
  // after the last one. `cost` is 1 / weight.
  void Add(size_t index, double cost, base::Random& random) {
    const double fraction = static_cast<double>(random.Next() >> 11) * 0x1p-53;
    turns_.push_back({fraction * cost, index});
  }
  void Sort() { std::make_heap(turns_.begin(), turns_.end()); }

  // The next one; not to be called when empty. `cost(index)` says when it is due again.
  template <typename Cost>
  size_t Pick(const Cost& cost) {
    std::pop_heap(turns_.begin(), turns_.end());
    Turn& turn = turns_.back();
    const size_t index = turn.index;
    const double now = turn.due;
    turn.due += cost(index);
    std::push_heap(turns_.begin(), turns_.end());
    if (now > 1e6) {  // times stay small, so that they stay exact
      for (Turn& each : turns_) each.due -= now;
    }
    return index;
  }

 private:
  struct Turn {
    double due;
    size_t index;
    // For a heap with the earliest on top; equal times come in the order of the list.
    bool operator<(const Turn& other) const { return due != other.due ? due > other.due : index > other.index; }
  };

  std::vector<Turn> turns_;
};

}  // namespace pillion::upstream
