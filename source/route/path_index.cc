#include "source/route/path_index.h"

#include <map>

#include "source/http/syntax.h"

namespace pillion::route {
namespace {

using Path = match::RequestMatcher::Path;

// With fewer, asking one by one is cheaper than the automaton.
constexpr size_t kManyRegexes = 8;

// Case matters to a regular expression unless it says otherwise itself.
bool IgnoresCase(const match::RequestMatcher& match) { return !match.case_sensitive && match.kind != Path::kRegex; }

std::string TextOf(const match::RequestMatcher& match) {
  if (match.kind == Path::kRegex) return match.regex->LiteralPrefix();
  std::string text = match.path;
  if (!match.case_sensitive) http::CopyLowerCase(match.path, text.data());
  return text;
}

}  // namespace

PathIndex::PathIndex(std::span<const config::Route> routes)
    : routes_(routes), exact_case_(MakeTree(routes, false)), ignore_case_(MakeTree(routes, true)) {}

std::unique_ptr<PathIndex::Tree> PathIndex::MakeTree(std::span<const config::Route> routes, bool ignore_case) {
  std::map<std::string, Place> by_text;
  bool has_regexes = false;
  for (uint32_t number = 0; number < routes.size(); ++number) {
    const match::RequestMatcher& match = routes[number].match;
    if (IgnoresCase(match) != ignore_case) continue;
    Place& place = by_text[TextOf(match)];
    switch (match.kind) {
      case Path::kExact:
        place.exact.push_back(number);
        break;
      case Path::kPrefix:
        place.prefix.push_back(number);
        break;
      case Path::kSeparatedPrefix:
        place.separated.push_back(number);
        break;
      case Path::kRegex:
        place.regex.push_back(number);
        has_regexes = true;
        break;
    }
  }
  if (by_text.empty()) return nullptr;
  std::vector<std::string> texts;
  std::vector<Place> places;
  for (auto& [text, place] : by_text) {
    if (place.regex.size() >= kManyRegexes) {
      std::vector<match::Regex> regexes;
      for (const uint32_t number : place.regex) regexes.push_back(*routes[number].match.regex);
      place.all_regexes = std::make_unique<match::RegexSet>(regexes);
    }
    texts.push_back(text);
    places.push_back(std::move(place));
  }
  auto tree = std::make_unique<Tree>(texts, std::move(places), ignore_case);
  tree->has_regexes = has_regexes;
  return tree;
}

bool PathIndex::FindRegexes(const Place& place, std::string_view path, std::vector<uint32_t>& numbers) {
  static thread_local std::vector<int> positions;
  if (!place.all_regexes->Find(path, positions)) return false;
  numbers.clear();
  for (const int position : positions) numbers.push_back(place.regex[static_cast<size_t>(position)]);
  return true;
}

}  // namespace pillion::route
