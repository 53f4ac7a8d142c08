#pragma once

// What rules know: the breakers of each name and definition in the process, whoever has the rule, as long as some
// configuration has it. So a rule that is pushed again, or differs elsewhere, finds them as they were.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/degradation/breakers.h"

namespace pillion::filters::degradation_rules {

// Any thread.
struct State {
  State(std::string_view rule, std::string_view terms, std::string_view parts, const degradation::Terms& breaker,
        size_t most)
      : name(rule), terms_text(terms), per(parts), breakers(breaker, most) {}

  const std::string name;        // the rule's
  const std::string terms_text;  // "error ratio 0.6 in 10s of at least 5 calls; open for 60s, 1 probe, 5 windows"
  const std::string per;         // "route, lane"
  degradation::Breakers breakers;
};

// The one of that rule, made where there is none. `terms_text` says all that makes the rule another one, such as what is
// slow; `per` what has a breaker of its own. Terms that nothing is wrong with. Control side.
std::shared_ptr<State> StateOf(std::string_view rule, const std::string& terms_text, std::string_view per,
                               const degradation::Terms& terms, size_t most);

// All that there are, by name; several of one name are of configurations that differ. Any thread.
std::vector<std::shared_ptr<const State>> AllStates();
// Of all of that name together, as they were when they were asked last.
degradation::Breakers::Counts CountsOf(std::string_view rule);

}  // namespace pillion::filters::degradation_rules
