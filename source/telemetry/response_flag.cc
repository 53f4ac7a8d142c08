#include "source/telemetry/response_flag.h"

#include <iterator>

namespace pillion::telemetry {
namespace {

constexpr std::string_view kShortNames[] = {
#define X(id, short_name, long_name) short_name,
    PILLION_RESPONSE_FLAGS(X)
#undef X
};

constexpr std::string_view kLongNames[] = {
#define X(id, short_name, long_name) long_name,
    PILLION_RESPONSE_FLAGS(X)
#undef X
};

template <typename Name>
void AppendNames(ResponseFlags flags, Name name, std::string& out) {
  bool first = true;
  const auto append = [&](ResponseFlag flag) {
    if (!first) out += ',';
    first = false;
    out += name(flag);
  };
  for (int i = 0; i < static_cast<int>(ResponseFlag::kCount); ++i) {
    const ResponseFlag flag = static_cast<ResponseFlag>(i);
    if (flags.Has(flag) && flag != flags.last()) append(flag);
  }
  if (flags.last() != ResponseFlag::kCount) append(flags.last());
}

}  // namespace

uint64_t EnvoyBits(ResponseFlags flags) {
  using F = ResponseFlag;
  constexpr F kOrder[] = {F::kFailedLocalHealthCheck,
                          F::kNoHealthyUpstream,
                          F::kUpstreamRequestTimeout,
                          F::kLocalReset,
                          F::kUpstreamRemoteReset,
                          F::kUpstreamConnectionFailure,
                          F::kUpstreamConnectionTermination,
                          F::kUpstreamOverflow,
                          F::kNoRouteFound,
                          F::kDelayInjected,
                          F::kFaultInjected,
                          F::kRateLimited,
                          F::kUnauthorizedExternalService,
                          F::kRateLimitServiceError,
                          F::kDownstreamConnectionTermination,
                          F::kUpstreamRetryLimitExceeded,
                          F::kStreamIdleTimeout,
                          F::kInvalidEnvoyRequestHeaders,
                          F::kDownstreamProtocolError,
                          F::kUpstreamMaxStreamDurationReached,
                          F::kResponseFromCacheFilter,
                          F::kNoFilterConfigFound,
                          F::kDurationTimeout,
                          F::kUpstreamProtocolError,
                          F::kNoClusterFound,
                          F::kOverloadTerminated,
                          F::kDnsResolutionFailed,
                          F::kDropOverload,
                          F::kDownstreamRemoteReset,
                          F::kUnconditionalDropOverload};
  static_assert(std::size(kOrder) == static_cast<size_t>(F::kCount));
  uint64_t bits = 0;
  for (size_t i = 0; i < std::size(kOrder); ++i) {
    if (flags.Has(kOrder[i])) bits |= uint64_t{1} << i;
  }
  return bits;
}

std::string_view ShortName(ResponseFlag flag) {
  return kShortNames[static_cast<int>(flag)];
}
std::string_view LongName(ResponseFlag flag) {
  return kLongNames[static_cast<int>(flag)];
}

void ResponseFlags::AppendShortNames(std::string& out) const {
  AppendNames(*this, ShortName, out);
}
void ResponseFlags::AppendLongNames(std::string& out) const {
  AppendNames(*this, LongName, out);
}

}  // namespace pillion::telemetry
