#pragma once

// What the functions of functions.cc do: each as Function::Run has it. An argument of a kind that it does not take gives
// "no such overload".

#include <optional>
#include <span>

#include "source/expression/evaluation.h"

namespace pillion::expression {

using Arguments = std::span<const Value>;

inline Value NoOverload() { return Value::Error(ErrorCode::kNoSuchOverload); }

// Whether two values are the same: numbers by what they are worth, whatever their types; values of two kinds never. What
// holds others costs steps, for lists may hold one list many times; nothing: it would take more than there are left.
std::optional<bool> Same(const Value& a, const Value& b, Evaluation& evaluation);
// The same of what holds no others; lists and maps never are.
bool SameScalar(const Value& a, const Value& b);

// arithmetic.cc
Value Add(Arguments arguments, Evaluation& evaluation);
Value Subtract(Arguments arguments, Evaluation& evaluation);
Value Multiply(Arguments arguments, Evaluation& evaluation);
Value Divide(Arguments arguments, Evaluation& evaluation);
Value Remainder(Arguments arguments, Evaluation& evaluation);
Value Negate(Arguments arguments, Evaluation& evaluation);
Value Not(Arguments arguments, Evaluation& evaluation);
Value BitAnd(Arguments arguments, Evaluation& evaluation);

// comparison.cc
Value Equal(Arguments arguments, Evaluation& evaluation);
Value NotEqual(Arguments arguments, Evaluation& evaluation);
Value Less(Arguments arguments, Evaluation& evaluation);
Value LessOrEqual(Arguments arguments, Evaluation& evaluation);
Value Greater(Arguments arguments, Evaluation& evaluation);
Value GreaterOrEqual(Arguments arguments, Evaluation& evaluation);

// containers.cc
Value Index(Arguments arguments, Evaluation& evaluation);
Value In(Arguments arguments, Evaluation& evaluation);
Value Size(Arguments arguments, Evaluation& evaluation);
// A map with these entries: keys of kinds that a map may have, none twice.
Value MakeMap(Arguments keys_and_values, Evaluation& evaluation);
Value MakeList(Arguments items, Evaluation& evaluation);
// The entry of a map that belongs to the request; kTooLong: too much has been looked for already.
Value EntryOf(Attribute map, const Key& key, Evaluation& evaluation);
// Whether that is one.
inline Value HasEntry(const Value& entry) {
  return entry.is_error() && entry.error() == ErrorCode::kTooLong ? entry : Value::Bool(!entry.is_error());
}
// What a loop goes through: the elements of a list, the keys of a map. Else an error.
Value Elements(const Value& of, Evaluation& evaluation);

// text.cc
Value StartsWith(Arguments arguments, Evaluation& evaluation);
Value EndsWith(Arguments arguments, Evaluation& evaluation);
Value Contains(Arguments arguments, Evaluation& evaluation);
Value LowerAscii(Arguments arguments, Evaluation& evaluation);
Value UpperAscii(Arguments arguments, Evaluation& evaluation);

// conversion.cc
Value ToInt(Arguments arguments, Evaluation& evaluation);
Value ToUint(Arguments arguments, Evaluation& evaluation);
Value ToDouble(Arguments arguments, Evaluation& evaluation);
Value ToString(Arguments arguments, Evaluation& evaluation);
Value ToBytes(Arguments arguments, Evaluation& evaluation);
Value ToBool(Arguments arguments, Evaluation& evaluation);
Value ToDuration(Arguments arguments, Evaluation& evaluation);
Value ToTimestamp(Arguments arguments, Evaluation& evaluation);
Value TypeOf(Arguments arguments, Evaluation& evaluation);
Value Itself(Arguments arguments, Evaluation& evaluation);

// time_parts.cc
Value FullYear(Arguments arguments, Evaluation& evaluation);
Value Month(Arguments arguments, Evaluation& evaluation);
Value DayOfYear(Arguments arguments, Evaluation& evaluation);
Value DayOfMonth(Arguments arguments, Evaluation& evaluation);
Value Date(Arguments arguments, Evaluation& evaluation);
Value DayOfWeek(Arguments arguments, Evaluation& evaluation);
Value Hours(Arguments arguments, Evaluation& evaluation);
Value Minutes(Arguments arguments, Evaluation& evaluation);
Value WholeSeconds(Arguments arguments, Evaluation& evaluation);
Value Milliseconds(Arguments arguments, Evaluation& evaluation);

}  // namespace pillion::expression
