#pragma once

#include <cstdint>

namespace pillion::codec::sniff {

// What the first bytes of a connection are to who looks for something of his own.
enum class Found : uint8_t {
  kNeedMore,  // the beginning of it, as far as can be seen
  kYes,
  kNo,         // something else
  kMalformed,  // begins as it does, and is wrong
  kTooLarge,
};

}  // namespace pillion::codec::sniff
