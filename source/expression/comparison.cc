// What is the same, and what comes before what. Numbers of different types are compared by what they are worth (cel-spec,
// "Equality" and "Ordering").

#include <array>
#include <compare>

#include "source/expression/operations.h"

namespace pillion::expression {
namespace {

std::partial_ordering CompareInts(int64_t a, uint64_t b) {
  return a < 0 ? std::partial_ordering::less : static_cast<uint64_t>(a) <=> b;
}

// Beside a double an int is the double that is next to it: from 2^53 on several are the same one.
std::partial_ordering CompareNumbers(const Value& a, const Value& b) {
  switch (a.kind()) {
    case Kind::kInt:
      if (b.Is(Kind::kInt)) return a.int_value() <=> b.int_value();
      if (b.Is(Kind::kUint)) return CompareInts(a.int_value(), b.uint_value());
      return static_cast<double>(a.int_value()) <=> b.double_value();
    case Kind::kUint:
      if (b.Is(Kind::kInt)) return 0 <=> CompareInts(b.int_value(), a.uint_value());
      if (b.Is(Kind::kUint)) return a.uint_value() <=> b.uint_value();
      return static_cast<double>(a.uint_value()) <=> b.double_value();
    default:
      if (b.Is(Kind::kInt)) return a.double_value() <=> static_cast<double>(b.int_value());
      if (b.Is(Kind::kUint)) return a.double_value() <=> static_cast<double>(b.uint_value());
      return a.double_value() <=> b.double_value();
  }
}

// Nothing of what has no order.
bool Compare(const Value& a, const Value& b, std::partial_ordering& order) {
  if (a.is_number() && b.is_number()) {
    order = CompareNumbers(a, b);
    return true;
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kBool:
      order = a.bool_value() <=> b.bool_value();
      return true;
    case Kind::kString:  // the order of UTF-8's bytes is that of its characters
    case Kind::kBytes:
      order = a.text() <=> b.text();
      return true;
    case Kind::kDuration:
    case Kind::kTimestamp:
      order = a.seconds() <=> b.seconds();
      return true;
    default:
      return false;
  }
}

// Of what an entry is compared with: an error says that there is none, or that it took too long.
std::optional<bool> SameEntry(const Value& a, const Value& b, Evaluation& evaluation) {
  for (const Value& value : {a, b}) {
    if (value.is_error() && value.error() == ErrorCode::kTooLong) return std::nullopt;
    if (value.is_error()) return false;
  }
  return Same(a, b, evaluation);
}

std::optional<bool> SameLists(std::span<const Value> a, std::span<const Value> b, Evaluation& evaluation) {
  if (a.size() != b.size()) return false;
  if (!evaluation.Step(1 + a.size() / kValuesInStep)) return std::nullopt;
  for (size_t i = 0; i < a.size(); ++i) {
    const std::optional<bool> same = Same(a[i], b[i], evaluation);
    if (same != true) return same;
  }
  return true;
}

std::optional<bool> SameMaps(const Value& a, const Value& b, Evaluation& evaluation) {
  if (a.entries().size() != b.entries().size()) return false;
  if (!evaluation.Step(1)) return std::nullopt;
  for (const MapEntry& entry : a.entries()) {
    const std::optional<bool> same = SameEntry(entry.value, Index(std::array{b, entry.key}, evaluation), evaluation);
    if (same != true) return same;
  }
  return true;
}

// With a map that is looked into: its entries one by one.
std::optional<bool> SameLookup(const Value& lookup, const Value& other, Evaluation& evaluation) {
  const Value keys = Elements(lookup, evaluation);
  const Value others = Elements(other, evaluation);
  if (keys.is_error() || others.is_error() || keys.items().size() != others.items().size()) return false;
  if (!evaluation.Step(1 + keys.items().size() / kValuesInStep)) return std::nullopt;
  for (const Value& key : keys.items()) {
    const Value here = Index(std::array{lookup, key}, evaluation);
    const std::optional<bool> same = SameEntry(here, Index(std::array{other, key}, evaluation), evaluation);
    if (same != true) return same;
  }
  return true;
}

Value BoolOr(std::optional<bool> decided) {
  return decided ? Value::Bool(*decided) : Value::Error(ErrorCode::kTooLong);
}

}  // namespace

bool SameScalar(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNull:
      return true;
    case Kind::kBool:
      return a.bool_value() == b.bool_value();
    case Kind::kString:
    case Kind::kBytes:
      return a.text() == b.text();
    case Kind::kDuration:
    case Kind::kTimestamp:
      return a.seconds() == b.seconds();
    case Kind::kType:
      return a.type() == b.type();
    default:
      return false;
  }
}

std::optional<bool> Same(const Value& a, const Value& b, Evaluation& evaluation) {
  const bool maps = (a.Is(Kind::kMap) || a.Is(Kind::kLookup)) && (b.Is(Kind::kMap) || b.Is(Kind::kLookup));
  if (maps && !(a.Is(Kind::kMap) && b.Is(Kind::kMap))) return SameLookup(a, b, evaluation);
  if (maps) return SameMaps(a, b, evaluation);
  if (a.Is(Kind::kList) && b.Is(Kind::kList)) return SameLists(a.items(), b.items(), evaluation);
  const bool texts = a.kind() == b.kind() && (a.Is(Kind::kString) || a.Is(Kind::kBytes));
  if (texts && a.text().size() == b.text().size() && !evaluation.Step(a.text().size() / kBytesInStep)) return std::nullopt;
  return SameScalar(a, b);
}

Value Equal(Arguments arguments, Evaluation& evaluation) {
  return BoolOr(Same(arguments[0], arguments[1], evaluation));
}
Value NotEqual(Arguments arguments, Evaluation& evaluation) {
  const Value same = Equal(arguments, evaluation);
  return same.is_error() ? same : Value::Bool(!same.bool_value());
}

Value Less(Arguments arguments, Evaluation&) {
  std::partial_ordering order = std::partial_ordering::unordered;
  return Compare(arguments[0], arguments[1], order) ? Value::Bool(order < 0) : NoOverload();
}
Value LessOrEqual(Arguments arguments, Evaluation&) {
  std::partial_ordering order = std::partial_ordering::unordered;
  return Compare(arguments[0], arguments[1], order) ? Value::Bool(order <= 0) : NoOverload();
}
Value Greater(Arguments arguments, Evaluation&) {
  std::partial_ordering order = std::partial_ordering::unordered;
  return Compare(arguments[0], arguments[1], order) ? Value::Bool(order > 0) : NoOverload();
}
Value GreaterOrEqual(Arguments arguments, Evaluation&) {
  std::partial_ordering order = std::partial_ordering::unordered;
  return Compare(arguments[0], arguments[1], order) ? Value::Bool(order >= 0) : NoOverload();
}

}  // namespace pillion::expression
