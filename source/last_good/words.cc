#include "source/last_good/words.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "source/config/text.h"

namespace pillion::last_good {

using config::Concat;

std::string AgeText(base::Duration age) {
  const int64_t seconds = std::max<int64_t>(std::chrono::duration_cast<std::chrono::seconds>(age).count(), 0);
  constexpr int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  const auto two = [seconds](int64_t large, std::string_view large_name, int64_t small, std::string_view small_name) {
    std::string text = Concat(seconds / large, " ", large_name);
    const int64_t rest = seconds % large / small;
    return rest == 0 ? text : Concat(text, " ", rest, " ", small_name);
  };
  if (seconds >= kDay) return two(kDay, "d", kHour, "h");
  if (seconds >= kHour) return two(kHour, "h", kMinute, "min");
  if (seconds >= kMinute) return two(kMinute, "min", 1, "s");
  return Concat(seconds, " s");
}

std::string_view NounOf(xds::Kind kind) {
  constexpr std::array<std::string_view, xds::kKinds.size()> kNouns = {
      "cluster", "assignment", "listener", "scope", "route table", "secret", "extension", "runtime layer"};
  static_assert(!kNouns.back().empty());
  return kNouns[static_cast<size_t>(kind)];
}

std::string CountsText(const Sections& sections, std::string_view source) {
  std::array<size_t, xds::kKinds.size()> counts{};
  for (const auto& [id, section] : sections) {
    if (source.empty() || id.first == source) counts[static_cast<size_t>(id.second)] += section.kept.size();
  }
  std::string text;
  for (size_t kind = 0; kind < counts.size(); ++kind) {
    if (counts[kind] == 0) continue;
    if (!text.empty()) text += ", ";
    text += Concat(counts[kind], " ", NounOf(static_cast<xds::Kind>(kind)), counts[kind] == 1 ? "" : "s");
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace pillion::last_good
