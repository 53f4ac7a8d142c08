#pragma once

// Finds the first of a virtual host's routes that a request matches without asking each of them: only those whose path
// begins as the request's does. Regular expressions are found by the plain text that they begin with, and where many
// begin with the same, by one automaton for all of them. Immutable; any thread.

#include <cstdint>
#include <memory>
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

  // `routes` outlive it.
  explicit PathIndex(std::span<const config::Route> routes);

  // The number of the first route whose path fits `path`, which has no query, and of which accepts(number) is true;
  // kNone when there is none.
  template <typename F>
  uint32_t First(std::string_view path, const F& accepts) const;

 private:
  using Numbers = std::vector<uint32_t>;  // of routes, ascending

  // Routes whose paths have one text: all of it, or what a regular expression begins with.
  struct Place {
    Numbers exact;
    Numbers separated;
    Numbers prefix;
    Numbers regex;
    std::unique_ptr<match::RegexSet> all_regexes;  // where there are many
  };

  struct Tree {
    Tree(const std::vector<std::string>& texts, std::vector<Place> places, bool ignore_case)
        : prefixes(texts, ignore_case), places(std::move(places)) {}

    PrefixTree prefixes;
    std::vector<Place> places;  // in the order of the texts
    bool has_regexes = false;
  };

  static std::unique_ptr<Tree> MakeTree(std::span<const config::Route> routes, bool ignore_case);

  template <typename F>
  static void Lower(uint32_t& best, const Numbers& numbers, const F& accepts) {
    for (const uint32_t number : numbers) {
      if (number >= best) return;
      if (accepts(number)) {
        best = number;
        return;
      }
    }
  }
  template <typename F>
  static void FindPlain(const Tree& tree, std::string_view path, uint32_t& best, const F& accepts);
  // Those of `place` that match, by the automaton. False: they have to be asked one by one.
  static bool FindRegexes(const Place& place, std::string_view path, std::vector<uint32_t>& numbers);

  std::span<const config::Route> routes_;
  std::unique_ptr<Tree> exact_case_;   // null: there are no such routes
  std::unique_ptr<Tree> ignore_case_;  // the same
};

template <typename F>
void PathIndex::FindPlain(const Tree& tree, std::string_view path, uint32_t& best, const F& accepts) {
  tree.prefixes.ForEachPrefix(path, [&](uint32_t text, size_t size) {
    const Place& place = tree.places[text];
    Lower(best, place.prefix, accepts);
    if (size == path.size()) Lower(best, place.exact, accepts);
    if (size == path.size() || path[size] == '/') Lower(best, place.separated, accepts);
  });
}

template <typename F>
uint32_t PathIndex::First(std::string_view path, const F& accepts) const {
  uint32_t best = kNone;
  if (exact_case_ != nullptr) FindPlain(*exact_case_, path, best, accepts);
  if (ignore_case_ != nullptr) FindPlain(*ignore_case_, path, best, accepts);
  if (exact_case_ == nullptr || !exact_case_->has_regexes) return best;
  // Last, because they cost most: what comes behind the best so far is not asked.
  exact_case_->prefixes.ForEachPrefix(path, [&](uint32_t text, size_t) {
    const Place& place = exact_case_->places[text];
    if (place.regex.empty() || place.regex.front() >= best) return;
    static thread_local std::vector<uint32_t> matching;
    if (place.all_regexes != nullptr && FindRegexes(place, path, matching)) {
      Lower(best, matching, accepts);
    } else {
      Lower(best, place.regex,
            [&](uint32_t number) { return accepts(number) && routes_[number].match.MatchesPath(path); });
    }
  });
  return best;
}

}  // namespace pillion::route
