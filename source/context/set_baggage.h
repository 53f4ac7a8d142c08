#pragma once

// Changing the baggage of a context on its way, so that what is set arrives.

#include <span>

#include "source/context/carrier.h"
#include "source/context/context.h"

namespace pillion::context {

// Entries, each in place of one of the same key; an empty value: there is none any more. They stand in front, so that others
// are left out rather than they; those beyond the bounds are added to `left_out`. False: a carrier of `carriers` has no room
// or no form for all of them, or none of `carriers` has baggage; then nothing is changed. To take away is
// always possible: for want of room for others nothing may go on that must not.
[[nodiscard]] bool SetBaggage(Context& context, std::span<const Baggage::Entry> entries, CarrierSet carriers,
                              base::Arena& arena, uint32_t& left_out);

}  // namespace pillion::context
