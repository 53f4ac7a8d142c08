#pragma once

// A value that may be set while the program runs, under a name ("upstream.use_retry"). Whoever is built from a
// configuration that names one keeps the key and asks it each time: one load, no search. Readers on any thread; Set() is
// the control thread's. A reader may see two keys of one change apart from each other.

#include <atomic>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

namespace pillion::runtime {

// A text, and what it can be read as.
struct Value {
  std::string text;
  std::optional<bool> flag;
  std::optional<double> number;
  std::optional<uint64_t> integer;  // a number that is one, without its fraction
  uint32_t numerator = 0;           // a part of so many; the denominator is 0 where it is not one
  uint32_t denominator = 0;
};

class Key {
 public:
  explicit Key(std::string name) : name_(std::move(name)) {}
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  const std::string& name() const { return name_; }

  // `otherwise` is what holds while the key is not set, or not to something that is of that kind.
  uint64_t Integer(uint64_t otherwise) const {
    const uint64_t value = integer_.load(std::memory_order_relaxed);
    return value == kNoInteger ? otherwise : value;
  }
  double Number(double otherwise) const {
    const double value = number_.load(std::memory_order_relaxed);
    return std::isnan(value) ? otherwise : value;
  }
  bool Flag(bool otherwise) const {
    const uint8_t value = flag_.load(std::memory_order_relaxed);
    return value == kNoFlag ? otherwise : value != 0;
  }
  // Numerator in the upper, denominator in the lower half; 0: not set. A whole number is one of hundred.
  uint64_t Fraction() const { return fraction_.load(std::memory_order_relaxed); }

  // Null: not set.
  void Set(const Value* value);

 private:
  static constexpr uint64_t kNoInteger = UINT64_MAX;
  static constexpr uint8_t kNoFlag = 2;

  const std::string name_;
  std::atomic<uint64_t> integer_ = kNoInteger;
  std::atomic<double> number_ = std::nan("");
  std::atomic<uint64_t> fraction_ = 0;
  std::atomic<uint8_t> flag_ = kNoFlag;
};

}  // namespace pillion::runtime
