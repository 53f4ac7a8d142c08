#include "source/context/inject.h"

#include "source/context/b3.h"
#include "source/context/carrier_fields.h"
#include "source/context/deadline.h"
#include "source/context/standard.h"
#include "source/context/timeout.h"
#include "source/context/vctx.h"
#include "source/context/w3c.h"
#include "source/context/w3c_baggage.h"
#include "source/context/x_context.h"

namespace pillion::context {
namespace {

using http::HeaderId;

// The fields of a head that are to change, gathered before any does.
class Output {
 public:
  Output(const Context& context, base::MonotonicTime now, const CarrierFields& fields, base::Arena& arena)
      : context_(context), now_(now), fields_(fields), arena_(arena) {}

  // The fields of a carrier as `context` has it; none of them stays that is not written. `anew`: where the carrier is not
  // there yet, it begins.
  void Write(Carrier carrier, bool anew);
  void Remove(Carrier carrier) { removed_ |= FieldsOf(carrier, fields_.grpc()); }

  void Apply(http::HeaderMap& headers) const;

  uint32_t left_out() const { return left_out_; }

 private:
  void RemoveSurplus(uint32_t fields, http::HeaderMap& headers) const;
  void Put(HeaderId id, std::string_view value) {
    if (value.empty()) return;
    values_[CarrierFieldIndex(id)] = {value.data(), static_cast<uint32_t>(value.size())};
    written_ |= CarrierFieldBits({id});
  }
  void PutVctx(bool anew);
  void PutTrace();
  void PutB3Multi();
  void PutTimeLeft(bool anew);
  // A carrier of a trace has a span too.
  bool has_trace() const { return context_.trace_id && context_.span_id != 0; }

