#pragma once

// What was gone back from: contents by their hash, and removals. As long as it is remembered it is not taken again. Part of
// a Guard; the main thread's.

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "source/xds/kind.h"

namespace pillion::guard {

class Refusals {
 public:
  static constexpr size_t kMost = 1000;  // the oldest goes

  // `reason`: for who brings it again. `body`: its bytes.
  void AddContent(xds::Kind kind, const std::string& name, std::string_view body, std::string reason);
  void AddRemoval(xds::Kind kind, const std::string& name, std::string reason);
  // Why it is refused; null: it is not.
  const std::string* OfContent(xds::Kind kind, const std::string& name, std::string_view body) const;
  const std::string* OfRemoval(xds::Kind kind, const std::string& name) const;
  // A removal that is no matter any more.
  void DropRemoval(xds::Kind kind, const std::string& name);
  void Clear();

  size_t size() const { return reasons_.size(); }

 private:
  // The last: SHA-256 of kind, name and body; empty: of the removal.
  using Key = std::tuple<xds::Kind, std::string, std::string>;

  void Add(Key key, std::string reason);

  std::map<Key, std::string> reasons_;
  std::deque<Key> order_;  // of them, the oldest first
};

}  // namespace pillion::guard
