#include "source/match/value_matcher.h"

#include <algorithm>

namespace pillion::match {
namespace {

using metadata::Value;

struct Asked {
  const Value& value;

  bool operator()(const ValueMatcher::IsNull&) const { return value.kind == Value::Kind::kNull; }
  bool operator()(const ValueMatcher::IsNumber& test) const {
    if (value.kind != Value::Kind::kNumber) return false;
    return test.exact ? value.number == test.begin : value.number >= test.begin && value.number < test.end;
  }
  bool operator()(const StringMatcher& test) const {
    return value.kind == Value::Kind::kText && test.Matches(value.text);
  }
  bool operator()(bool test) const { return value.kind == Value::Kind::kFlag && value.flag == test; }
  bool operator()(const Present& test) const { return test.value; }
  bool operator()(const ValueMatcher::HasElement& test) const {
    if (value.kind != Value::Kind::kList) return false;
    return std::any_of(value.members, value.members + value.size,
                       [&](const metadata::Member& member) { return test.element->Matches(&member.value); });
  }
  bool operator()(const ValueMatcher::IsOneOf& test) const {
    return std::any_of(test.matchers.begin(), test.matchers.end(),
                       [&](const ValueMatcher& matcher) { return matcher.Matches(&value); });
  }
};

}  // namespace

bool ValueMatcher::Matches(const Value* value) const {
  if (value != nullptr) return std::visit(Asked{*value}, test_);
  const auto* const present = std::get_if<Present>(&test_);
  return present != nullptr && !present->value;
}

const Value* MetadataMatcher::Find(const metadata::DynamicMetadata& metadata) const {
  const Value* found = metadata.Find(space, path[0]);
  for (size_t i = 1; i < path.size() && found != nullptr; ++i) found = metadata::Find(*found, path[i]);
  return found;
}

}  // namespace pillion::match
