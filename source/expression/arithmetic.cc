// Arithmetic: what does not fit its type is an error, never another number (cel-spec, "Numeric Values").

#include <cmath>
#include <cstring>

#include "source/expression/operations.h"
#include "source/expression/time.h"

namespace pillion::expression {
namespace {

Value Overflow() { return Value::Error(ErrorCode::kOverflow); }

bool Are(Arguments arguments, Kind kind) { return arguments[0].Is(kind) && arguments[1].Is(kind); }

Value DurationOf(Seconds length) { return IsDuration(length) ? Value::Duration(length) : Overflow(); }
Value TimestampOf(Seconds since) { return IsTimestamp(since) ? Value::Timestamp(since) : Overflow(); }

// Neither is far enough from 0 for a sum of them to overflow.
Seconds Sum(Seconds a, Seconds b) {
  const uint32_t nanos = a.nanos + b.nanos;
  return {a.seconds + b.seconds + (nanos >= kNanos), nanos >= kNanos ? nanos - kNanos : nanos};
}
Seconds Difference(Seconds a, Seconds b) {
  return {a.seconds - b.seconds - (a.nanos < b.nanos), a.nanos < b.nanos ? a.nanos + kNanos - b.nanos : a.nanos - b.nanos};
}

Value Joined(const Value& a, const Value& b, Evaluation& evaluation) {
  const std::string_view first = a.text(), second = b.text();
  if (second.empty()) return a;
  if (first.empty()) return b;
  char* to = evaluation.AllocateText(first.size() + second.size());
  if (to == nullptr) return Value::Error(ErrorCode::kTooLarge);
  std::memcpy(to, first.data(), first.size());
  std::memcpy(to + first.size(), second.data(), second.size());
  const std::string_view both(to, first.size() + second.size());
  return a.Is(Kind::kString) ? Value::String(both) : Value::Bytes(both);
}

Value JoinedLists(const Value& a, const Value& b, Evaluation& evaluation) {
  const std::span<const Value> first = a.items(), second = b.items();
  if (second.empty()) return a;
  if (first.empty()) return b;
  Value* to = evaluation.AllocateValues(first.size() + second.size());
  if (to == nullptr) return Value::Error(ErrorCode::kTooLarge);
  std::memcpy(to, first.data(), first.size_bytes());
  std::memcpy(to + first.size(), second.data(), second.size_bytes());
  return Value::List({to, first.size() + second.size()});
}

}  // namespace

Value Add(Arguments arguments, Evaluation& evaluation) {
  const Value &a = arguments[0], &b = arguments[1];
  if (Are(arguments, Kind::kInt)) {
    int64_t sum;
    return __builtin_add_overflow(a.int_value(), b.int_value(), &sum) ? Overflow() : Value::Int(sum);
  }
  if (Are(arguments, Kind::kUint)) {
    uint64_t sum;
    return __builtin_add_overflow(a.uint_value(), b.uint_value(), &sum) ? Overflow() : Value::Uint(sum);
  }
  if (Are(arguments, Kind::kDouble)) return Value::Double(a.double_value() + b.double_value());
  if (Are(arguments, Kind::kString) || Are(arguments, Kind::kBytes)) return Joined(a, b, evaluation);
  if (Are(arguments, Kind::kList)) return JoinedLists(a, b, evaluation);
  if (Are(arguments, Kind::kDuration)) return DurationOf(Sum(a.seconds(), b.seconds()));
  if ((a.Is(Kind::kTimestamp) && b.Is(Kind::kDuration)) || (a.Is(Kind::kDuration) && b.Is(Kind::kTimestamp))) {
    return TimestampOf(Sum(a.seconds(), b.seconds()));
  }
  return NoOverload();
}

Value Subtract(Arguments arguments, Evaluation&) {
  const Value &a = arguments[0], &b = arguments[1];
  if (Are(arguments, Kind::kInt)) {
    int64_t difference;
    return __builtin_sub_overflow(a.int_value(), b.int_value(), &difference) ? Overflow() : Value::Int(difference);
  }
  if (Are(arguments, Kind::kUint)) {
    uint64_t difference;
    return __builtin_sub_overflow(a.uint_value(), b.uint_value(), &difference) ? Overflow() : Value::Uint(difference);
  }
  if (Are(arguments, Kind::kDouble)) return Value::Double(a.double_value() - b.double_value());
  if (Are(arguments, Kind::kDuration) || Are(arguments, Kind::kTimestamp)) {
    return DurationOf(Difference(a.seconds(), b.seconds()));
  }
  if (a.Is(Kind::kTimestamp) && b.Is(Kind::kDuration)) return TimestampOf(Difference(a.seconds(), b.seconds()));
  return NoOverload();
}

Value Multiply(Arguments arguments, Evaluation&) {
  const Value &a = arguments[0], &b = arguments[1];
  if (Are(arguments, Kind::kInt)) {
    int64_t product;
    return __builtin_mul_overflow(a.int_value(), b.int_value(), &product) ? Overflow() : Value::Int(product);
  }
  if (Are(arguments, Kind::kUint)) {
    uint64_t product;
    return __builtin_mul_overflow(a.uint_value(), b.uint_value(), &product) ? Overflow() : Value::Uint(product);
  }
  if (Are(arguments, Kind::kDouble)) return Value::Double(a.double_value() * b.double_value());
  return NoOverload();
}

Value Divide(Arguments arguments, Evaluation&) {
  const Value &a = arguments[0], &b = arguments[1];
  if (Are(arguments, Kind::kInt)) {
    if (b.int_value() == 0) return Value::Error(ErrorCode::kDivisionByZero);
    if (a.int_value() == INT64_MIN && b.int_value() == -1) return Overflow();
    return Value::Int(a.int_value() / b.int_value());
  }
  if (Are(arguments, Kind::kUint)) {
    if (b.uint_value() == 0) return Value::Error(ErrorCode::kDivisionByZero);
    return Value::Uint(a.uint_value() / b.uint_value());
  }
  if (!Are(arguments, Kind::kDouble)) return NoOverload();
  const double dividend = a.double_value(), divisor = b.double_value();
  if (divisor != 0 || std::isnan(divisor)) return Value::Double(dividend / divisor);
  // IEEE 754 says what this is, C++ does not.
  if (dividend == 0 || std::isnan(dividend)) return Value::Double(NAN);
  return Value::Double(std::signbit(dividend) == std::signbit(divisor) ? INFINITY : -INFINITY);
}

Value Remainder(Arguments arguments, Evaluation&) {
  const Value &a = arguments[0], &b = arguments[1];
  if (Are(arguments, Kind::kInt)) {
    if (b.int_value() == 0) return Value::Error(ErrorCode::kDivisionByZero);
    if (a.int_value() == INT64_MIN && b.int_value() == -1) return Overflow();
    return Value::Int(a.int_value() % b.int_value());
  }
  if (!Are(arguments, Kind::kUint)) return NoOverload();
  if (b.uint_value() == 0) return Value::Error(ErrorCode::kDivisionByZero);
  return Value::Uint(a.uint_value() % b.uint_value());
}

Value Negate(Arguments arguments, Evaluation&) {
  const Value& a = arguments[0];
  if (a.Is(Kind::kDouble)) return Value::Double(-a.double_value());
  if (!a.Is(Kind::kInt)) return NoOverload();
  return a.int_value() == INT64_MIN ? Overflow() : Value::Int(-a.int_value());
}

Value Not(Arguments arguments, Evaluation&) {
  return arguments[0].Is(Kind::kBool) ? Value::Bool(!arguments[0].bool_value()) : NoOverload();
}

Value BitAnd(Arguments arguments, Evaluation&) {
  const Value &a = arguments[0], &b = arguments[1];
  if (Are(arguments, Kind::kInt)) return Value::Int(a.int_value() & b.int_value());
  if (Are(arguments, Kind::kUint)) return Value::Uint(a.uint_value() & b.uint_value());
  return NoOverload();
}

}  // namespace pillion::expression
