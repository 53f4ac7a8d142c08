#pragma once

// A regular expression and what each of its matches within a text becomes. Immutable, cheap to copy.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "source/base/arena.h"
#include "source/match/regex.h"

namespace re2 {
class StringPiece;
}  // namespace re2

namespace pillion::match {

class RegexRewrite {
 public:
  // In `substitution` \0 stands for a match, \1 to \9 for its groups, \\ for a backslash.
  static absl::StatusOr<RegexRewrite> Make(Regex regex, std::string substitution);

  // `text` with every match replaced; in `arena`, or `text` itself where nothing matches.
  std::string_view Apply(std::string_view text, base::Arena& arena) const;

 private:
  RegexRewrite(Regex regex, std::string substitution, int groups)
      : regex_(std::move(regex)), substitution_(std::move(substitution)), groups_(groups) {}

  void Substitute(const re2::StringPiece* groups, base::ArenaText& result, base::Arena& arena) const;

  Regex regex_;
  std::string substitution_;
  int groups_;  // that it uses, with \0
};

}  // namespace pillion::match
