#pragma once

// A breaker in the way of Sentinel: it lets calls pass while they go well, none when too many went badly, and then a few
// that try whether it is over.
//
// | state      | requests                              | goes to    | when                                                        |
// |------------|---------------------------------------|------------|-------------------------------------------------------------|
// | closed     | pass                                  | open       | the last interval has the minimum of calls, and bad ones reach the threshold |
// | open       | are refused                           | half open  | a request comes, and `open_for` has passed: it is the first probe |
// | half open  | as many pass as probes are missing    | open       | a probe was bad                                             |
// |            | that are neither good nor on their way| recovering | all probes were good, and there are recovery windows        |
// |            |                                       | closed     | all probes were good, and there are none                    |
// | recovering | pass                                  | open       | a window of its own has the minimum and reaches the threshold; or reaches it when it is over, with however few calls |
// |            |                                       | closed     | so many windows in a row had calls and were below the threshold; one without calls is none |
//
// Only an opening begins a new generation, and of calls only those count that passed in the one that lasts: what was asked
// before the opening and is answered late says nothing of how things are since. A probe has its place until it is over,
// however that comes. One that hangs has it for `open_for`, and keeps nobody out for longer; one whose answer has begun,
// such as a stream, for an interval, and is a good one then. How they end counts all the same, as long as the breaker is
// half open.
//
// Plain memory of one owner, who sees to it that one thread is in it at a time. Time is handed in; what is earlier than what
// was handed in before is taken for that. Nothing happens by itself: a change that time brings comes with the next call.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "source/base/clock.h"
#include "source/degradation/call_window.h"

namespace pillion::degradation {

enum class State : uint8_t { kClosed, kOpen, kHalfOpen, kRecovering };

// "closed", "open", "half_open", "recovering"
std::string_view NameOf(State state);

struct Terms {
  static constexpr uint32_t kMostProbes = 32;

  bool counts = false;    // bad calls; else it is their share
  double threshold = 1;   // of that; reached is enough
  base::Duration interval = std::chrono::seconds(1);
  uint64_t minimum = 5;   // of calls in an interval
  base::Duration open_for = std::chrono::seconds(10);
  uint32_t probes = 1;    // at most kMostProbes
  uint32_t recovery_windows = 0;  // each an interval

  // What is expected of terms, where these are not so; else null.
  static const char* WhatIsWrong(const Terms& terms);
  bool Reached(const Calls& calls) const;
};

// Of a state by another one; and what it came by.
struct Change {
  State from;
  State to;
  Calls calls;  // of the window that decided
};

// In their order: time may have brought one, and a call the next.
class Changes {
 public:
  void Add(const Change& change) { list_[count_++] = change; }
  std::span<const Change> list() const { return {list_.data(), count_}; }

 private:
  std::array<Change, 3> list_;
  size_t count_ = 0;
};

// How a call went; kUnknown: nothing is known of it, for who asked has left.
enum class Verdict : uint8_t { kGood, kBad, kUnknown };

class Breaker {
 public:
  // Of what has passed, until it has ended.
  struct Pass {
    uint32_t generation = 0;
    int8_t place = -1;  // of a probe
    bool begun = false;
    base::MonotonicTime since{};

    bool is_probe() const { return place >= 0; }
  };

  struct Answer {
    bool passes = true;
    State state = State::kClosed;  // after it was asked
    Pass pass;                     // of what passes
    base::Duration retry_after{0};  // of what does not; zero: as soon as a probe is over
  };

  struct Counts {
    uint64_t passed = 0;   // probes, too
    uint64_t refused = 0;
    uint64_t probes = 0;
    uint64_t opened = 0;
    uint64_t late = 0;     // ended after a later opening: they do not count
  };

  struct View {
    State state;
    base::MonotonicTime since;      // when it came to be so
    base::Duration retry_after;     // of one that is open, else zero
    Calls calls;                    // of the last interval; of a recovering one, of its window
    Calls opened_by;                // what it was opened by last
    uint32_t probes_on_their_way;
    uint32_t good_probes;
    uint32_t good_windows;
    Counts counts;
  };

  explicit Breaker(base::MonotonicTime now) : latest_(now), since_(now) {}

  // `changes` gets what comes of it, as with the others.
  Answer Ask(const Terms& terms, base::MonotonicTime now, Changes& changes);
  // What has passed is over; once. False: it was late.
  bool End(const Terms& terms, const Pass& pass, Verdict verdict, base::MonotonicTime now, Changes& changes);
  // Its answer has begun well, and goes on.
  void Begin(const Terms& terms, Pass& pass, base::MonotonicTime now, Changes& changes);
  // What had ended well was broken off after all.
  void Spoil(const Terms& terms, const Pass& pass, base::MonotonicTime now, Changes& changes);

  // To forget it changes nothing.
  bool IsFresh(const Terms& terms, base::MonotonicTime now) const;
  View Read(const Terms& terms, base::MonotonicTime now) const;
  const Calls& opened_by() const { return opened_by_; }  // last

 private:
  void Go(State to, const Calls& calls, Changes& changes);
  void Open(const Calls& calls, Changes& changes);
  // What time has brought.
  void BringTo(const Terms& terms, base::MonotonicTime now, Changes& changes);
  void EndWindow(const Terms& terms, Changes& changes);
  void FreePlaces(const Terms& terms, Changes& changes);
  bool HasPlace(const Pass& pass) const;
  void OnGoodProbe(const Terms& terms, Changes& changes);
  // What is counted may open it.
  void Judge(const Terms& terms, Changes& changes);
  Answer Refuse(base::Duration retry_after);

  State state_ = State::kClosed;
  uint32_t generation_ = 0;
  base::MonotonicTime latest_;
  base::MonotonicTime since_;
  CallWindow window_;  // while it is closed or recovering
  Calls opened_by_;
  Counts counts_;
  // Half open: by bits, whose places are taken, and whose answers have begun.
  uint32_t taken_ = 0;
  uint32_t begun_ = 0;
  uint32_t good_probes_ = 0;
  std::array<base::MonotonicTime, Terms::kMostProbes> probes_{};  // when they passed
  // Recovering.
  base::MonotonicTime window_began_{};
  Calls recovering_;
  uint32_t good_windows_ = 0;
};

}  // namespace pillion::degradation