  const Context& context_;
  base::MonotonicTime now_;
  const CarrierFields& fields_;
  base::Arena& arena_;
  uint32_t written_ = 0;
  uint32_t removed_ = 0;
  uint32_t left_out_ = 0;
  struct Text {
    const char* data;
    uint32_t size;
  };
  std::array<Text, kCarrierFieldIds.size()> values_;  // of those that are written
};

void Output::Write(Carrier carrier, bool anew) {
  Remove(carrier);
  switch (carrier) {
    case Carrier::kVctx:
      return PutVctx(anew);
    case Carrier::kXContext:
      return Put(HeaderId::kXContext, EncodeXContext(context_, arena_));
    case Carrier::kTrace:
      return PutTrace();
    case Carrier::kBaggage:
      if (!context_.baggage.empty()) Put(HeaderId::kBaggage, EncodeBaggage(context_.baggage, arena_, left_out_));
      return;
    case Carrier::kB3:
      if (has_trace()) Put(HeaderId::kB3, EncodeB3(context_, arena_));
      return;
    case Carrier::kB3Multi:
      return PutB3Multi();
    case Carrier::kTimeout:
      return PutTimeLeft(anew);
    case Carrier::kRequestId:
      return Put(HeaderId::kXRequestId, context_.request_id);
    case Carrier::kDeadline:
      if (context_.has_deadline()) Put(HeaderId::kXDeadline, DeadlineText(context_.deadline, arena_));
      return;
    case Carrier::kTenant:
      return Put(HeaderId::kXTenant, context_.tenant);
  }
}

// In a call of gRPC the carrier is its own field; the other is kept right where it is.
void Output::PutVctx(bool anew) {
  const bool grpc = fields_.grpc();
  if (grpc && (anew || fields_.Has(HeaderId::kVctxBin))) {
    Put(HeaderId::kVctxBin, EncodeVctxText(context_, false, arena_, left_out_));
  }
  if ((anew && !grpc) || fields_.Has(HeaderId::kXVivoContext)) {
    uint32_t left_out = 0;
    Put(HeaderId::kXVivoContext, EncodeVctxText(context_, true, arena_, left_out));
    if (!grpc) left_out_ += left_out;
  }
}

void Output::PutTrace() {
  if (!has_trace()) return;
  const std::string_view as_it_came = fields_.TraceparentOf(context_);
  Put(HeaderId::kTraceparent, as_it_came.empty() ? EncodeTraceparent(context_, arena_) : as_it_came);
  Put(HeaderId::kTracestate, context_.tracestate);
}

void Output::PutB3Multi() {
  if (!has_trace()) return;
  const B3Fields b3 = EncodeB3Fields(context_, arena_);
  Put(HeaderId::kXB3TraceId, b3.trace_id);
  Put(HeaderId::kXB3SpanId, b3.span_id);
  Put(HeaderId::kXB3Sampled, b3.sampled);
}

void Output::PutTimeLeft(bool anew) {
  if (!context_.has_deadline()) return;
  const bool grpc = fields_.grpc();
  const base::Duration left = TimeLeft(context_, now_);
  if (grpc && (anew || fields_.Has(HeaderId::kGrpcTimeout))) Put(HeaderId::kGrpcTimeout, GrpcTimeLeftText(left, arena_));
  if ((anew && !grpc) || fields_.Has(HeaderId::kXTimeoutMs)) Put(HeaderId::kXTimeoutMs, TimeoutMsText(left, arena_));
}

// Of those fields: all that are not written, and all but one that is.
void Output::RemoveSurplus(uint32_t fields, http::HeaderMap& headers) const {
  uint32_t seen = 0;
  headers.RemoveIf([&](const http::HeaderField& field) {
    const size_t index = CarrierFieldIndex(field.id);
    if (index == kNoCarrierField) return false;
    const uint32_t bit = 1u << index;
    const bool surplus = (fields & bit) != 0 && ((written_ & ~seen & bit) == 0);
    seen |= bit;
    return surplus;
  });
}

void Output::Apply(http::HeaderMap& headers) const {
  const uint32_t present = fields_.present_bits();
  const auto each = [](uint32_t bits, const auto& see) {
    for (; bits != 0; bits &= bits - 1) see(static_cast<size_t>(std::countr_zero(bits)));
  };
  each(written_ & present, [&](size_t index) {
    http::HeaderField& field = headers.begin()[fields_.position(index)];
    field.value_data = values_[index].data;
    field.value_size = values_[index].size;
  });
  // Other lines of what is written, and what is not.
  const uint32_t going = (present & removed_ & ~written_) | (fields_.repeated_bits() & written_);
  if (going != 0) RemoveSurplus(going, headers);
  each(written_ & ~present, [&](size_t index) {
    headers.Add(kCarrierFieldIds[index], std::string_view(values_[index].data, values_[index].size));
  });
}

// A carrier that is there, but not to be written, goes on as it came if nothing of it was left out, and it says nothing else
// than the context.
void KeepRight(Carrier carrier, const Context& context, CarrierFields& fields, Output& output) {
  Carried carried;
  const Reading reading = fields.Read(carrier, carried);
  if (carrier != Carrier::kTimeout && reading == Reading::kMalformed) {
    output.Remove(carrier);
  } else if (carrier == Carrier::kTimeout || carried.left_out > 0 || fields.HasVctxNotRead(carrier) ||
             !Agrees(carried.context, context)) {
    // Time that is left is never what it was.
    output.Write(carrier, false);
  }
}

// In one line. Mostly the attempt begins in the turn in which the context was written.
bool SaysTimeoutMs(const http::HeaderMap& headers, base::Duration left) {
  bool said = false;
  for (const http::HeaderField& field : headers) {
    if (field.id != HeaderId::kXTimeoutMs) continue;
    if (said || !IsTimeoutMsText(field.value(), left)) return false;
    said = true;
  }
  return said;
}

}  // namespace

void BeginTrace(Context& context, base::Random& random) {
  if (!context.trace_id) {
    while (!context.trace_id) context.trace_id = {random.Next(), random.Next()};
    context.span_id = 0;
    context.tracestate = {};
    context.trace_flags = (context.trace_flags & kSampled) | kRandomTraceId;
    context.has_trace_flags = true;
  }
  while (context.span_id == 0) context.span_id = random.Next();
}

uint32_t Inject(const Context& context, const InjectOptions& options, base::MonotonicTime now, http::HeaderMap& headers) {
  CarrierFields fields(headers, options.grpc);
  return Inject(context, options.write, now, fields, headers);
}

uint32_t Inject(const Context& context, CarrierSet write, base::MonotonicTime now, CarrierFields& fields,
                http::HeaderMap& headers) {
  Output output(context, now, fields, headers.arena());
  write.ForEach([&](Carrier carrier) { output.Write(carrier, true); });
  (fields.Present() - write).ForEach([&](Carrier carrier) { KeepRight(carrier, context, fields, output); });
  output.Apply(headers);
  return output.left_out();
}

void InjectTimeLeft(const Context& context, bool grpc, base::MonotonicTime now, http::HeaderMap& headers) {
  if (!context.has_deadline()) return;
  const base::Duration left = TimeLeft(context, now);
  if (headers.Has(HeaderId::kXTimeoutMs) && !SaysTimeoutMs(headers, left)) {
    headers.Set(HeaderId::kXTimeoutMs, TimeoutMsText(left, headers.arena()));
  }
  if (grpc && headers.Has(HeaderId::kGrpcTimeout)) {
    headers.Set(HeaderId::kGrpcTimeout, GrpcTimeLeftText(left, headers.arena()));
  }
}

void InjectDeadline(const Context& context, const InjectOptions& options, base::MonotonicTime now,
                    http::HeaderMap& headers) {
  constexpr CarrierSet kTell = {Carrier::kVctx, Carrier::kXContext, Carrier::kTimeout, Carrier::kDeadline};
  CarrierFields fields(headers, options.grpc);
  const CarrierSet told = fields.Present() & kTell;
  Output output(context, now, fields, headers.arena());
  (told & options.write).ForEach([&](Carrier carrier) { output.Write(carrier, false); });
  (told - options.write).ForEach([&](Carrier carrier) { KeepRight(carrier, context, fields, output); });
  output.Apply(headers);
}

}  // namespace pillion::context
