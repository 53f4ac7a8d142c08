#pragma once

// What a head says of its context: all carriers that are read, brought into one (specification.md, "Merging").

#include "source/context/carrier.h"
#include "source/context/carrier_fields.h"
#include "source/context/context.h"
#include "source/context/deadline.h"
#include "source/http/header_map.h"

namespace pillion::context {

// Differences of clocks up to this are nobody's concern.
inline constexpr base::Duration kShownClockSkew = std::chrono::milliseconds(50);

struct ExtractOptions {
  CarrierSet read = kAllCarriers;
  bool grpc = false;  // the request is a call of gRPC
};

struct Extraction {
  Context context;
  CarrierSet found;      // what was there of what is read, well-formed
  CarrierSet malformed;  // and what was there, but counts as absent, and is not to be forwarded
  base::Duration clock_skew{};  // of the caller's clock against ours; 0 where it cannot be told, or is within the tolerance
  uint32_t left_out = 0;        // entries of baggage that were beyond the bounds
};

// Into a fresh `extraction`, whose views live as long as the head's arena. `first_byte` is when the head began to come.
void Extract(const http::HeaderMap& headers, const ExtractOptions& options, const Moment& first_byte,
             Extraction& extraction);
// The same of a head whose fields were found: `fields` is of `headers`, as they are.
void Extract(const http::HeaderMap& headers, CarrierFields& fields, CarrierSet read, const Moment& first_byte,
             Extraction& extraction);

}  // namespace pillion::context
