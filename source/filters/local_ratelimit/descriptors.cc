#include "source/filters/local_ratelimit/descriptors.h"

#include <algorithm>
#include <random>

#include "source/config/text.h"
#include "source/limit/states.h"

namespace pillion::filters::local_ratelimit {
namespace {

limit::Secret DrawSecret() {
  std::random_device device;
  const auto draw = [&device] { return uint64_t{device()} << 32 | device(); };
  return {.low = draw(), .high = draw()};
}

bool IsOpen(const DescriptorLimit::Pattern& entry) { return entry.value.empty(); }

}  // namespace

std::shared_ptr<DescriptorLimit> DescriptorLimit::Of(const std::string& key, const std::vector<Pattern>& entries,
                                                     const limit::TokenBucket::Terms& terms, const Options& options) {
  std::string definition = config::Concat(options.most_keys, options.per_connection ? " each" : " all",
                                          options.shadow ? " shadow" : " real");
  for (const Pattern& entry : entries) {
    definition += config::Concat(" ", entry.key.size(), ":", entry.key, " ", entry.value.size(), ":", entry.value);
  }
  definition += config::Concat(" ", limit::BucketDefinition(key, terms));
  static auto& limits = *new limit::States<DescriptorLimit>;
  const auto make = [&] { return std::make_shared<DescriptorLimit>(entries, terms, options); };
  return key.empty() ? make() : limits.FindOrMake(definition, make);
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
