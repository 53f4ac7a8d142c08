#include "source/route/path_index.h"

#include <array>
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

void AddProgram(std::string_view program, Words& words) {
  const size_t begin = words.size();
  words.push_back(static_cast<uint32_t>(program.size()));
  words.resize(begin + 1 + (program.size() + sizeof(uint32_t) - 1) / sizeof(uint32_t));
  std::memcpy(words.data() + begin + 1, program.data(), program.size());
}

}  // namespace

PathIndex::PathIndex(Routes routes, Words& words)
    : begin_(static_cast<uint32_t>(words.size())),
      exact_case_(MakeTree(routes, false, words)),
      ignore_case_(MakeTree(routes, true, words)) {
  end_ = static_cast<uint32_t>(words.size());
}

std::optional<PathIndex::Tree> PathIndex::MakeTree(Routes routes, bool ignore_case, Words& words) {
  struct Group {
    std::array<std::vector<uint32_t>, 4> kinds;  // by Path
    const std::vector<uint32_t>& of(Path kind) const { return kinds[static_cast<size_t>(kind)]; }
  };
  std::map<std::string, Group> groups;
  for (uint32_t number = 0; number < routes.size(); ++number) {
    const match::RequestMatcher& match = routes[number]->match;
    if (IgnoresCase(match) == ignore_case) groups[TextOf(match)].kinds[static_cast<size_t>(match.kind)].push_back(number);
  }
  if (groups.empty()) return std::nullopt;

  std::vector<std::string> texts;
  std::vector<uint32_t> begins;
  std::vector<match::Regex> regexes;
  std::vector<std::unique_ptr<match::RegexSet>> regex_sets;
  for (const auto& [text, group] : groups) {
    std::vector<match::Regex> own;
    std::vector<uint32_t> wheres;
    for (const uint32_t number : group.of(Path::kRegex)) {
      own.push_back(*routes[number]->match.regex);
      if (const match::RegexSequence* sequence = own.back().sequence()) {
        wheres.push_back(static_cast<uint32_t>(words.size()) | kProgram);
        AddProgram(sequence->program(), words);
      } else {
        wheres.push_back(static_cast<uint32_t>(regexes.size()));
        regexes.push_back(own.back());
      }
    }
    const bool has_set = own.size() >= kManyRegexes;
    texts.push_back(text);
    begins.push_back(static_cast<uint32_t>(words.size()));
    for (const Path kind : {Path::kPrefix, Path::kExact, Path::kSeparatedPrefix, Path::kRegex}) {
      words.push_back(static_cast<uint32_t>(group.of(kind).size()));
    }
    words.push_back(has_set ? static_cast<uint32_t>(regex_sets.size()) : kNone);
    if (has_set) regex_sets.push_back(std::make_unique<match::RegexSet>(own));
    for (const Path kind : {Path::kPrefix, Path::kExact, Path::kSeparatedPrefix}) {
      words.insert(words.end(), group.of(kind).begin(), group.of(kind).end());
    }
    for (size_t i = 0; i < own.size(); ++i) {
      words.push_back(group.of(Path::kRegex)[i]);
      words.push_back(wheres[i]);
    }
  }
  regexes.shrink_to_fit();
  return Tree{PrefixTree(texts, begins, ignore_case, words), std::move(regexes), std::move(regex_sets)};
}

bool PathIndex::AskSet(const match::RegexSet& set, std::string_view path, const uint32_t* regexes,
                       std::vector<uint32_t>& numbers) {
  static thread_local std::vector<int> positions;
  if (!set.Find(path, positions)) return false;
  numbers.clear();
  for (const int position : positions) numbers.push_back(regexes[2 * static_cast<size_t>(position)]);
  return true;
}

}  // namespace pillion::route
