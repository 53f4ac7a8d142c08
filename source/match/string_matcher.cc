#include "source/match/string_matcher.h"

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

}  // namespace pillion::match
