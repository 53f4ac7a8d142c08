#include "source/context/set_baggage.h"

#include <algorithm>

#include "source/context/vctx.h"
#include "source/context/w3c_baggage.h"

namespace pillion::context {
namespace {

// What a vctx has in front of the last of them leaves room for it. Of what comes behind nothing counts.
bool FitVctx(const Context& context, std::span<const Baggage::Entry> entries, base::Arena& arena) {
  const bool colour = std::ranges::all_of(entries, [](const auto& entry) { return IsColourKey(entry.key); });
  Context front = context;
  front.origin = nullptr;
  front.tracestate = {};
  front.unknown = {};
  if (colour) front.tenant = {};
  Baggage before;
  uint32_t left_out = 0;
  for (const Baggage::Entry& entry : context.baggage) {
    const bool has_form = ValueSize(entry.text) == entry.value_size;
    if (has_form && IsColourKey(entry.key)) before.Add(entry, arena, left_out);
  }
  before.Set(entries, arena, left_out);
  front.baggage = before;
  char bytes[kMostVctxBytes];
  EncodeVctx(front, bytes, left_out);
  return left_out == 0;
}

bool FitW3c(std::span<const Baggage::Entry> entries, base::Arena& arena) {
  Baggage alone;
  uint32_t left_out = 0;
  alone.Set(entries, arena, left_out);
  EncodeBaggage(alone, arena, left_out);
  return left_out == 0;
}

bool Fit(const Context& context, std::span<const Baggage::Entry> entries, CarrierSet carriers, base::Arena& arena) {
  const bool vctx = carriers.Has(Carrier::kVctx);
  const bool w3c = carriers.Has(Carrier::kBaggage);
  const bool has_form = std::ranges::none_of(entries, [](const Baggage::Entry& entry) {
    return entry.key.empty() || entry.key.size() > kLongestBaggageKey;
  });
  if (!has_form || !(vctx || w3c)) return false;
  return (!vctx || FitVctx(context, entries, arena)) && (!w3c || FitW3c(entries, arena));
}

}  // namespace

bool SetBaggage(Context& context, std::span<const Baggage::Entry> entries, CarrierSet carriers, base::Arena& arena,
                uint32_t& left_out) {
  const bool takes_away_only = std::ranges::none_of(entries, [](const auto& entry) { return entry.value_size > 0; });
  if (!takes_away_only && !Fit(context, entries, carriers, arena)) return false;
  context.baggage.Set(entries, arena, left_out);
  return true;
}

}  // namespace pillion::context
