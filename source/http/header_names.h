#pragma once

// The header fields that the data path looks at by name. A known name has an id, so that looking one up in a head
// is a bit test and then comparisons of small integers. Names are lower case (RFC 9113, 8.2; HTTP/1 output too).

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace pillion::http {

// id, name
#define PILLION_KNOWN_HEADERS(X)                                      \
  X(kAccept, "accept")                                                \
  X(kAcceptEncoding, "accept-encoding")                               \
  X(kAcceptLanguage, "accept-language")                               \
  X(kAuthorization, "authorization")                                  \
  X(kB3, "b3")                                                        \
  X(kBaggage, "baggage")                                              \
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
  X(kTraceparent, "traceparent")                                      \
  X(kTracestate, "tracestate")                                        \
  X(kTrailer, "trailer")                                              \
  X(kTransferEncoding, "transfer-encoding")                           \
  X(kUpgrade, "upgrade")                                              \
  X(kUserAgent, "user-agent")                                         \
  X(kVary, "vary")                                                    \
  X(kVctxBin, "vctx-bin")                                             \
  X(kVia, "via")                                                      \
  X(kXB3Flags, "x-b3-flags")                                          \
  X(kXB3ParentSpanId, "x-b3-parentspanid")                            \
  X(kXB3Sampled, "x-b3-sampled")                                      \
  X(kXB3SpanId, "x-b3-spanid")                                        \
  X(kXB3TraceId, "x-b3-traceid")                                      \
  X(kXContext, "x-context")                                           \
  X(kXDeadline, "x-deadline")                                         \
  X(kXEnvoyAttemptCount, "x-envoy-attempt-count")                     \
  X(kXEnvoyDecoratorOperation, "x-envoy-decorator-operation")         \
  X(kXEnvoyDownstreamServiceCluster, "x-envoy-downstream-service-cluster") \
  X(kXEnvoyDownstreamServiceNode, "x-envoy-downstream-service-node")  \
  X(kXEnvoyExpectedRqTimeoutMs, "x-envoy-expected-rq-timeout-ms")     \
  X(kXEnvoyExternalAddress, "x-envoy-external-address")               \
  X(kXEnvoyForceTrace, "x-envoy-force-trace")                         \
  X(kXEnvoyHedgeOnPerTryTimeout, "x-envoy-hedge-on-per-try-timeout")  \
  X(kXEnvoyInternal, "x-envoy-internal")                              \
  X(kXEnvoyIpTags, "x-envoy-ip-tags")                                 \
  X(kXEnvoyMaxRetries, "x-envoy-max-retries")                         \
  X(kXEnvoyOriginalHost, "x-envoy-original-host")                     \
  X(kXEnvoyOriginalPath, "x-envoy-original-path")                     \
  X(kXEnvoyOriginalUrl, "x-envoy-original-url")                       \
  X(kXEnvoyOverloaded, "x-envoy-overloaded")                          \
  X(kXEnvoyRetriableHeaderNames, "x-envoy-retriable-header-names")    \
  X(kXEnvoyRetriableStatusCodes, "x-envoy-retriable-status-codes")    \
  X(kXEnvoyRetryGrpcOn, "x-envoy-retry-grpc-on")                      \
  X(kXEnvoyRetryOn, "x-envoy-retry-on")                               \
  X(kXEnvoyUpstreamAltStatName, "x-envoy-upstream-alt-stat-name")     \
  X(kXEnvoyUpstreamRqPerTryTimeoutMs, "x-envoy-upstream-rq-per-try-timeout-ms") \
  X(kXEnvoyUpstreamRqTimeoutAltResponse, "x-envoy-upstream-rq-timeout-alt-response") \
  X(kXEnvoyUpstreamRqTimeoutMs, "x-envoy-upstream-rq-timeout-ms")     \
  X(kXEnvoyUpstreamServiceTime, "x-envoy-upstream-service-time")      \
  X(kXForwardedClientCert, "x-forwarded-client-cert")                 \
  X(kXForwardedFor, "x-forwarded-for")                                \
  X(kXForwardedHost, "x-forwarded-host")                              \
  X(kXForwardedProto, "x-forwarded-proto")                            \
  X(kXForwardedPort, "x-forwarded-port")                              \
  X(kXRequestId, "x-request-id")                                      \
  X(kXTenant, "x-tenant")                                             \
  X(kXTimeoutMs, "x-timeout-ms")                                      \
  X(kXVivoContext, "x-vivo-context")

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

// Some of them: a question for each field of a head is answered by one bit.
struct HeaderIdSet {
  constexpr HeaderIdSet(std::initializer_list<HeaderId> ids) {
    for (const HeaderId id : ids) words[static_cast<size_t>(id) / 64] |= uint64_t{1} << (static_cast<size_t>(id) % 64);
  }
  constexpr bool Has(HeaderId id) const {
    return (words[static_cast<size_t>(id) / 64] >> (static_cast<size_t>(id) % 64) & 1) != 0;
  }

  std::array<uint64_t, 2> words{};
};

// The name of a known header: a static string. Empty for kUnknown.
inline std::string_view HeaderName(HeaderId id) { return kHeaderNames[static_cast<size_t>(id)]; }

// The id of `name`, which is lower case; kUnknown when it is none of the above.
HeaderId FindHeaderId(std::string_view name);

// Without a branch for each character: mostly there is none.
inline bool HasUpperCase(std::string_view text) {
  bool found = false;
  for (const char c : text) found |= static_cast<unsigned char>(c - 'A') < 26;
  return found;
}

// The same for a token in any case.
HeaderId FindHeaderIdIgnoringCase(std::string_view token);

}  // namespace pillion::http
