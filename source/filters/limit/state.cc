#include "source/filters/limit/state.h"

#include <random>

#include "source/config/text.h"
#include "source/filters/rules/text.h"
#include "source/limit/states.h"

namespace pillion::filters::limit_rules {
namespace {

using limit::KeyedLimit;
using rules::DurationText;

limit::States<State>& All() {
  static auto& states = *new limit::States<State>;
  return states;
}

limit::Secret DrawSecret() {
  std::random_device device;
  const auto draw = [&device] { return uint64_t{device()} << 32 | device(); };
  return {.low = draw(), .high = draw()};
}

std::string WindowText(const limit::Terms& terms) {
  if (!terms.window) return {};
  return config::Concat("window of ", terms.window->limit, " in ", DurationText(terms.window->length));
}

std::string BucketText(const limit::Terms& terms) {
  if (!terms.bucket) return {};
  return config::Concat("bucket of ", terms.bucket->burst, ", ", terms.bucket->tokens, " per ",
                        DurationText(terms.bucket->period));
}

// A name has no blanks, and so nothing of one part is taken for another.
std::string DefinitionOf(std::string_view rule, const limit::Terms& terms, size_t most_keys, std::string_view key) {
  std::string text = config::Concat(rule, " ", most_keys);
  if (terms.window) text += config::Concat(" window ", terms.window->limit, " ", terms.window->length.count());
  if (terms.bucket) {
    text += config::Concat(" bucket ", terms.bucket->burst, " ", terms.bucket->tokens, " ", terms.bucket->period.count());
  }
  return config::Concat(text, " key ", key);
}

}  // namespace

State::State(std::string_view rule, const limit::Terms& terms, size_t most_keys)
    : name(rule),
      window_text(WindowText(terms)),
      bucket_text(BucketText(terms)),
      secret(DrawSecret()),
      limit(terms, most_keys) {}

std::string State::TermsText() const {
  return config::Concat(window_text, window_text.empty() || bucket_text.empty() ? "" : ", ", bucket_text);
}

std::shared_ptr<State> StateOf(std::string_view rule, const limit::Terms& terms, size_t most_keys,
                               std::string_view key) {
  return All().FindOrMake(DefinitionOf(rule, terms, most_keys, key),
                          [&] { return std::make_shared<State>(rule, terms, most_keys); });
}

std::vector<std::shared_ptr<const State>> AllStates() { return All().All(); }

KeyedLimit::Counts CountsOf(std::string_view rule) {
  KeyedLimit::Counts sum;
  // Each rule is asked for several of its figures whenever somebody reads them all: no look at the others.
  for (const std::shared_ptr<const State>& state : All().All(config::Concat(rule, " "))) {
    const KeyedLimit::Counts counts = state->limit.Read();
    sum.keys += counts.keys;
    sum.capacity += counts.capacity;
    sum.inserted += counts.inserted;
    sum.expired += counts.expired;
    sum.evicted += counts.evicted;
    sum.refused += counts.refused;
  }
  return sum;
}

}  // namespace pillion::filters::limit_rules
