#pragma once

// What a request is tried again for.

#include <cstdint>
#include <optional>
#include <string_view>

namespace pillion::config {

// A bitmask.
enum RetryOn : uint32_t {
  kRetryOn5xx = 1u << 0,
  kRetryOnGatewayError = 1u << 1,
  kRetryOnReset = 1u << 2,
  kRetryOnResetBeforeRequest = 1u << 3,
  kRetryOnConnectFailure = 1u << 4,
  kRetryOnEnvoyRatelimited = 1u << 5,
  kRetryOnRetriable4xx = 1u << 6,
  kRetryOnRefusedStream = 1u << 7,
  kRetryOnRetriableStatusCodes = 1u << 8,
  kRetryOnGrpcCancelled = 1u << 9,
  kRetryOnGrpcDeadlineExceeded = 1u << 10,
  kRetryOnGrpcInternal = 1u << 11,
  kRetryOnGrpcResourceExhausted = 1u << 12,
  kRetryOnGrpcUnavailable = 1u << 13,
  kRetryOnRetriableHeaders = 1u << 14,
};

// Those that gRPC's status is asked for.
inline constexpr uint32_t kRetryOnGrpc = kRetryOnGrpcCancelled | kRetryOnGrpcDeadlineExceeded | kRetryOnGrpcInternal |
                                         kRetryOnGrpcResourceExhausted | kRetryOnGrpcUnavailable;

struct RetryOnWord {
  std::string_view word;
  RetryOn condition;
};

// As retry_on and x-envoy-retry-on name them.
inline constexpr RetryOnWord kRetryOnWords[] = {
    {"5xx", kRetryOn5xx},
    {"gateway-error", kRetryOnGatewayError},
    {"reset", kRetryOnReset},
    {"reset-before-request", kRetryOnResetBeforeRequest},
    {"connect-failure", kRetryOnConnectFailure},
    {"envoy-ratelimited", kRetryOnEnvoyRatelimited},
    {"retriable-4xx", kRetryOnRetriable4xx},
    {"refused-stream", kRetryOnRefusedStream},
    {"retriable-status-codes", kRetryOnRetriableStatusCodes},
    {"retriable-headers", kRetryOnRetriableHeaders},
    {"cancelled", kRetryOnGrpcCancelled},
    {"deadline-exceeded", kRetryOnGrpcDeadlineExceeded},
    {"internal", kRetryOnGrpcInternal},
    {"resource-exhausted", kRetryOnGrpcResourceExhausted},
    {"unavailable", kRetryOnGrpcUnavailable},
};

inline std::optional<RetryOn> FindRetryOn(std::string_view word) {
  for (const RetryOnWord& known : kRetryOnWords) {
    if (known.word == word) return known.condition;
  }
  return std::nullopt;
}

}  // namespace pillion::config
