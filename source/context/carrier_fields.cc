#include "source/context/carrier_fields.h"

#include <algorithm>

#include "source/context/b3.h"
#include "source/context/standard.h"
#include "source/context/timeout.h"
#include "source/context/vctx.h"
#include "source/context/w3c.h"
#include "source/context/w3c_baggage.h"
#include "source/context/x_context.h"
#include "source/http/grpc_timeout.h"

namespace pillion::context {
namespace {

using http::HeaderId;

constexpr uint32_t kVctxFields = CarrierFieldBits({HeaderId::kXVivoContext});
constexpr uint32_t kGrpcVctxFields = CarrierFieldBits({HeaderId::kXVivoContext, HeaderId::kVctxBin});
constexpr uint32_t kTimeoutFields = CarrierFieldBits({HeaderId::kXTimeoutMs});
constexpr uint32_t kGrpcTimeoutFields = CarrierFieldBits({HeaderId::kXTimeoutMs, HeaderId::kGrpcTimeout});

constexpr std::array<uint32_t, kCarriers> kFields = {
    kVctxFields,
    CarrierFieldBits({HeaderId::kXContext}),
    CarrierFieldBits({HeaderId::kTraceparent, HeaderId::kTracestate}),
    CarrierFieldBits({HeaderId::kBaggage}),
    CarrierFieldBits({HeaderId::kB3}),
    CarrierFieldBits({HeaderId::kXB3TraceId, HeaderId::kXB3SpanId, HeaderId::kXB3Sampled, HeaderId::kXB3Flags,
                      HeaderId::kXB3ParentSpanId}),
    kTimeoutFields,
    CarrierFieldBits({HeaderId::kXRequestId}),
    CarrierFieldBits({HeaderId::kXDeadline}),
    CarrierFieldBits({HeaderId::kXTenant}),
};

constexpr uint32_t kOnlyGrpc = CarrierFieldBits({HeaderId::kVctxBin, HeaderId::kGrpcTimeout});

// Whose a field is, by its place.
constexpr std::array<Carrier, kCarrierFieldIds.size()> kCarrierOf = [] {
  std::array<Carrier, kCarrierFieldIds.size()> carriers{};
  for (size_t i = 0; i < carriers.size(); ++i) {
    for (size_t carrier = 0; carrier < kCarriers; ++carrier) {
      if ((kFields[carrier] >> i & 1) != 0) carriers[i] = static_cast<Carrier>(carrier);
    }
  }
  carriers[CarrierFieldIndex(HeaderId::kVctxBin)] = Carrier::kVctx;
  carriers[CarrierFieldIndex(HeaderId::kGrpcTimeout)] = Carrier::kTimeout;
  return carriers;
}();

bool TakeShortText(std::string_view value, size_t most, std::string_view& text) {
  text = value;
  return IsShortText(value, most);
}

}  // namespace

uint32_t FieldsOf(Carrier carrier, bool grpc) {
  if (grpc && carrier == Carrier::kVctx) return kGrpcVctxFields;
  if (grpc && carrier == Carrier::kTimeout) return kGrpcTimeoutFields;
  return kFields[static_cast<size_t>(carrier)];
}

CarrierFields::CarrierFields(const http::HeaderMap& headers, bool grpc) : headers_(headers), grpc_(grpc) {
  for (const http::HeaderField& field : headers) {
    const size_t index = CarrierFieldIndex(field.id);
    if (index == kNoCarrierField) continue;
    const uint32_t bit = 1u << index;
    if ((once_ & bit) == 0) positions_[index] = static_cast<uint32_t>(&field - headers.begin());
    twice_ |= once_ & bit;
    once_ |= bit;
  }
}

CarrierSet CarrierFields::Present() const {
  CarrierSet present;
  for (uint32_t bits = once_; bits != 0; bits &= bits - 1) {
    const size_t index = static_cast<size_t>(std::countr_zero(bits));
    if (grpc_ || (kOnlyGrpc >> index & 1) == 0) present.Add(kCarrierOf[index]);
  }
  return present;
}

std::string_view CarrierFields::List(HeaderId id) const {
  if (!Twice(CarrierFieldBits({id}))) return Value(id);
  base::ArenaText list;
  for (const http::HeaderField& field : headers_) {
    if (field.id != id) continue;
    if (!list.empty()) list.Append(headers_.arena(), ",");
    list.Append(headers_.arena(), field.value());
  }
  return list.view();
}

Reading CarrierFields::Read(Carrier carrier, Carried& carried) {
  const uint32_t fields = FieldsOf(carrier, grpc_);
  if ((once_ & fields) == 0) return Reading::kAbsent;
  Context& context = carried.context;
  bool good = !Twice(fields);
  switch (carrier) {
    case Carrier::kVctx:
      good = ReadVctx(context);
      break;
    case Carrier::kXContext:
      good = good && DecodeXContext(Value(HeaderId::kXContext), context);
      break;
    case Carrier::kTrace:
      good = ReadTrace(carried);
      break;
    case Carrier::kBaggage:
      good = DecodeBaggage(List(HeaderId::kBaggage), headers_.arena(), context.baggage, carried.left_out);
      break;
    case Carrier::kB3:
      good = good && DecodeB3(Value(HeaderId::kB3), context);
      break;
    case Carrier::kB3Multi:
      good = good && ReadB3Multi(context);
      break;
    case Carrier::kTimeout:
      good = ReadTimeouts(carried);
      break;
    case Carrier::kRequestId:
      good = good && TakeShortText(Value(HeaderId::kXRequestId), kLongestRequestId, context.request_id);
      break;
    case Carrier::kDeadline: {
      const auto deadline = ParseDeadline(Value(HeaderId::kXDeadline));
      good = good && deadline;
      if (good) context.deadline = *deadline;
      break;
    }
    case Carrier::kTenant:
      good = good && TakeShortText(Value(HeaderId::kXTenant), kLongestTenant, context.tenant);
      break;
  }
  return good ? Reading::kGood : Reading::kMalformed;
}

// Of both forms in one call, gRPC's own counts.
bool CarrierFields::ReadVctx(Context& context) const {
  const HeaderId id = grpc_ && Has(HeaderId::kVctxBin) ? HeaderId::kVctxBin : HeaderId::kXVivoContext;
  return !Twice(CarrierFieldBits({id})) && DecodeVctxText(Value(id), headers_.arena(), context);
}

// tracestate means nothing without traceparent; traceparent stands without tracestate.
bool CarrierFields::ReadTrace(Carried& carried) {
  if (!Has(HeaderId::kTraceparent) || Twice(CarrierFieldBits({HeaderId::kTraceparent}))) return false;
  const std::string_view parent = Value(HeaderId::kTraceparent);
  const Context& context = carried.context;
  if (!DecodeTraceparent(parent, carried.context)) return false;
  if (IsAsEncoded(parent, context)) traceparent_ = {context.trace_id, context.span_id, context.trace_flags};
  if (!Has(HeaderId::kTracestate)) return true;
  const std::string_view state = List(HeaderId::kTracestate);
  if (IsTracestate(state)) {
    carried.context.tracestate = state;
  } else {
    ++carried.left_out;
  }
  return true;
}

std::string_view CarrierFields::TraceparentOf(const Context& context) const {
  const bool same = traceparent_.span_id != 0 && traceparent_.span_id == context.span_id &&
                    traceparent_.trace_id == context.trace_id && traceparent_.flags == (context.trace_flags & kSentFlags);
  return same ? Value(HeaderId::kTraceparent) : std::string_view();
}

bool CarrierFields::ReadB3Multi(Context& context) const {
  return DecodeB3(B3Fields{.trace_id = Value(HeaderId::kXB3TraceId),
                           .span_id = Value(HeaderId::kXB3SpanId),
                           .sampled = Value(HeaderId::kXB3Sampled),
                           .flags = Value(HeaderId::kXB3Flags),
                           .parent_span_id = Value(HeaderId::kXB3ParentSpanId)},
                  context);
}

bool CarrierFields::ReadTimeouts(Carried& carried) const {
  bool good = true;
  const auto take = [&](HeaderId id, std::optional<base::Duration> (*parse)(std::string_view)) {
    if (!Has(id)) return;
    const auto left = Twice(CarrierFieldBits({id})) ? std::nullopt : parse(Value(id));
    if (!left) {
      good = false;
    } else {
      carried.time_left = carried.time_left ? std::min(*carried.time_left, *left) : *left;
    }
  };
  take(HeaderId::kXTimeoutMs, ParseTimeoutMs);
  if (grpc_) take(HeaderId::kGrpcTimeout, http::ParseGrpcTimeout);
  return good;
}

}  // namespace pillion::context
