#pragma once

// Why a request went the way it went, as Envoy's access logs name it (%RESPONSE_FLAGS%). Several may hold.

#include <cstdint>

namespace pillion::telemetry {

// name, short, long; in the order in which they are listed
#define PILLION_RESPONSE_FLAGS(X)                                            \
  X(kFailedLocalHealthCheck, "LH", "FailedLocalHealthCheck")                 \
  X(kNoHealthyUpstream, "UH", "NoHealthyUpstream")                           \
  X(kUpstreamRequestTimeout, "UT", "UpstreamRequestTimeout")                 \
  X(kLocalReset, "LR", "LocalReset")                                         \
  X(kUpstreamRemoteReset, "UR", "UpstreamRemoteReset")                       \
  X(kUpstreamConnectionFailure, "UF", "UpstreamConnectionFailure")           \
  X(kUpstreamConnectionTermination, "UC", "UpstreamConnectionTermination")   \
  X(kUpstreamOverflow, "UO", "UpstreamOverflow")                             \
  X(kNoRouteFound, "NR", "NoRouteFound")                                     \
  X(kDelayInjected, "DI", "DelayInjected")                                   \
  X(kFaultInjected, "FI", "FaultInjected")                                   \
  X(kRateLimited, "RL", "RateLimited")                                       \
  X(kUnauthorizedExternalService, "UAEX", "UnauthorizedExternalService")     \
  X(kRateLimitServiceError, "RLSE", "RateLimitServiceError")                 \
  X(kDownstreamConnectionTermination, "DC", "DownstreamConnectionTermination") \
  X(kUpstreamRetryLimitExceeded, "URX", "UpstreamRetryLimitExceeded")        \
  X(kStreamIdleTimeout, "SI", "StreamIdleTimeout")                           \
  X(kInvalidEnvoyRequestHeaders, "IH", "InvalidEnvoyRequestHeaders")         \
  X(kDownstreamProtocolError, "DPE", "DownstreamProtocolError")              \
  X(kUpstreamMaxStreamDurationReached, "UMSDR", "UpstreamMaxStreamDurationReached") \
  X(kNoFilterConfigFound, "NFCF", "NoFilterConfigFound")                     \
  X(kDurationTimeout, "DT", "DurationTimeout")                               \
  X(kUpstreamProtocolError, "UPE", "UpstreamProtocolError")                  \
  X(kNoClusterFound, "NC", "NoClusterFound")                                 \
  X(kOverloadTerminated, "OM", "OverloadManagerTerminated")                  \
  X(kDnsResolutionFailed, "DF", "DnsResolutionFailed")                       \
  X(kDownstreamRemoteReset, "DR", "DownstreamRemoteReset")

enum class ResponseFlag : uint8_t {
#define X(name, short_name, long_name) name,
  PILLION_RESPONSE_FLAGS(X)
#undef X
      kCount,
};

class ResponseFlags {
 public:
  void Set(ResponseFlag flag) { bits_ |= uint64_t{1} << static_cast<unsigned>(flag); }
  bool Has(ResponseFlag flag) const { return (bits_ >> static_cast<unsigned>(flag) & 1) != 0; }
  bool empty() const { return bits_ == 0; }
  uint64_t bits() const { return bits_; }

 private:
  uint64_t bits_ = 0;
};

}  // namespace pillion::telemetry
