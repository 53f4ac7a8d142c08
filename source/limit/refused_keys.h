#pragma once

// Which keys a limit refuses most, in bounded memory: a space-saving sketch (Metwally, Agrawal, El Abbadi 2005). Asked for
// a place only when something is refused; what passes never comes here.
//
// A newcomer takes the place of the one with the fewest, and its count: so a count is too high by at most `error`, and a
// key that is refused more often than one in kPlaces times has a place, whatever others do. Who was not refused for kShown
// is not told of, and is the first to go. Any thread.

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/clock.h"
#include "source/base/spin_lock.h"
#include "source/limit/key.h"

namespace pillion::limit {

class RefusedKeys {
 public:
  static constexpr size_t kPlaces = 16;
  static constexpr size_t kMostText = 128;  // bytes
  static constexpr base::Duration kShown = std::chrono::minutes(5);

  struct Row {
    Key key;
    std::string text;     // what `describe` said; empty: nothing
    uint64_t refused = 0;
    uint64_t error = 0;   // of `refused`, that may be others'
    base::MonotonicTime last;
  };

  // describe() gives a text of the key, which is cut at kMostText; it is asked only where the key has no place yet, and
  // without the lock.
  template <typename Describe>
  void Note(const Key& key, base::MonotonicTime now, Describe&& describe) {
    if (!NoteKnown(key, now)) NoteNew(key, now, describe());
  }

  // Most often refused first.
  std::vector<Row> Read(base::MonotonicTime now) const;

 private:
  struct Place {
    Key key;
    uint64_t refused = 0;  // 0: it is free
    uint64_t error = 0;
    base::MonotonicTime last;
    std::array<char, kMostText> text;
    uint8_t text_size = 0;
  };

  static bool IsOld(const Place& place, base::MonotonicTime now) { return place.refused == 0 || now - place.last > kShown; }
  bool NoteKnown(const Key& key, base::MonotonicTime now);
  void NoteNew(const Key& key, base::MonotonicTime now, std::string_view text);
  // With the lock; null: it has no place.
  Place* Find(const Key& key);

  mutable base::SpinLock lock_;
  std::array<Place, kPlaces> places_;
};

}  // namespace pillion::limit
