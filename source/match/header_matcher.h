#pragma once

// Whether a field of a head is what was asked for. Several fields of one name are what was asked for when one of them
// is, or the list that they make up (RFC 9110, 5.3): nobody gets past a test by dividing a value. A field that is not
// there matches nothing, not even inverted: only a test of presence is told of it, or any test when a missing field
// counts as an empty one. Immutable.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "source/http/field_name.h"
#include "source/match/string_matcher.h"

namespace pillion::match {

// `value` is of the type that is asked for: the field is there or not.
struct Present {
  bool value = true;
};

// A whole number, `begin` and up, below `end`.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
};

class HeaderMatcher {
 public:
  using Test = std::variant<Present, StringMatcher, Range>;

  HeaderMatcher(http::FieldName name, Test test, bool invert = false, bool missing_is_empty = false)
      : name_(std::move(name)), test_(std::move(test)), invert_(invert), missing_is_empty_(missing_is_empty) {}

  // `head` is a RequestHead, a ResponseHead or a HeaderMap.
  template <typename Head>
  bool Matches(const Head& head) const {
    return Matches(name_.First(head), FieldsOf(head));
  }

  // Of several fields of that name some are what is asked for, but neither all of them nor the list that they make up:
  // it depends on whose value counts.
  template <typename Head>
  bool IsDivided(const Head& head) const {
    return IsDividedAmong(FieldsOf(head));
  }

  // As of a head that does not have the field.
  bool MatchesMissing() const;

  const http::FieldName& name() const { return name_; }
  // What it asks for, for who reads it: "x", not begins with "x", present, 1 to 9.
  std::string Text() const;

 private:
  static const http::HeaderMap& FieldsOf(const http::HeaderMap& headers) { return headers; }
  template <typename Head>
  static const http::HeaderMap& FieldsOf(const Head& head) {
    return head.headers;
  }
  bool Matches(std::optional<std::string_view> first, const http::HeaderMap& headers) const;
  bool IsDividedAmong(const http::HeaderMap& headers) const;
  bool Is(std::string_view value) const;

  http::FieldName name_;
  Test test_;
  bool invert_;
  bool missing_is_empty_;
};

}  // namespace pillion::match
