#include "source/filters/degradation/state.h"

#include "source/config/text.h"
#include "source/limit/states.h"

namespace pillion::filters::degradation_rules {
namespace {

limit::States<State>& All() {
  static auto& states = *new limit::States<State>;
  return states;
}

}  // namespace

std::shared_ptr<State> StateOf(std::string_view rule, const std::string& terms_text, std::string_view per,
                               const degradation::Terms& terms, size_t most) {
  // A name has no blanks, and so nothing of one part is taken for another.
  return All().FindOrMake(config::Concat(rule, " ", most, " per ", per, " ", terms_text),
                          [&] { return std::make_shared<State>(rule, terms_text, per, terms, most); });
}

std::vector<std::shared_ptr<const State>> AllStates() { return All().All(); }

degradation::Breakers::Counts CountsOf(std::string_view rule) {
  degradation::Breakers::Counts sum;
  for (const auto& state : All().All(config::Concat(rule, " "))) sum.Add(state->breakers.Read());
  return sum;
}

}  // namespace pillion::filters::degradation_rules
