#pragma once

// What was changed and has not stood its window yet, with what was there before: to go back to it. Part of a Guard; the
// main thread's.
//
// | what comes                                    | what becomes of it                                                      |
// |-----------------------------------------------|-------------------------------------------------------------------------|
// | a resource is new, other or gone              | watched for a window; what was there before is kept                     |
// | the same one again within that                | watched anew; what was there before the first of its changes is kept    |
// | it is what it was before                      | nothing is watched any more                                             |
// | no change for a window                        | it has stood: what is there now is what later changes go back to        |
// | changes without end, kMostWindows long        | the same, for who changes all the time can't be told from what is good  |
// | one that nobody wants any more                | kept as long, for who wants it again after a return; it is no change    |
// | the first of a name that somebody asks for    | no change: there is nothing to go back to                               |

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "source/base/clock.h"
#include "source/xds/journal.h"

namespace pillion::guard {

// The first of a name is an answer to who asks for it, and no change.
bool IsByName(xds::Kind kind);

class Changes {
 public:
  static constexpr int kMostWindows = 4;

  struct Change {
    const config::ConfigSource* source;  // of the planes, which live on
    xds::Kind kind;
    std::string name;
    std::optional<xds::Holdings::Held> before;  // nothing: it was not there
    std::optional<xds::Holdings::Held> now;     // nothing: it is gone
    bool wanted;                                // else it is only that nobody asks for it any more
    base::MonotonicTime first;                  // of its changes
    base::MonotonicTime last;
  };

  void Add(const xds::ResourceId& id, const xds::Holdings::Held* before, const xds::Holdings::Held* now, bool wanted,
           base::MonotonicTime time);
  // Those that have stood are forgotten. Returns how many changes that were watched.
  size_t Settle(base::MonotonicTime now, base::Duration window);
  // All of them, in the order in which they need each other; none is watched any more.
  std::vector<Change> Take();
  void Clear() { changes_.clear(); }

  bool watching() const { return watched() > 0; }
  size_t watched() const;
  // Of what is watched: there is something.
  base::MonotonicTime first() const;
  base::MonotonicTime last() const;
  std::vector<const Change*> all() const;  // that are watched

 private:
  using Key = std::tuple<xds::Kind, std::string, const config::ConfigSource*>;

  std::map<Key, Change> changes_;
};

}  // namespace pillion::guard
