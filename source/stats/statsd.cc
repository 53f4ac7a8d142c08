#include "source/stats/statsd.h"

#include <fmt/format.h>

#include <algorithm>

namespace pillion::stats {
namespace {

// What ends a name, a value or a tag.
std::string Safe(std::string_view text, std::string_view unsafe) {
  std::string safe(text);
  std::replace_if(
      safe.begin(), safe.end(), [&](char c) { return c < ' ' || unsafe.find(c) != unsafe.npos; }, '_');
  return safe;
}

}  // namespace

StatsdLines::Name StatsdLines::NameOf(const Description& description, const Rules& rules) const {
  constexpr std::string_view kUnsafe = ":|@#";
  const std::string whole = description.name();
  if (!tags_) return {fmt::format("{}.{}", prefix_, Safe(whole, kUnsafe)), ""};
  const TaggedName tagged = TakeTags(whole, description.tags(), rules);
  Name name{fmt::format("{}.{}", prefix_, Safe(tagged.name, kUnsafe)), ""};
  for (const auto& [label, value] : tagged.labels) {
    name.back += name.back.empty() ? "|#" : ",";
    // The labels that we have of ourselves are called so in Prometheus only.
    constexpr std::string_view kOwn = "envoy_";
    name.back += label.starts_with(kOwn) ? fmt::format("envoy.{}", label.substr(kOwn.size())) : std::string(label);
    name.back += ':';
    name.back += Safe(value, "|,#");
  }
  return name;
}

void StatsdLines::Write(const Snapshot& snapshot, const std::function<void(std::string_view)>& take) {
  std::string line;
  const auto tell = [&](const Name& name, const auto& value, std::string_view type) {
    line = fmt::format("{}:{}|{}{}", name.front, value, type, name.back);
    take(line);
  };
  for (const Snapshot::Number& number : snapshot.numbers) {
    const Name name = NameOf(*number.description, *snapshot.rules);
    if (number.description->kind == Kind::kGauge) {
      tell(name, number.gauge, "g");
      continue;
    }
    uint64_t& before = sent_[number.description->name()];
    // Less than before: it was set to zero in between.
    const uint64_t grown = number.counter >= before ? number.counter - before : number.counter;
    before = number.counter;
    tell(name, grown, "c");
  }
  for (const Snapshot::Distribution& histogram : snapshot.histograms) {
    if (histogram.interval.empty()) continue;
    const Name name = NameOf(*histogram.description, *snapshot.rules);
    for (const auto& [bucket, count] : histogram.interval) {
      const std::string type = count == 1 ? "ms" : fmt::format("ms|@{:.9g}", 1.0 / static_cast<double>(count));
      tell(name, HistogramLayout::Midpoint(bucket), type);
    }
  }
}

}  // namespace pillion::stats
