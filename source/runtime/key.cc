#include "source/runtime/key.h"

#include <algorithm>

namespace pillion::runtime {

void Key::Set(const Value* value) {
  const Value none;
  const Value& from = value == nullptr ? none : *value;
  uint64_t fraction = 0;
  if (from.denominator != 0) {
    fraction = uint64_t{from.numerator} << 32 | from.denominator;
  } else if (from.integer) {
    fraction = std::min<uint64_t>(*from.integer, UINT32_MAX) << 32 | 100;
  }
  integer_.store(from.integer.value_or(kNoInteger), std::memory_order_relaxed);
  number_.store(from.number.value_or(std::nan("")), std::memory_order_relaxed);
  fraction_.store(fraction, std::memory_order_relaxed);
  flag_.store(from.flag ? static_cast<uint8_t>(*from.flag) : kNoFlag, std::memory_order_relaxed);
}

}  // namespace pillion::runtime
