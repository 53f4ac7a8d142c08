// From type to type. What has no counterpart is an error, never something near it.

#include <charconv>
#include <cmath>
#include <cstring>

#include "absl/strings/numbers.h"
#include "source/base/escape.h"
#include "source/expression/operations.h"
#include "source/expression/time.h"

namespace pillion::expression {
namespace {

Value Failed() { return Value::Error(ErrorCode::kBadConversion); }
Value Overflow() { return Value::Error(ErrorCode::kOverflow); }

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = base::Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Value Copied(std::string_view text, Evaluation& evaluation) {
  char* to = evaluation.AllocateText(text.size());
  if (to == nullptr) return Value::Error(ErrorCode::kTooLarge);
  std::memcpy(to, text.data(), text.size());
  return Value::String({to, text.size()});
}

// As few digits as say the same.
template <typename Number>
Value Written(Number number, Evaluation& evaluation) {
  char text[kLongestTime];
  return Copied({text, static_cast<size_t>(std::to_chars(text, text + sizeof text, number).ptr - text)}, evaluation);
}

// All of it is a number of decimal digits.
template <typename Number>
Value ParseWhole(std::string_view text, Value (*make)(Number)) {
  Number number = 0;
  const std::from_chars_result read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? make(number) : Failed();
}

}  // namespace

Value ToInt(Arguments arguments, Evaluation&) {
  const Value& from = arguments[0];
  switch (from.kind()) {
    case Kind::kInt:
      return from;
    case Kind::kUint:
      return from.uint_value() > INT64_MAX ? Overflow() : Value::Int(static_cast<int64_t>(from.uint_value()));
    case Kind::kDouble: {
      const double number = from.double_value();
      // Both ends are out: a double that is there may stand for one that was beyond.
      return number > -0x1p63 && number < 0x1p63 ? Value::Int(static_cast<int64_t>(number)) : Overflow();
    }
    case Kind::kString:
      return ParseWhole<int64_t>(from.text(), &Value::Int);
    case Kind::kTimestamp:
      return Value::Int(from.seconds().seconds);
    default:
      return NoOverload();
  }
}

Value ToUint(Arguments arguments, Evaluation&) {
  const Value& from = arguments[0];
  switch (from.kind()) {
    case Kind::kInt:
      return from.int_value() < 0 ? Overflow() : Value::Uint(static_cast<uint64_t>(from.int_value()));
    case Kind::kUint:
      return from;
    case Kind::kDouble: {
      const double number = from.double_value();
      return number >= 0 && number < 0x1p64 ? Value::Uint(static_cast<uint64_t>(number)) : Overflow();
    }
    case Kind::kString:
      return ParseWhole<uint64_t>(from.text(), &Value::Uint);
    default:
      return NoOverload();
  }
}

Value ToDouble(Arguments arguments, Evaluation&) {
  const Value& from = arguments[0];
  switch (from.kind()) {
    case Kind::kInt:
      return Value::Double(static_cast<double>(from.int_value()));
    case Kind::kUint:
      return Value::Double(static_cast<double>(from.uint_value()));
    case Kind::kDouble:
      return from;
    case Kind::kString: {
      const std::string_view text = from.text();
      double number = 0;
      // Blanks around it would be passed over.
      if (text.empty() || text.front() <= ' ' || text.back() <= ' ') return Failed();
      return absl::SimpleAtod({text.data(), text.size()}, &number) ? Value::Double(number) : Failed();
    }
    default:
      return NoOverload();
  }
}

Value ToString(Arguments arguments, Evaluation& evaluation) {
  const Value& from = arguments[0];
  char text[kLongestTime];
  switch (from.kind()) {
    case Kind::kBool:
      return Value::String(from.bool_value() ? "true" : "false");
    case Kind::kInt:
      return Written(from.int_value(), evaluation);
    case Kind::kUint:
      return Written(from.uint_value(), evaluation);
    case Kind::kDouble:
      return Written(from.double_value(), evaluation);
    case Kind::kString:
      return from;
    case Kind::kBytes:
      return IsUtf8(from.text()) ? Value::String(from.text()) : Value::Error(ErrorCode::kBadUtf8);
    case Kind::kDuration:
      return Copied({text, WriteDuration(from.seconds(), text)}, evaluation);
    case Kind::kTimestamp:
      return Copied({text, WriteTimestamp(from.seconds(), text)}, evaluation);
    default:
      return NoOverload();
  }
}

Value ToBytes(Arguments arguments, Evaluation&) {
  if (arguments[0].Is(Kind::kBytes)) return arguments[0];
  return arguments[0].Is(Kind::kString) ? Value::Bytes(arguments[0].text()) : NoOverload();
}

Value ToBool(Arguments arguments, Evaluation&) {
  if (arguments[0].Is(Kind::kBool)) return arguments[0];
  if (!arguments[0].Is(Kind::kString)) return NoOverload();
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (arguments[0].text() == yes) return Value::Bool(true);
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (arguments[0].text() == no) return Value::Bool(false);
  }
  return Failed();
}

Value ToDuration(Arguments arguments, Evaluation&) {
  if (arguments[0].Is(Kind::kDuration)) return arguments[0];
  if (!arguments[0].Is(Kind::kString)) return NoOverload();
  const std::optional<Seconds> length = ParseDuration(arguments[0].text());
  return length ? Value::Duration(*length) : Failed();
}

Value ToTimestamp(Arguments arguments, Evaluation&) {
  const Value& from = arguments[0];
  if (from.Is(Kind::kTimestamp)) return from;
  if (from.Is(Kind::kInt)) {
    const Seconds since{from.int_value(), 0};
    return IsTimestamp(since) ? Value::Timestamp(since) : Overflow();
  }
  if (!from.Is(Kind::kString)) return NoOverload();
  const std::optional<Seconds> since = ParseTimestamp(from.text());
  return since ? Value::Timestamp(*since) : Failed();
}

Value TypeOf(Arguments arguments, Evaluation&) {
  return Value::Type(arguments[0].Is(Kind::kLookup) ? Kind::kMap : arguments[0].kind());
}

Value Itself(Arguments arguments, Evaluation&) { return arguments[0]; }

}  // namespace pillion::expression
