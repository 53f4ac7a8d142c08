#pragma once

// Why a response is what it is, in the words that people know from Envoy's access log.

#include <cstdint>
#include <string>
#include <string_view>

namespace pillion::telemetry {

// clang-format off
// id, short name, long name; written out in this order: what comes to be known first stands first, as with Envoy.
#define PILLION_RESPONSE_FLAGS(X)                                         \
  X(kDelayInjected, "DI", "DelayInjected")                                \
  X(kFaultInjected, "FI", "FaultInjected")                                \
  X(kUpstreamRetryLimitExceeded, "URX", "UpstreamRetryLimitExceeded")     \
  X(kNoHealthyUpstream, "UH", "NoHealthyUpstream")                        \
  X(kUpstreamConnectionFailure, "UF", "UpstreamConnectionFailure")        \
  X(kUpstreamOverflow, "UO", "UpstreamOverflow")                          \
  X(kNoRouteFound, "NR", "NoRouteFound")                                  \
  X(kNoClusterFound, "NC", "NoClusterFound")                              \
  X(kUpstreamRequestTimeout, "UT", "UpstreamRequestTimeout")              \
  X(kUpstreamConnectionTermination, "UC", "UpstreamConnectionTermination") \
  X(kUpstreamRemoteReset, "UR", "UpstreamRemoteReset")                    \
  X(kLocalReset, "LR", "LocalReset")                                      \
  X(kUpstreamProtocolError, "UPE", "UpstreamProtocolError")               \
  X(kUpstreamMaxStreamDurationReached, "UMSDR", "UpstreamMaxStreamDurationReached") \
  X(kDownstreamConnectionTermination, "DC", "DownstreamConnectionTermination") \
  X(kDownstreamRemoteReset, "DR", "DownstreamRemoteReset")                \
  X(kDownstreamProtocolError, "DPE", "DownstreamProtocolError")           \
  X(kDurationTimeout, "DT", "DurationTimeout")                            \
  X(kStreamIdleTimeout, "SI", "StreamIdleTimeout")                        \
  X(kRateLimited, "RL", "RateLimited")                                    \
  X(kRateLimitServiceError, "RLSE", "RateLimitServiceError")              \
  X(kUnauthorizedExternalService, "UAEX", "UnauthorizedExternalService")  \
  X(kFailedLocalHealthCheck, "LH", "FailedLocalHealthCheck")              \
  X(kInvalidEnvoyRequestHeaders, "IH", "InvalidEnvoyRequestHeaders")      \
  X(kResponseFromCacheFilter, "RFCF", "ResponseFromCacheFilter")          \
  X(kNoFilterConfigFound, "NFCF", "NoFilterConfigFound")                  \
  X(kOverloadTerminated, "OM", "OverloadManagerTerminated")        \
  X(kDnsResolutionFailed, "DF", "DnsResolutionFailed")                    \
  X(kDropOverload, "DO", "DropOverload")                                  \
  X(kUnconditionalDropOverload, "UDO", "UnconditionalDropOverload")
// clang-format on

enum class ResponseFlag : uint8_t {
#define X(id, short_name, long_name) id,
  PILLION_RESPONSE_FLAGS(X)
#undef X
      kCount,
};

// "UF" and "UpstreamConnectionFailure".
std::string_view ShortName(ResponseFlag flag);
std::string_view LongName(ResponseFlag flag);

class ResponseFlags;

// As Envoy numbers them: a bit for each.
uint64_t EnvoyBits(ResponseFlags flags);

// A set of flags.
class ResponseFlags {
 public:
  constexpr ResponseFlags() = default;
  constexpr ResponseFlags(ResponseFlag flag) { Set(flag); }  // NOLINT: one flag is a set

  constexpr void Set(ResponseFlag flag) { bits_ |= uint64_t{1} << static_cast<int>(flag); }
  constexpr void Set(ResponseFlags flags) { bits_ |= flags.bits_; }
  // Comes to be known after all others.
  constexpr void SetLast(ResponseFlag flag) {
    Set(flag);
    last_ = flag;
  }
  constexpr bool Has(ResponseFlag flag) const { return (bits_ >> static_cast<int>(flag) & 1) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr uint64_t bits() const { return bits_; }
  constexpr ResponseFlag last() const { return last_; }  // kCount: in its usual place

  // "URX,UT"; appends nothing for the empty set.
  void AppendShortNames(std::string& out) const;
  void AppendLongNames(std::string& out) const;

 private:
  uint64_t bits_ = 0;
  ResponseFlag last_ = ResponseFlag::kCount;
};

static_assert(static_cast<int>(ResponseFlag::kCount) <= 64);

}  // namespace pillion::telemetry
