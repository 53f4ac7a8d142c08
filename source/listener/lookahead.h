#pragma once

// The first bytes of a connection, in one piece, for who has to see them before anybody takes them.
// Owned by an Inspection; its block goes on with the connection.

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "source/base/buffer.h"

namespace pillion::listener {

class Lookahead {
 public:
  explicit Lookahead(base::BlockPool& pool) : pool_(pool) {}

  // What another one had read.
  void Adopt(base::Slice bytes) { bytes_ = std::move(bytes); }

  std::string_view view() const { return bytes_.view(); }

  // Room for at least one byte behind what is there, `hint` in all where nothing is yet. Grows up to kLargest.
  std::span<char> Room(size_t hint);
  void Commit(size_t bytes);
  bool full() const { return view().size() >= kLargest; }

  void RemovePrefix(size_t bytes) { bytes_.RemovePrefix(bytes); }
  base::Slice Take() { return std::move(bytes_); }

  static constexpr size_t kLargest = 32 * 1024;

 private:
  base::BlockPool& pool_;
  base::Slice bytes_;
  size_t room_ = 0;  // behind bytes_ in its block, which nobody else refers to
};

}  // namespace pillion::listener
