#include "source/match/header_matcher.h"

#include "absl/strings/numbers.h"

namespace pillion::match {

bool HeaderMatcher::Is(std::string_view value) const {
  if (const auto* string = std::get_if<StringMatcher>(&test_)) return string->Matches(value);
  const auto& range = std::get<Range>(test_);
  int64_t number = 0;
  return absl::SimpleAtoi(absl::string_view(value.data(), value.size()), &number) && number >= range.begin &&
         number < range.end;
}

bool HeaderMatcher::MatchesMissing() const {
  if (const auto* present = std::get_if<Present>(&test_)) return (missing_is_empty_ == present->value) != invert_;
  return missing_is_empty_ && Is("") != invert_;
}

std::string HeaderMatcher::Text() const {
  std::string text;
  if (const auto* present = std::get_if<Present>(&test_)) return present->value != invert_ ? "present" : "absent";
  if (invert_) text = "not ";
  if (const auto* string = std::get_if<StringMatcher>(&test_)) {
    text += string->Text();
  } else {
    const auto& range = std::get<Range>(test_);
    text += "a number from " + std::to_string(range.begin) + " to below " + std::to_string(range.end);
  }
  return missing_is_empty_ ? text + ", absent counts as empty" : text;
}

bool HeaderMatcher::Matches(std::optional<std::string_view> first, const http::HeaderMap& headers) const {
  if (!first) return MatchesMissing();
  if (const auto* present = std::get_if<Present>(&test_)) return present->value != invert_;
  if (Is(*first)) return !invert_;
  size_t count = 0;
  for (const http::HeaderField& field : headers) {
    if (name_.Is(field) && ++count > 1 && Is(field.value())) return !invert_;
  }
  return (count > 1 && Is(*name_.All(headers))) != invert_;
}

bool HeaderMatcher::IsDividedAmong(const http::HeaderMap& headers) const {
  if (std::holds_alternative<Present>(test_)) return false;
  size_t count = 0, good = 0;
  for (const http::HeaderField& field : headers) {
    if (!name_.Is(field)) continue;
    ++count;
    if (Is(field.value())) ++good;
  }
  return good > 0 && good < count && !Is(*name_.All(headers));
}

}  // namespace pillion::match
