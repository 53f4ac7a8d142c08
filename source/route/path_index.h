#pragma once

// Finds the first of a virtual host's routes that a request matches without asking each of them: only those whose path
// begins as the request's does. Regular expressions are found by the plain text that they begin with, and where many
// begin with the same, by one automaton for all of them. Immutable; any thread.

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "source/config/route.h"
#include "source/match/regex_set.h"
#include "source/route/prefix_tree.h"

namespace pillion::route {

class PathIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // Most of it lies in `words`, which it is added to; an owner has one for all its indexes.
  PathIndex(std::span<const config::Route> routes, Words& words);

  // The number of the first route whose path fits `path`, which has no query, and of which accepts(number) is true;
  // kNone when there is none. `words`: the first of them.
  template <typename F>
  uint32_t First(const uint32_t* words, std::string_view path, const F& accepts) const;

 private:
  // Routes whose paths have one text, all of it or what a regular expression begins with, are a place: these counts,
  // then their numbers, ascending within each kind. Of a regular expression, where that lies follows its number.
  struct Place {
    uint32_t prefix;
    uint32_t exact;
    uint32_t separated;
    uint32_t regex;
    uint32_t regex_set;  // one for all of `regex`; kNone where they are few
  };
  static constexpr size_t kPlaceWords = sizeof(Place) / sizeof(uint32_t);
  using Numbers = std::span<const uint32_t>;

  struct Tree {
    PrefixTree prefixes;  // gives where in the words the place of a text begins
    std::vector<match::Regex> regexes;
    std::vector<std::unique_ptr<match::RegexSet>> regex_sets;
  };

  static std::optional<Tree> MakeTree(std::span<const config::Route> routes, bool ignore_case, Words& words);

  template <typename F>
  static void Lower(uint32_t& best, Numbers numbers, const F& accepts) {
    for (const uint32_t number : numbers) {
      if (number >= best) return;
      if (accepts(number)) {
        best = number;
        return;
      }
    }
  }
  template <typename F>
  static void FindPlain(const Tree& tree, const uint32_t* words, std::string_view path, uint32_t& best, const F& accepts);
  template <typename F>
  static void FindRegexes(const Tree& tree, const uint32_t* words, std::string_view path, uint32_t& best, const F& accepts);
  // Those of a place that match. False: they have to be asked one by one.
  static bool AskSet(const match::RegexSet& set, std::string_view path, const uint32_t* regexes,
                     std::vector<uint32_t>& numbers);

  // None where there are no such routes.
  std::optional<Tree> exact_case_;
  std::optional<Tree> ignore_case_;  // without regular expressions
};

template <typename F>
void PathIndex::FindPlain(const Tree& tree, const uint32_t* words, std::string_view path, uint32_t& best,
                          const F& accepts) {
  tree.prefixes.ForEachPrefix(words, path, [&](uint32_t at, size_t size) {
    Place place;
    std::memcpy(&place, words + at, sizeof place);
    const uint32_t* numbers = words + at + kPlaceWords;
    Lower(best, Numbers(numbers, place.prefix), accepts);
    if (size == path.size()) Lower(best, Numbers(numbers + place.prefix, place.exact), accepts);
    if (size == path.size() || path[size] == '/') {
      Lower(best, Numbers(numbers + place.prefix + place.exact, place.separated), accepts);
    }
  });
}

template <typename F>
void PathIndex::FindRegexes(const Tree& tree, const uint32_t* words, std::string_view path, uint32_t& best,
                            const F& accepts) {
  tree.prefixes.ForEachPrefix(words, path, [&](uint32_t at, size_t) {
    Place place;
    std::memcpy(&place, words + at, sizeof place);
    const uint32_t* const pairs =
        words + at + kPlaceWords + place.prefix + place.exact + place.separated;
    if (place.regex == 0 || pairs[0] >= best) return;
    static thread_local std::vector<uint32_t> matching;
    if (place.regex_set != kNone && AskSet(*tree.regex_sets[place.regex_set], path, pairs, matching)) {
      Lower(best, matching, accepts);
      return;
    }
    for (uint32_t i = 0; i < place.regex && pairs[2 * i] < best; ++i) {
      if (!accepts(pairs[2 * i]) || !tree.regexes[pairs[2 * i + 1]].Matches(path)) continue;
      best = pairs[2 * i];
      return;
    }
  });
}

template <typename F>
uint32_t PathIndex::First(const uint32_t* words, std::string_view path, const F& accepts) const {
  uint32_t best = kNone;
  if (exact_case_) FindPlain(*exact_case_, words, path, best, accepts);
  if (ignore_case_) [[unlikely]] FindPlain(*ignore_case_, words, path, best, accepts);
  // Last, because they cost most: what comes behind the best so far is not asked.
  if (exact_case_ && !exact_case_->regexes.empty()) FindRegexes(*exact_case_, words, path, best, accepts);
  return best;
}

}  // namespace pillion::route
