#pragma once

// Of pillion and pillionctl, which are released together.

#include <cstdint>

namespace pillion::base {

inline constexpr char kVersion[] = "0.1.0";
inline constexpr uint32_t kVersionParts[] = {0, 1, 0};
inline constexpr uint64_t kVersionNumber = 100;  // two digits for each part

}  // namespace pillion::base
