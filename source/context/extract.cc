#include "source/context/extract.h"

namespace pillion::context {

void Extract(const http::HeaderMap& headers, const ExtractOptions& options, const Moment& first_byte,
             Extraction& extraction) {
  CarrierFields fields(headers, options.grpc);
  Extract(headers, fields, options.read, first_byte, extraction);
}

void Extract(const http::HeaderMap& headers, CarrierFields& fields, CarrierSet read, const Moment& first_byte,
             Extraction& extraction) {
  std::optional<base::Duration> time_left;
  (fields.Present() & read).ForEach([&](Carrier carrier) {
    Carried carried;
    if (carrier == Carrier::kBaggage) carried.context.baggage = extraction.context.baggage;
    const Reading reading = fields.Read(carrier, carried);
    if (carried.time_left) time_left = carried.time_left;
    extraction.left_out += carried.left_out;
    if (reading == Reading::kMalformed) {
      extraction.malformed.Add(carrier);
      return;
    }
    const bool first = extraction.found.empty();
    extraction.found.Add(carrier);
    if (carrier == Carrier::kBaggage) {
      extraction.context.baggage = carried.context.baggage;
    } else if (first && carried.context.trace_id) {
      extraction.context = carried.context;  // what Merge() would make of it
    } else {
      Merge(extraction.context, carried.context, headers.arena(), extraction.left_out);
    }
  });
  extraction.clock_skew = SettleDeadline(extraction.context, time_left, first_byte);
}

}  // namespace pillion::context
