#pragma once

// Finds the first of a virtual host's routes that a request matches without asking each of them: only those whose path
// begins as the request's does. Regular expressions are found by the plain text that they begin with, and where many
// begin with the same, by one automaton for all of them. Immutable; any thread.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "source/config/route.h"
#include "source/match/regex_sequence.h"
#include "source/match/regex_set.h"
#include "source/route/prefix_tree.h"

namespace pillion::route {

class PathIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  using Routes = std::span<const std::shared_ptr<const config::Route>>;

  // Most of it lies in `words`, which it is added to; an owner has one for all its indexes.
  PathIndex(Routes routes, Words& words);

  // The number of the first route whose path fits `path`, which has no query, and of which accepts(number) is true;
  // kNone when there is none. `words`: the first of them.
  template <typename F>
  uint32_t First(const uint32_t* words, std::string_view path, const F& accepts) const;

 private:
  // Routes whose paths have one text, all of it or what a regular expression begins with, are a place: these counts,
  // then their numbers, ascending within each kind. Behind the number of one with a regular expression stands where that
  // is: which of `regexes`, or, with kProgram, the word where its RegexSequence's size and program lie.
  struct Place {
    uint32_t prefix;
    uint32_t exact;
    uint32_t separated;
    uint32_t regex;
    uint32_t regex_set;  // one for all of `regex`; kNone where they are few
  };
  static constexpr uint32_t kProgram = 1u << 31;
  static constexpr size_t kPlaceWords = sizeof(Place) / sizeof(uint32_t);
  using Numbers = std::span<const uint32_t>;

  struct Tree {
    PrefixTree prefixes;  // gives where in the words the place of a text begins
    std::vector<match::Regex> regexes;
    std::vector<std::unique_ptr<match::RegexSet>> regex_sets;
  };

  static std::optional<Tree> MakeTree(Routes routes, bool ignore_case, Words& words);

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
  // `with_regexes` gets the places on the way that have some.
  template <typename F>
  static void FindPlain(const Tree& tree, const uint32_t* words, std::string_view path, uint32_t& best, const F& accepts,
                        std::vector<uint32_t>& with_regexes);
  template <typename F>
  static void FindRegexes(const Tree& tree, const uint32_t* words, std::string_view path, uint32_t& best, const F& accepts,
                          Numbers places);
  static bool Matches(const Tree& tree, const uint32_t* words, uint32_t where, std::string_view path) {
    if ((where & kProgram) == 0) return tree.regexes[where].Matches(path);
    const uint32_t* const program = words + (where & ~kProgram);
    return match::RegexSequence::Matches({reinterpret_cast<const char*>(program + 1), *program}, path);
  }
  // Those of a place that match. False: they have to be asked one by one.
  static bool AskSet(const match::RegexSet& set, std::string_view path, const uint32_t* regexes,
                     std::vector<uint32_t>& numbers);

  // Fetches what a lookup is going to read, all of it at once: each of its steps would wait for memory otherwise.
  void Prefetch(const uint32_t* words) const {
    constexpr uint32_t kLine = 64 / sizeof(uint32_t);
    constexpr uint32_t kMost = 12 * kLine;  // of a larger one most is not read
    const uint32_t end = begin_ + std::min(end_ - begin_, kMost);
    for (uint32_t at = begin_; at < end; at += kLine) __builtin_prefetch(words + at);
  }

  // The words that it has added.
  uint32_t begin_;
  uint32_t end_ = 0;
  // None where there are no such routes.
  std::optional<Tree> exact_case_;
  std::optional<Tree> ignore_case_;  // without regular expressions
};

template <typename F>
void PathIndex::FindPlain(const Tree& tree, const uint32_t* words, std::string_view path, uint32_t& best,
                          const F& accepts, std::vector<uint32_t>& with_regexes) {
  tree.prefixes.ForEachPrefix(words, path, [&](uint32_t at, size_t size) {
    Place place;
    std::memcpy(&place, words + at, sizeof place);
    const uint32_t* numbers = words + at + kPlaceWords;
    Lower(best, Numbers(numbers, place.prefix), accepts);
    if (size == path.size()) Lower(best, Numbers(numbers + place.prefix, place.exact), accepts);
    if (size == path.size() || path[size] == '/') {
      Lower(best, Numbers(numbers + place.prefix + place.exact, place.separated), accepts);
    }
    if (place.regex != 0) with_regexes.push_back(at);
  });
}

template <typename F>
void PathIndex::FindRegexes(const Tree& tree, const uint32_t* words, std::string_view path, uint32_t& best,
                            const F& accepts, Numbers places) {
  static thread_local std::vector<uint32_t> matching;
  for (const uint32_t at : places) {
    Place place;
    std::memcpy(&place, words + at, sizeof place);
    const uint32_t* const pairs =
        words + at + kPlaceWords + place.prefix + place.exact + place.separated;
    if (place.regex_set != kNone && pairs[0] < best && AskSet(*tree.regex_sets[place.regex_set], path, pairs, matching)) {
      Lower(best, matching, accepts);
      continue;
    }
    for (uint32_t i = 0; i < place.regex && pairs[2 * i] < best; ++i) {
      if (!accepts(pairs[2 * i]) || !Matches(tree, words, pairs[2 * i + 1], path)) continue;
      best = pairs[2 * i];
      break;
    }
  }
}

template <typename F>
uint32_t PathIndex::First(const uint32_t* words, std::string_view path, const F& accepts) const {
  static thread_local std::vector<uint32_t> with_regexes;
  Prefetch(words);
  uint32_t best = kNone;
  with_regexes.clear();
  if (exact_case_) FindPlain(*exact_case_, words, path, best, accepts, with_regexes);
  if (ignore_case_) [[unlikely]] FindPlain(*ignore_case_, words, path, best, accepts, with_regexes);
  // Last, because they cost most: what comes behind the best so far is not asked. Only exact_case_ has any.
  if (!with_regexes.empty()) FindRegexes(*exact_case_, words, path, best, accepts, with_regexes);
  return best;
}

}  // namespace pillion::route
