#include "source/match/regex_rewrite.h"

#include <re2/re2.h>

namespace pillion::match {
namespace {

constexpr int kMostGroups = 10;

// The next place in `text` where a match may begin: behind the whole character at `at` (UTF-8).
size_t NextCharacter(std::string_view text, size_t at) {
  ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
  return at;
}

}  // namespace

absl::StatusOr<RegexRewrite> RegexRewrite::Make(Regex regex, std::string substitution) {
  std::string error;
  if (!regex.re2().CheckRewriteString(substitution, &error)) return absl::InvalidArgumentError(error);
  const int groups = 1 + re2::RE2::MaxSubmatch(substitution);
  return RegexRewrite(std::move(regex), std::move(substitution), groups);
}

std::string_view RegexRewrite::Apply(std::string_view text, base::Arena& arena) const {
  re2::StringPiece groups[kMostGroups];
  const re2::StringPiece whole(text.data(), text.size());
  base::ArenaText result;
  size_t copied = 0;  // all before it is in `result`
  bool replaced = false;
  for (size_t at = 0; at <= text.size();) {
    if (!regex_.re2().Match(whole, at, text.size(), re2::RE2::UNANCHORED, groups, groups_)) break;
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    const bool nothing = groups[0].empty();
    if (nothing && begin == copied && replaced) {  // right behind a match, that is no match of its own
      at = NextCharacter(text, begin);
      continue;
    }
    result.Append(arena, text.substr(copied, begin - copied));
    Substitute(groups, result, arena);
    replaced = true;
    copied = begin + groups[0].size();
    at = nothing ? NextCharacter(text, copied) : copied;
  }
  if (!replaced) return text;
  result.Append(arena, text.substr(copied));
  return result.view();
}

void RegexRewrite::Substitute(const re2::StringPiece* groups, base::ArenaText& result, base::Arena& arena) const {
  for (size_t i = 0; i < substitution_.size(); ++i) {
    const char c = substitution_[i];
    if (c == '\\' && substitution_[i + 1] != '\\') {
      const re2::StringPiece& group = groups[substitution_[++i] - '0'];
      result.Append(arena, {group.data(), group.size()});
    } else {
      result.Append(arena, {&c, 1});
      i += c == '\\';
    }
  }
}

}  // namespace pillion::match
