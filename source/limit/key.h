#pragma once

// What is limited by itself: a rule's dimensions (a tenant, a path, an address) as one number of 128 bits, by a hash with a
// secret of the process. Who does not know it finds no two keys that meet, and no keys that crowd a table; by chance a key
// meets one of 100,000 others with a probability of 3e-34.

#include <cstdint>
#include <span>
#include <string_view>

#include "source/base/sip_hash.h"

namespace pillion::limit {

using Key = base::SipHash::Hash;
// From the system's random numbers.
using Secret = base::SipHash::Key;

// In this order, each with its length: {"ab", "c"} is another key than {"a", "bc"}. None is a key as well. A text of up to
// seven bytes is one word of the hash, each further eight another one.
Key KeyOf(const Secret& secret, std::span<const std::string_view> dimensions);

}  // namespace pillion::limit
