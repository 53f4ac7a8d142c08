#pragma once

// xxHash64 (Collet; xxhash_spec.md): fast, not for secrets. Choices that must be equal to another proxy's are made by it.

#include <cstdint>
#include <string_view>

namespace pillion::base {

uint64_t XxHash64(std::string_view bytes, uint64_t seed = 0);

}  // namespace pillion::base
