#include "source/filters/local_ratelimit/descriptors.h"

#include <algorithm>
#include <random>

#include "source/config/text.h"
#include "source/filters/rules/states.h"

namespace pillion::filters::local_ratelimit {
namespace {

using Wide = unsigned __int128;

limit::Secret DrawSecret() {
  std::random_device device;
  const auto draw = [&device] { return uint64_t{device()} << 32 | device(); };
  return {.low = draw(), .high = draw()};
}

Taken TakenFrom(const limit::Policy& policy, const limit::Decision& decision) {
  Taken taken = {.allowed = decision.allowed(), .limit = decision.bucket.limit, .remaining = decision.bucket.remaining};
  if (taken.remaining > 0) return taken;
  // Tokens come evenly: from the first that comes to the last is the time of all but one.
  const limit::TokenBucket::Terms& terms = policy.bucket()->terms();
  const Wide others = Wide{terms.burst - 1} * static_cast<uint64_t>(terms.period.count());
  taken.next = decision.bucket.reset - base::Duration(static_cast<int64_t>((others + terms.tokens - 1) / terms.tokens));
  return taken;
}

bool IsOpen(const DescriptorLimit::Pattern& entry) { return entry.value.empty(); }

std::string DefinitionOf(const std::string& key, const limit::TokenBucket::Terms& terms) {
  return config::Concat(terms.burst, " ", terms.tokens, " ", terms.period.count(), " ", key);
}

// The one of that definition, if it has a key to be known by.
template <typename State, typename Make>
std::shared_ptr<State> FindOrMake(const std::string& key, const std::string& definition, Make make) {
  static auto& states = *new rules::States<State>;
  return key.empty() ? make() : states.FindOrMake(definition, make);
}

}  // namespace

std::shared_ptr<Bucket> Bucket::Of(const std::string& key, const limit::TokenBucket::Terms& terms) {
  return FindOrMake<Bucket>(key, DefinitionOf(key, terms), [&] { return std::make_shared<Bucket>(terms); });
}

Bucket::Bucket(const limit::TokenBucket::Terms& terms)
    : policy_(limit::Terms{.window = {}, .bucket = terms}), state_(policy_.Fresh({})) {}

Taken Bucket::Take(base::MonotonicTime now) {
  const std::lock_guard lock(lock_);
  now_ = std::max(now_, now);
  return TakenFrom(policy_, policy_.Decide(state_, 1, now_));
}

std::shared_ptr<DescriptorLimit> DescriptorLimit::Of(const std::string& key, const std::vector<Pattern>& entries,
                                                     const limit::TokenBucket::Terms& terms, const Options& options) {
  std::string definition = config::Concat(options.most_keys, options.per_connection ? " each" : " all",
                                          options.shadow ? " shadow" : " real");
  for (const Pattern& entry : entries) {
    definition += config::Concat(" ", entry.key.size(), ":", entry.key, " ", entry.value.size(), ":", entry.value);
  }
  definition += config::Concat(" ", DefinitionOf(key, terms));
  return FindOrMake<DescriptorLimit>(key, definition,
                                     [&] { return std::make_shared<DescriptorLimit>(entries, terms, options); });
}

DescriptorLimit::DescriptorLimit(std::vector<Pattern> entries, const limit::TokenBucket::Terms& terms,
                                 const Options& options)
    : entries_(std::move(entries)),
      options_(options),
      open_(std::any_of(entries_.begin(), entries_.end(), IsOpen)),
      rate_(static_cast<double>(terms.tokens) * 1e9 / static_cast<double>(terms.period.count())),
      secret_(DrawSecret()),
      limit_({.window = {}, .bucket = terms}, open_ || options.per_connection ? options.most_keys : 1) {}

bool DescriptorLimit::Matches(std::span<const filter::DescriptorEntry> descriptor) const {
  return std::equal(entries_.begin(), entries_.end(), descriptor.begin(), descriptor.end(),
                    [](const Pattern& mine, const filter::DescriptorEntry& other) {
                      return mine.key == other.key && (IsOpen(mine) || mine.value == other.value);
                    });
}

Taken DescriptorLimit::Take(const filter::Descriptor& descriptor, uint64_t connection, base::MonotonicTime now,
                            base::Arena& arena) {
  std::string_view* const values = arena.NewArray<std::string_view>(entries_.size() + 1);
  size_t count = 0;
  if (options_.per_connection) values[count++] = {reinterpret_cast<const char*>(&connection), sizeof connection};
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (IsOpen(entries_[i])) values[count++] = descriptor.entries[i].value;
  }
  return TakenFrom(limit_.policy(), limit_.Decide(limit::KeyOf(secret_, {values, count}), descriptor.hits.value_or(1), now));
}

}  // namespace pillion::filters::local_ratelimit
