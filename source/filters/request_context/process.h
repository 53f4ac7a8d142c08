#pragma once

// What all filters of the process share: the inbound requests that are in flight.

#include "source/context/correlation.h"

namespace pillion::filters::request_context {

// Made by the first call. Any thread.
context::CorrelationTable& InFlight();

}  // namespace pillion::filters::request_context
