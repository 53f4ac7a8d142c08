#pragma once

// The ways a context travels in the head of a request. Each has fields of its own; precedence is the order of this list.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace pillion::context {

enum class Carrier : uint8_t {
  kVctx,       // x-vivo-context; vctx-bin in calls of gRPC
  kXContext,   // x-context
  kTrace,      // traceparent, tracestate
  kBaggage,    // baggage
  kB3,         // b3
  kB3Multi,    // x-b3-traceid, x-b3-spanid, x-b3-sampled, x-b3-flags, x-b3-parentspanid
  kTimeout,    // x-timeout-ms; grpc-timeout in calls of gRPC
  kRequestId,  // x-request-id
  kDeadline,   // x-deadline
  kTenant,     // x-tenant
};
inline constexpr size_t kCarriers = 10;

// For counters and logs.
inline constexpr std::array<std::string_view, kCarriers> kCarrierNames = {
    "vctx", "xcontext", "trace", "baggage", "b3", "b3multi", "timeout", "request_id", "deadline", "tenant"};

class CarrierSet {
 public:
  constexpr CarrierSet() = default;
  constexpr CarrierSet(std::initializer_list<Carrier> carriers) {
    for (const Carrier carrier : carriers) Add(carrier);
  }

  constexpr bool Has(Carrier carrier) const { return (bits_ >> static_cast<int>(carrier) & 1) != 0; }
  constexpr void Add(Carrier carrier) { bits_ |= static_cast<uint16_t>(1u << static_cast<int>(carrier)); }
  constexpr bool empty() const { return bits_ == 0; }

  // Calls `visit(carrier)` for each, in order of precedence.
  template <typename F>
  constexpr void ForEach(F&& visit) const {
    for (uint32_t bits = bits_; bits != 0; bits &= bits - 1) visit(static_cast<Carrier>(std::countr_zero(bits)));
  }

  friend constexpr bool operator==(CarrierSet, CarrierSet) = default;
  friend constexpr CarrierSet operator&(CarrierSet a, CarrierSet b) { return CarrierSet(a.bits_ & b.bits_); }
  friend constexpr CarrierSet operator|(CarrierSet a, CarrierSet b) { return CarrierSet(a.bits_ | b.bits_); }
  friend constexpr CarrierSet operator-(CarrierSet a, CarrierSet b) { return CarrierSet(a.bits_ & ~b.bits_); }

 private:
  constexpr explicit CarrierSet(int bits) : bits_(static_cast<uint16_t>(bits)) {}

  uint16_t bits_ = 0;
};

inline constexpr CarrierSet kAllCarriers = {Carrier::kVctx,    Carrier::kXContext, Carrier::kTrace,     Carrier::kBaggage,
                                            Carrier::kB3,      Carrier::kB3Multi,  Carrier::kTimeout,   Carrier::kRequestId,
                                            Carrier::kDeadline, Carrier::kTenant};

// What configurations call w3c and std.
inline constexpr CarrierSet kW3c = {Carrier::kTrace, Carrier::kBaggage};
inline constexpr CarrierSet kStandard = {Carrier::kRequestId, Carrier::kDeadline, Carrier::kTenant};

inline constexpr CarrierSet kWrittenByDefault = {Carrier::kVctx, Carrier::kTrace, Carrier::kBaggage, Carrier::kTimeout,
                                                 Carrier::kRequestId};

}  // namespace pillion::context
