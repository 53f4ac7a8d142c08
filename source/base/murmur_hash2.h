#pragma once

// MurmurHash2 in 64 bits, of bytes as they lie in memory, with the seed that libstdc++ has: what configurations that ask for
// it expect of a ring of hosts. Not for anything that strangers choose.

#include <cstdint>
#include <string_view>

namespace pillion::base {

uint64_t MurmurHash2(std::string_view text);

}  // namespace pillion::base
