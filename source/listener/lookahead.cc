#include "source/listener/lookahead.h"

#include <algorithm>

#include "source/base/check.h"

namespace pillion::listener {

std::span<char> Lookahead::Room(size_t hint) {
  PILLION_CHECK(!full());
  if (room_ == 0) {
    const std::string_view old = view();
    base::Block* block = pool_.TakeFor(std::clamp(old.empty() ? hint : 2 * old.size(), old.size() + 1, kLargest));
    std::copy(old.begin(), old.end(), block->data());
    const size_t size = old.size();
    room_ = block->capacity() - size;
    bytes_ = base::Slice(block, block->data(), size);
  }
  return {bytes_.data() + bytes_.size(), room_};
}

void Lookahead::Commit(size_t bytes) {
  bytes_.Extend(bytes);
  room_ -= bytes;
}

}  // namespace pillion::listener
