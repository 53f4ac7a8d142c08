#include "source/upstream/http_client_codecs.h"

#include "source/codec/http1/client_connection.h"
#include "source/codec/http2/client_connection.h"
#include "source/codec/raw/client_connection.h"
#include "source/upstream/http2_options.h"

namespace pillion::upstream {
namespace {

// Envoy's bound on the head of a response.
constexpr size_t kMaxHttp1HeadBytes = 80 * 1024;

}  // namespace

HttpClientCodecs::HttpClientCodecs(const config::Cluster& cluster, base::BlockPool& blocks,
                                   codec::http2::MemoryPool& memory)
    : blocks_(blocks), memory_(memory) {
  const config::UpstreamHttp& http = cluster.http;
  const size_t buffer_limit = OutputLimit(cluster);

  http1_.limits.max_head_bytes = kMaxHttp1HeadBytes;
  http1_.limits.max_headers = http.options.max_headers_count;
  http1_.limits.enable_trailers = http.http1.enable_trailers;
  http1_.limits.keep_spelling = http.http1.keep_spelling;
  http1_.limits.keep_reason = http.http1.keep_reason;
  http1_.names = http.http1.names;
  http1_.output_high_watermark = buffer_limit;

  http2_ = Http2Options(http.http2, http.options, buffer_limit);
}

std::unique_ptr<codec::ClientConnection> HttpClientCodecs::Make(Protocol protocol, codec::Link& link,
                                                                codec::ClientEvents& events) {
  if (protocol == Protocol::kHttp1) {
    return std::make_unique<codec::http1::ClientConnection>(link, events, blocks_, http1_);
  }
  if (protocol == Protocol::kRaw) {
    return std::make_unique<codec::raw::ClientConnection>(link, events, http1_.output_high_watermark);
  }
  return std::make_unique<codec::http2::ClientConnection>(link, events, blocks_, memory_, http2_);
}

}  // namespace pillion::upstream
