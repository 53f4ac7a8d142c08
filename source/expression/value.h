#pragma once

// A value of an expression: 16 bytes, copied freely, nothing to destroy. Texts, bytes, lists and maps are views: into
// what the attributes see, into the program, or into the arena that was given to Evaluate(); they live as long as the
// first of these that dies. An error is a value, too: it has a code, and the place in the expression where it came up.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "source/base/clock.h"

namespace pillion::expression {

enum class Kind : uint8_t {
  kError,
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kDuration,
  kTimestamp,
  kType,
  kList,
  kMap,
  kLookup,  // a map whose entries only the attributes know: the fields of a head, baggage
};
inline constexpr size_t kKinds = 14;

// As type() and messages name it: "int", "google.protobuf.Duration". That of kLookup is "map".
std::string_view KindName(Kind kind);

enum class ErrorCode : uint8_t {
  kNoSuchAttribute,  // the request has none: absent, or not known yet
  kNoSuchKey,
  kNoSuchOverload,
  kDivisionByZero,
  kOverflow,
  kIndexOutOfRange,
  kBadConversion,
  kBadUtf8,
  kDuplicateKey,
  kBadKey,      // of a map: neither a bool, an int, a uint nor a string
  kTooLarge,    // more memory than an evaluation may have
  kTooLong,     // more steps than an evaluation may have
};

// "no such key", "division by zero".
std::string_view ErrorText(ErrorCode code);

struct MapEntry;

// Whole seconds, rounded down, and the nanoseconds behind them, below 1e9: since the Unix epoch, or of a duration.
struct Seconds {
  int64_t seconds = 0;
  uint32_t nanos = 0;

  friend auto operator<=>(const Seconds&, const Seconds&) = default;
};

class Value {
 public:
  static constexpr uint32_t kNoPlace = UINT32_MAX;

  Value() = default;  // has no value yet: a stack of them costs nothing

  static Value Error(ErrorCode code) { return {Kind::kError, static_cast<uint8_t>(code), kNoPlace, 0}; }
  static Value Null() { return {Kind::kNull, 0, 0, 0}; }
  static Value Bool(bool value) { return {Kind::kBool, 0, 0, value}; }
  static Value Int(int64_t value) { return {Kind::kInt, 0, 0, static_cast<uint64_t>(value)}; }
  static Value Uint(uint64_t value) { return {Kind::kUint, 0, 0, value}; }
  static Value Double(double value) {
    Value made(Kind::kDouble, 0, 0, 0);
    made.double_ = value;
    return made;
  }
  // At most 4 GiB.
  static Value String(std::string_view text) { return Of(Kind::kString, text); }
  static Value Bytes(std::string_view bytes) { return Of(Kind::kBytes, bytes); }
  static Value Duration(Seconds length) {
    return {Kind::kDuration, 0, length.nanos, static_cast<uint64_t>(length.seconds)};
  }
  static Value Timestamp(Seconds since) { return {Kind::kTimestamp, 0, since.nanos, static_cast<uint64_t>(since.seconds)}; }
  static Value Duration(base::Duration length) { return Duration(Split(length.count())); }
  static Value Timestamp(base::WallTime time) { return Timestamp(Split(time.time_since_epoch().count())); }
  static Value Type(Kind kind) { return {Kind::kType, static_cast<uint8_t>(kind), 0, 0}; }
  static Value List(std::span<const Value> items) {
    Value made(Kind::kList, 0, static_cast<uint32_t>(items.size()), 0);
    made.items_ = items.data();
    return made;
  }
  static Value Map(std::span<const MapEntry> entries);
  // `attribute` is one whose entries Attributes::Find() knows.
  static Value Lookup(uint16_t attribute) { return {Kind::kLookup, 0, 0, attribute}; }

  Kind kind() const { return kind_; }
  bool Is(Kind kind) const { return kind_ == kind; }
  bool is_error() const { return kind_ == Kind::kError; }
  bool is_true() const { return kind_ == Kind::kBool && bits_ != 0; }
  bool is_false() const { return kind_ == Kind::kBool && bits_ == 0; }
  bool is_number() const { return kind_ >= Kind::kInt && kind_ <= Kind::kDouble; }

  // Only of a value of that kind.
  ErrorCode error() const { return static_cast<ErrorCode>(detail_); }
  uint32_t place() const { return size_; }  // of an error: bytes before it in the expression; kNoPlace: not told
  bool bool_value() const { return bits_ != 0; }
  int64_t int_value() const { return static_cast<int64_t>(bits_); }
  uint64_t uint_value() const { return bits_; }
  double double_value() const { return double_; }
  std::string_view text() const { return {text_, size_}; }  // of a string, or of bytes
  Seconds seconds() const { return {static_cast<int64_t>(bits_), size_}; }
  Kind type() const { return static_cast<Kind>(detail_); }
  std::span<const Value> items() const { return {items_, size_}; }
  std::span<const MapEntry> entries() const;
  uint16_t attribute() const { return static_cast<uint16_t>(bits_); }

  void set_place(uint32_t place) { size_ = place; }

 private:
  Value(Kind kind, uint8_t detail, uint32_t size, uint64_t bits) : kind_(kind), detail_(detail), size_(size), bits_(bits) {}
  static Value Of(Kind kind, std::string_view text) {
    Value made(kind, 0, static_cast<uint32_t>(text.size()), 0);
    made.text_ = text.data();
    return made;
  }
  static Seconds Split(int64_t nanos) {
    const int64_t rest = nanos % 1'000'000'000;
    return {nanos / 1'000'000'000 - (rest < 0), static_cast<uint32_t>(rest < 0 ? rest + 1'000'000'000 : rest)};
  }

  Kind kind_;
  uint8_t detail_;  // an error's code, a type's kind
  uint32_t size_;   // of what is pointed to; nanoseconds; an error's place
  union {
    uint64_t bits_;
    double double_;
    const char* text_;
    const Value* items_;
    const MapEntry* entries_;
  };
};

static_assert(sizeof(Value) == 16);

struct MapEntry {
  Value key;  // a bool, an int, a uint or a string
  Value value;
};

inline Value Value::Map(std::span<const MapEntry> entries) {
  Value made(Kind::kMap, 0, static_cast<uint32_t>(entries.size()), 0);
  made.entries_ = entries.data();
  return made;
}
inline std::span<const MapEntry> Value::entries() const { return {entries_, size_}; }

// As an expression writes it: 'text', 7u, [1, 2], {'a': 1.5}; "error: no such key". For messages and tests; it allocates.
std::string Show(const Value& value);

}  // namespace pillion::expression
