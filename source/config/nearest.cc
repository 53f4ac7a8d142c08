#include "source/config/nearest.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

constexpr size_t kLongest = 256;  // bounds the work on hostile names
constexpr size_t kMostEdits = 3;

// Optimal string alignment distance, by three rows of its table.
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

bool ShareWord(std::string_view a, std::string_view b) {
  constexpr size_t kShortest = 6;
  for (const absl::string_view word : absl::StrSplit(absl::string_view(a.data(), a.size()), '_')) {
    if (word.size() < kShortest) continue;
    for (const absl::string_view other : absl::StrSplit(absl::string_view(b.data(), b.size()), '_')) {
      if (word == other) return true;
    }
  }
  return false;
}

std::string Hint(std::string_view name) {
  return name.empty() ? std::string() : Concat(", did you mean \"", name, "\"?");
}

}  // namespace

std::string_view NearestName(std::string_view name, const std::vector<std::string_view>& known) {
  std::string_view nearest;
  size_t fewest = 0;
  if (name.size() > kLongest) return nearest;
  for (const std::string_view candidate : known) {
    const size_t allowed = std::min(kMostEdits, std::max(name.size(), candidate.size()) / 3);
    const size_t edits = Edits(name, candidate);
    if (edits > allowed || (!nearest.empty() && edits >= fewest)) continue;
    nearest = candidate;
    fewest = edits;
  }
  return nearest;
}

std::string DidYouMean(std::string_view name, const std::vector<std::string_view>& known) {
  return Hint(NearestName(name, known));
}

std::string DidYouMeanField(std::string_view name, const std::vector<std::string_view>& known) {
  std::string_view nearest = NearestName(name, known);
  if (!nearest.empty() || name.size() > kLongest) return Hint(nearest);
  for (const std::string_view candidate : known) {
    if (!ShareWord(name, candidate)) continue;
    if (!nearest.empty()) return {};
    nearest = candidate;
  }
  return Hint(nearest);
}

}  // namespace pillion::config
