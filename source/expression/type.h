#pragma once

// What is known of a value before there is one. Used while expressions are compiled, never on the way of a request.

#include <memory>
#include <string>

#include "source/expression/value.h"

namespace pillion::expression {

class Type {
 public:
  // Anything: only the evaluation tells.
  Type() = default;
  // Not of a list or map; kLookup and kError are no types.
  Type(Kind kind) : kind_(kind) {}  // NOLINT: a kind is a type
  static Type List(Type element);
  static Type Map(Type key, Type value);

  bool is_dynamic() const { return kind_ == Kind::kError; }
  Kind kind() const { return kind_; }  // of one that is not dynamic
  bool Is(Kind kind) const { return kind_ == kind; }
  // Of a list or map; else anything.
  Type element() const;
  Type key() const;

  // A value may be of both: they are the same as far as both are known.
  bool Fits(const Type& other) const;
  // What fits either: anything, where they have nothing in common.
  Type Joined(const Type& other) const;

  std::string Text() const;  // "int", "map(string, dyn)"

 private:
  struct Parts;

  Kind kind_ = Kind::kError;
  std::shared_ptr<const Parts> parts_;  // of a list or a map
};

}  // namespace pillion::expression
