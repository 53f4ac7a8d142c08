#pragma once

// Whether a text is what was asked for. Immutable.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "source/match/regex.h"

namespace pillion::match {

class StringMatcher {
 public:
  enum class Kind : uint8_t { kExact, kPrefix, kSuffix, kContains };

  StringMatcher(Kind kind, std::string text, bool ignore_case = false);
  // The whole text matches.
  explicit StringMatcher(Regex regex) : regex_(std::move(regex)) {}

  bool Matches(std::string_view text) const;
  // What it asks for, for who reads it: "x", begins with "x", matches "x".
  std::string Text() const;

 private:
  Kind kind_ = Kind::kExact;
  bool ignore_case_ = false;
  std::string text_;  // in lower case where that is ignored
  std::optional<Regex> regex_;
};

}  // namespace pillion::match
