#include "source/filters/limit/state.h"

#include <map>
#include <mutex>
#include <random>

#include "source/config/text.h"

namespace pillion::filters::limit_rules {
namespace {

using limit::KeyedLimit;

// Never destroyed: a worker may still end requests while the process does.
struct States {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<State>, std::less<>> by_definition;
};

States& All() {
  static auto& states = *new States;
  return states;
}

limit::Secret DrawSecret() {
  std::random_device device;
  const auto draw = [&device] { return uint64_t{device()} << 32 | device(); };
  return {.low = draw(), .high = draw()};
}

// 60s, 1500ms, 20us, 7ns
std::string DurationText(base::Duration time) {
  constexpr std::pair<int64_t, std::string_view> kUnits[] = {{1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}};
  for (const auto& [nanos, unit] : kUnits) {
    if (time.count() % nanos == 0) return config::Concat(time.count() / nanos, unit);
  }
  return config::Concat(time.count(), "ns");
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
  const std::lock_guard lock(All().mutex);
  auto& states = All().by_definition;
  std::erase_if(states, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<State>& known = states[DefinitionOf(rule, terms, most_keys, key)];
  std::shared_ptr<State> state = known.lock();
  if (state == nullptr) known = state = std::make_shared<State>(rule, terms, most_keys);
  return state;
}

std::vector<std::shared_ptr<const State>> AllStates() {
  const std::lock_guard lock(All().mutex);
  std::vector<std::shared_ptr<const State>> all;
  for (const auto& [definition, state] : All().by_definition) {
    if (std::shared_ptr<const State> alive = state.lock()) all.push_back(std::move(alive));
  }
  return all;
}

KeyedLimit::Counts CountsOf(std::string_view rule) {
  KeyedLimit::Counts sum;
  for (const std::shared_ptr<const State>& state : AllStates()) {
    if (state->name != rule) continue;
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
