#pragma once

// Whether a value of a stream's metadata is what was asked for. Immutable.

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "source/match/header_matcher.h"
#include "source/match/string_matcher.h"
#include "source/metadata/annotations.h"

namespace pillion::match {

class ValueMatcher {
 public:
  struct IsNull {};
  struct IsNumber {  // from `begin` to below `end`, or exactly `begin`
    double begin = 0;
    double end = 0;
    bool exact = false;
  };
  // One element of a list is.
  struct HasElement {
    std::shared_ptr<const ValueMatcher> element;
  };
  struct IsOneOf {
    std::vector<ValueMatcher> matchers;
  };
  using Test = std::variant<IsNull, IsNumber, StringMatcher, bool, Present, HasElement, IsOneOf>;

  explicit ValueMatcher(Test test) : test_(std::move(test)) {}

  // Null: there is no value.
  bool Matches(const metadata::Value* value) const;

 private:
  Test test_;
};

// Of the value at `path`, from the outside in, of a namespace.
struct MetadataMatcher {
  std::string space;
  std::vector<std::string> path;  // not empty
  std::shared_ptr<const ValueMatcher> value;
  bool invert = false;

  // The value that is asked about; null: it is not there.
  const metadata::Value* Find(const metadata::DynamicMetadata& metadata) const;
  bool Matches(const metadata::Value* found) const { return value->Matches(found) != invert; }
};

// Of the text of an object of the filter state; one that is not there matches nothing.
struct StateMatcher {
  std::string name;
  StringMatcher text;

  bool Matches(const metadata::FilterState& state) const {
    const metadata::FilterState::Object* const object = state.Find(name);
    return object != nullptr && text.Matches(object->text);
  }
};

}  // namespace pillion::match
