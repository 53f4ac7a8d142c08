#pragma once

// Whether the head of an answer is what was asked for: rules about its fields, put together by "and", "or" and "not".
// Immutable; any thread.

#include <cstdint>
#include <vector>

#include "source/http/message.h"
#include "source/match/header_matcher.h"

namespace pillion::match {

class AnswerMatcher {
 public:
  enum class Kind : uint8_t { kAny, kFields, kAnd, kOr, kNot };

  // Every answer.
  AnswerMatcher() = default;
  // All of them.
  explicit AnswerMatcher(std::vector<HeaderMatcher> fields) : kind_(Kind::kFields), fields_(std::move(fields)) {}
  // kAnd, kOr: of at least one part; kNot: of one.
  AnswerMatcher(Kind kind, std::vector<AnswerMatcher> parts) : kind_(kind), parts_(std::move(parts)) {}

  bool Matches(const http::ResponseHead& head) const;

 private:
  Kind kind_ = Kind::kAny;
  std::vector<HeaderMatcher> fields_;
  std::vector<AnswerMatcher> parts_;
};

}  // namespace pillion::match
