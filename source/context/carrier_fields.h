#pragma once

// The fields of a head that carriers have, found in one pass, and what each carrier says by them. A view of the head, good
// until that changes. What was read of a head and is written into it again finds its fields once.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "source/base/clock.h"
#include "source/context/carrier.h"
#include "source/context/context.h"
#include "source/http/header_map.h"

namespace pillion::context {

// The fields of all carriers.
inline constexpr std::array kCarrierFieldIds = {
    http::HeaderId::kXVivoContext, http::HeaderId::kVctxBin,         http::HeaderId::kXContext,
    http::HeaderId::kTraceparent,  http::HeaderId::kTracestate,      http::HeaderId::kBaggage,
    http::HeaderId::kB3,           http::HeaderId::kXB3TraceId,      http::HeaderId::kXB3SpanId,
    http::HeaderId::kXB3Sampled,   http::HeaderId::kXB3Flags,        http::HeaderId::kXB3ParentSpanId,
    http::HeaderId::kXTimeoutMs,   http::HeaderId::kGrpcTimeout,     http::HeaderId::kXRequestId,
    http::HeaderId::kXDeadline,    http::HeaderId::kXTenant,
};

inline constexpr size_t kNoCarrierField = kCarrierFieldIds.size();

// The place of a field in that list, or kNoCarrierField.
inline constexpr std::array<uint8_t, http::kHeaderIds> kCarrierFieldIndex = [] {
  std::array<uint8_t, http::kHeaderIds> index{};
  index.fill(kNoCarrierField);
  for (size_t i = 0; i < kCarrierFieldIds.size(); ++i) index[static_cast<size_t>(kCarrierFieldIds[i])] = i;
  return index;
}();
constexpr size_t CarrierFieldIndex(http::HeaderId id) { return kCarrierFieldIndex[static_cast<size_t>(id)]; }

// A bit for each, by its place.
constexpr uint32_t CarrierFieldBits(std::initializer_list<http::HeaderId> ids) {
  uint32_t bits = 0;
  for (const http::HeaderId id : ids) bits |= 1u << CarrierFieldIndex(id);
  return bits;
}

// The fields that are the carrier's.
uint32_t FieldsOf(Carrier carrier, bool grpc);

// What one carrier says.
struct Carried {
  Context context;
  std::optional<base::Duration> time_left;  // from when the head began to come
  uint32_t left_out = 0;                    // entries that are beyond the bounds, or malformed while the rest is not
};

enum class Reading : uint8_t { kAbsent, kGood, kMalformed };

// What a traceparent says that reads just as EncodeTraceparent() writes it.
struct TraceparentSaid {
  TraceId trace_id;
  SpanId span_id = 0;  // 0: there is none such
  uint8_t flags = 0;
};

class CarrierFields {
 public:
  // `grpc`: the request is a call of gRPC.
  CarrierFields(const http::HeaderMap& headers, bool grpc);

  bool grpc() const { return grpc_; }
  uint32_t present_bits() const { return once_; }
  uint32_t repeated_bits() const { return twice_; }
  // Of the first line of a field that is present: its place in the head.
  uint32_t position(size_t index) const { return positions_[index]; }
  bool Has(http::HeaderId id) const { return (once_ & CarrierFieldBits({id})) != 0; }

  // The carriers that have a field here.
  CarrierSet Present() const;

  // Into a fresh `carried`; baggage is added to what that has. Of what is malformed only `time_left` counts: each of its
  // fields stands for itself.
  Reading Read(Carrier carrier, Carried& carried);
  // The field as it came, where that says what the context does, and was read; else empty.
  std::string_view TraceparentOf(const Context& context) const;
  // It has a field beside the one that Read() takes, which may say anything.
  bool HasVctxNotRead(Carrier carrier) const {
    return carrier == Carrier::kVctx && grpc_ && Has(http::HeaderId::kVctxBin) && Has(http::HeaderId::kXVivoContext);
  }

 private:
  bool Twice(uint32_t fields) const { return (twice_ & fields) != 0; }
  // Of its first line; empty: it is absent.
  std::string_view Value(http::HeaderId id) const {
    const size_t index = CarrierFieldIndex(id);
    return (once_ >> index & 1) == 0 ? std::string_view() : headers_.begin()[positions_[index]].value();
  }
  // Several lines are one list.
  std::string_view List(http::HeaderId id) const;

  bool ReadVctx(Context& context) const;
  bool ReadTrace(Carried& carried);
  bool ReadB3Multi(Context& context) const;
  bool ReadTimeouts(Carried& carried) const;

  const http::HeaderMap& headers_;
  bool grpc_;
  uint32_t once_ = 0;   // fields that came
  uint32_t twice_ = 0;  // and came again
  std::array<uint32_t, kCarrierFieldIds.size()> positions_;  // of those that are present
  TraceparentSaid traceparent_;
};

}  // namespace pillion::context
