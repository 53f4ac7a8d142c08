#pragma once

// The header fields that the data path looks at by name. A known name has an id, so that looking one up in a head
// is a bit test and then comparisons of small integers. Names are lower case (RFC 9113, 8.2; HTTP/1 output too).

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pillion::http {

// id, name
#define PILLION_KNOWN_HEADERS(X)                                      \
  X(kAccept, "accept")                                                \
  X(kAcceptEncoding, "accept-encoding")                               \
  X(kAcceptLanguage, "accept-language")                               \
  X(kAuthorization, "authorization")                                  \
  X(kCacheControl, "cache-control")                                   \
  X(kConnection, "connection")                                        \
  X(kContentEncoding, "content-encoding")                             \
  X(kContentLength, "content-length")                                 \
  X(kContentType, "content-type")                                     \
  X(kCookie, "cookie")                                                \
  X(kDate, "date")                                                    \
  X(kExpect, "expect")                                                \
  X(kGrpcEncoding, "grpc-encoding")                                   \
  X(kGrpcMessage, "grpc-message")                                     \
  X(kGrpcStatus, "grpc-status")                                       \
  X(kGrpcTimeout, "grpc-timeout")                                     \
  X(kHost, "host")                                                    \
  X(kHttp2Settings, "http2-settings")                                 \
  X(kKeepAlive, "keep-alive")                                         \
  X(kLocation, "location")                                            \
  X(kMaxForwards, "max-forwards")                                     \
  X(kOrigin, "origin")                                                \
  X(kProxyAuthenticate, "proxy-authenticate")                         \
  X(kProxyAuthorization, "proxy-authorization")                       \
  X(kProxyConnection, "proxy-connection")                             \
  X(kReferer, "referer")                                              \
  X(kServer, "server")                                                \
  X(kSetCookie, "set-cookie")                                         \
  X(kTe, "te")                                                        \
  X(kTrailer, "trailer")                                              \
  X(kTransferEncoding, "transfer-encoding")                           \
  X(kUpgrade, "upgrade")                                              \
  X(kUserAgent, "user-agent")                                         \
  X(kVary, "vary")                                                    \
  X(kVia, "via")                                                      \
  X(kXEnvoyAttemptCount, "x-envoy-attempt-count")                     \
  X(kXEnvoyDownstreamServiceCluster, "x-envoy-downstream-service-cluster") \
  X(kXEnvoyDownstreamServiceNode, "x-envoy-downstream-service-node") \
  X(kXEnvoyExpectedRqTimeoutMs, "x-envoy-expected-rq-timeout-ms")     \
  X(kXEnvoyOverloaded, "x-envoy-overloaded")                          \
  X(kXEnvoyUpstreamServiceTime, "x-envoy-upstream-service-time")      \
  X(kXForwardedClientCert, "x-forwarded-client-cert")                 \
  X(kXForwardedFor, "x-forwarded-for")                                \
  X(kXForwardedProto, "x-forwarded-proto")                            \
  X(kXRequestId, "x-request-id")

enum class HeaderId : uint8_t {
  kUnknown = 0,
#define X(id, name) id,
  PILLION_KNOWN_HEADERS(X)
#undef X
      kCount,
};

inline constexpr size_t kHeaderIds = static_cast<size_t>(HeaderId::kCount);

inline constexpr std::array<std::string_view, kHeaderIds> kHeaderNames = {
    "",
#define X(id, name) name,
    PILLION_KNOWN_HEADERS(X)
#undef X
};

// The name of a known header: a static string. Empty for kUnknown.
inline std::string_view HeaderName(HeaderId id) { return kHeaderNames[static_cast<size_t>(id)]; }

// The id of `name`, which is lower case; kUnknown when it is none of the above.
HeaderId FindHeaderId(std::string_view name);

// The same for a token in any case.
HeaderId FindHeaderIdIgnoringCase(std::string_view token);

}  // namespace pillion::http
