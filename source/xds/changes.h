#pragma once

// What one answer has changed of what was taken, in numbers and the first few names: for the log. Part of a TypeProtocol.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "source/xds/log.h"

namespace pillion::xds {

struct Changes {
  static constexpr size_t kNamed = 5;  // of each sort
  static constexpr size_t kMostLine = 1024;  // bytes

  class List {
   public:
    void Add(const std::string& name) {
      if (count_++ < kNamed) first_.push_back(name);
    }
    size_t count() const { return count_; }
    // `"a", "b" and 3 more`
    std::string Text() const;

   private:
    size_t count_ = 0;
    std::vector<std::string> first_;
  };

  // Nothing is different, whatever was refused or passed over.
  bool empty() const { return added.count() + changed.count() + removed.count() == 0; }
  // `2 added ("a", "b"), 1 refused ("c")`; empty: none of all.
  std::string Text() const;

  List added;
  List changed;
  List removed;
  List refused;
  List passed_over;
};

// In one line that begins with `who` and `version`: hosts, which come and go all the time, for who debugs; so what changes
// nothing. What is refused or passed over has a line of its own.
void Tell(const Log& log, std::string_view who, std::string_view version, std::string_view type_url, const Changes& changes);

}  // namespace pillion::xds
