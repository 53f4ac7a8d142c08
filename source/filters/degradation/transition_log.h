#pragma once

// Breakers that change, in the process's own log: so many lines in a second at most, with how many others there were.

#include <string_view>

#include "source/degradation/breaker.h"
#include "source/filters/degradation/state.h"

namespace pillion::filters::degradation_rules {

struct TransitionLog {
  bool (*wants)();                      // now; called on any thread, as the other
  void (*write)(std::string_view line);
};

inline constexpr int kMostLines = 20;  // in a second

// Before there is a second thread; `log` outlives all of them. Null: there is none.
void SetTransitionLog(const TransitionLog* log);

// payments (route=all/pay): closed -> open: 6 of 10 calls were bad (error ratio 0.6 in 10s, ...). Any thread.
void LogTransition(const State& rule, std::string_view key, const degradation::Change& change, base::MonotonicTime now);

}  // namespace pillion::filters::degradation_rules
