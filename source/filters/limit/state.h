#pragma once

// What rules have left: one state for each name and definition in the process, whoever has the rule. It lives as long as
// some configuration has it, so that one that is pushed again, or differs elsewhere, finds it as it was.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/limit/keyed_limit.h"
#include "source/limit/refused_keys.h"

namespace pillion::filters::limit_rules {

// Any thread.
struct State {
  State(std::string_view rule, const limit::Terms& terms, size_t most_keys);

  const std::string name;  // the rule's
  // "window of 600 in 60s", "bucket of 40, 20 per 1s"; empty: it has none.
  const std::string window_text;
  const std::string bucket_text;
  // Both, as far as it has them.
  std::string TermsText() const;
  const limit::Secret secret;
  limit::KeyedLimit limit;
  limit::RefusedKeys refused;  // of a rule with keys
};

// The one of that rule, made where there is none. `key`: what its keys are made of, as a text: with other keys, or other
// figures, a rule begins anew. Terms that nothing is wrong with. Control side.
std::shared_ptr<State> StateOf(std::string_view rule, const limit::Terms& terms, size_t most_keys,
                               std::string_view key);

// All that there are, by name; several of one name are of configurations that differ. Any thread.
std::vector<std::shared_ptr<const State>> AllStates();
// Of all of that name together.
limit::KeyedLimit::Counts CountsOf(std::string_view rule);

}  // namespace pillion::filters::limit_rules
