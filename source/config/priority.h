#pragma once

// How much a request matters to its cluster: each has breakers and connections of its own.

#include <cstdint>

namespace pillion::config {

enum class Priority : uint8_t { kDefault, kHigh };

}  // namespace pillion::config
