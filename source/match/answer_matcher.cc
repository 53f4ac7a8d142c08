#include "source/match/answer_matcher.h"

#include <algorithm>

namespace pillion::match {

bool AnswerMatcher::Matches(const http::ResponseHead& head) const {
  const auto matches = [&head](const auto& part) { return part.Matches(head); };
  switch (kind_) {
    case Kind::kAny:
      return true;
    case Kind::kFields:
      return std::ranges::all_of(fields_, matches);
    case Kind::kAnd:
      return std::ranges::all_of(parts_, matches);
    case Kind::kOr:
      return std::ranges::any_of(parts_, matches);
    case Kind::kNot:
      return !parts_.front().Matches(head);
  }
  return false;
}

}  // namespace pillion::match
