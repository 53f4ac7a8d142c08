#pragma once

// Whether a query parameter or a cookie is what was asked for. Of several with the name the first counts. Immutable.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "source/http/parameters.h"
#include "source/match/header_matcher.h"

namespace pillion::match {

class QueryMatcher {
 public:
  using Test = std::variant<Present, StringMatcher>;

  QueryMatcher(std::string name, Test test) : name_(std::move(name)), test_(std::move(test)) {}

  // `path` with its query.
  bool Matches(std::string_view path) const {
    const std::optional<std::string_view> value = http::FindQueryParameter(path, name_);
    if (const auto* present = std::get_if<Present>(&test_)) return value.has_value() == present->value;
    return value && std::get<StringMatcher>(test_).Matches(*value);
  }

  const std::string& name() const { return name_; }
  // What it asks for, for who reads it.
  std::string Text() const {
    if (const auto* present = std::get_if<Present>(&test_)) return present->value ? "present" : "absent";
    return std::get<StringMatcher>(test_).Text();
  }

 private:
  std::string name_;
  Test test_;
};

class CookieMatcher {
 public:
  CookieMatcher(std::string name, StringMatcher test, bool invert = false)
      : name_(std::move(name)), test_(std::move(test)), invert_(invert) {}

  bool Matches(const http::HeaderMap& headers) const {
    const std::optional<std::string_view> value = http::FindCookie(headers, name_);
    return (value && test_.Matches(*value)) != invert_;
  }

  const std::string& name() const { return name_; }
  // What it asks for, for who reads it.
  std::string Text() const { return (invert_ ? "not " : "") + test_.Text(); }

 private:
  std::string name_;
  StringMatcher test_;
  bool invert_;
};

}  // namespace pillion::match
