#include "source/match/string_matcher.h"

#include <array>

#include "source/base/escape.h"
#include "source/http/syntax.h"

namespace pillion::match {
namespace {

// `part` is in lower case.
bool ContainsIgnoringCase(std::string_view text, std::string_view part) {
  for (size_t i = 0; i + part.size() <= text.size(); ++i) {
    if (http::EqualsIgnoreCase(text.substr(i, part.size()), part)) return true;
  }
  return false;
}

}  // namespace

StringMatcher::StringMatcher(Kind kind, std::string text, bool ignore_case)
    : kind_(kind), ignore_case_(ignore_case), text_(std::move(text)) {
  if (ignore_case_) http::CopyLowerCase(std::string(text_), text_.data());
}

bool StringMatcher::Matches(std::string_view text) const {
  if (regex_) return regex_->Matches(text);
  const auto equal = [this](std::string_view part) {
    return ignore_case_ ? http::EqualsIgnoreCase(part, text_) : part == text_;
  };
  switch (kind_) {
    case Kind::kExact:
      return equal(text);
    case Kind::kPrefix:
      return text.size() >= text_.size() && equal(text.substr(0, text_.size()));
    case Kind::kSuffix:
      return text.size() >= text_.size() && equal(text.substr(text.size() - text_.size()));
    case Kind::kContains:
      return ignore_case_ ? ContainsIgnoringCase(text, text_) : text.find(text_) != std::string_view::npos;
  }
  return false;
}

std::string StringMatcher::Text() const {
  constexpr std::array<std::string_view, 4> kWords = {"", "begins with ", "ends with ", "contains "};
  constexpr size_t kMost = 200;
  std::string text(regex_ ? "matches " : kWords[static_cast<size_t>(kind_)]);
  text += '"';
  base::AppendPrintable(text, base::CutUtf8(regex_ ? regex_->pattern() : text_, kMost));
  return text += '"';
}

}  // namespace pillion::match
