#include "source/config/build_answer_matcher.h"

#include <utility>
#include <vector>

#include "envoy/config/common/matcher/v3/matcher.pb.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using Predicate = envoy::config::common::matcher::v3::MatchPredicate;

// Deeper is no predicate that somebody wrote.
constexpr int kDeepestPredicate = 16;

match::AnswerMatcher Build(BuildContext& context, const Predicate& from, const std::string& path, int depth) {
  using Kind = match::AnswerMatcher::Kind;
  if (depth > kDeepestPredicate) {
    context.errors.Add(path, Concat("predicates in each other, expected at most ", kDeepestPredicate));
    return {};
  }
  const auto build_set = [&](Kind kind, const Predicate::MatchSet& set, std::string_view field) {
    const std::string rules = FieldPath(FieldPath(path, field), "rules");
    if (set.rules_size() == 1) context.errors.Add(rules, "1 rule, expected at least 2");
    std::vector<match::AnswerMatcher> parts;
    for (int i = 0; i < set.rules_size(); ++i) {
      parts.push_back(Build(context, set.rules(i), ElementPath(rules, i), depth + 1));
    }
    return match::AnswerMatcher(kind, std::move(parts));
  };
  if (from.has_or_match()) return build_set(Kind::kOr, from.or_match(), "or_match");
  if (from.has_and_match()) return build_set(Kind::kAnd, from.and_match(), "and_match");
  if (from.has_not_match()) {
    std::vector<match::AnswerMatcher> part;
    part.push_back(Build(context, from.not_match(), FieldPath(path, "not_match"), depth + 1));
    return match::AnswerMatcher(Kind::kNot, std::move(part));
  }
  if (from.has_http_response_headers_match()) {
    const std::string headers = FieldPath(path, "http_response_headers_match.headers");
    std::vector<match::HeaderMatcher> fields;
    for (int i = 0; i < from.http_response_headers_match().headers_size(); ++i) {
      fields.push_back(
          BuildHeaderMatcher(context, from.http_response_headers_match().headers(i), ElementPath(headers, i)));
    }
    return match::AnswerMatcher(std::move(fields));
  }
  if (from.has_any_match() && !from.any_match()) {
    context.errors.Add(FieldPath(path, "any_match"), "false, expected true");
  }
  return {};
}

}  // namespace

match::AnswerMatcher BuildAnswerMatcher(BuildContext& context, const Predicate& from, const std::string& path) {
  return Build(context, from, path, 0);
}

}  // namespace pillion::config
