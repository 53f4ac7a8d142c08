#include "source/codec/http2/head_encoder.h"

#include <array>

#include "source/base/check.h"

namespace pillion::codec::http2 {
namespace {

using http::HeaderId;

constexpr uint8_t kNoCopy = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;

struct StatusText {
  char text[3];
};

constexpr std::array<StatusText, 500> kStatusTexts = [] {
  std::array<StatusText, 500> texts{};
  for (int i = 0; i < 500; ++i) {
    const int status = i + 100;
    texts[i] = {{static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                 static_cast<char>('0' + status % 10)}};
  }
  return texts;
}();

nghttp2_nv Nv(std::string_view name, std::string_view value, uint8_t flags = kNoCopy) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), flags};
}

// Values that no second request has would only push the others out of the table.
bool ChangesEachTime(const http::HeaderField& field) {
  switch (field.id) {
    case HeaderId::kGrpcTimeout:
    case HeaderId::kXEnvoyExpectedRqTimeoutMs:
    case HeaderId::kXEnvoyUpstreamServiceTime:
    case HeaderId::kXRequestId:
      return true;
    case HeaderId::kUnknown:
      switch (field.name_size) {
        case 9:
          return field.name() == "x-context";
        case 10:
          return field.name() == "tracestate";
        case 11:
          return field.name() == "traceparent";
        case 12:
          return field.name() == "x-b3-traceid";
        case 14:
          return field.name() == "x-vivo-context";
      }
      return false;
    default:
      return false;
  }
}

bool BelongsToConnection(HeaderId id) {
  switch (id) {
    case HeaderId::kConnection:
    case HeaderId::kHost:
    case HeaderId::kHttp2Settings:
    case HeaderId::kKeepAlive:
    case HeaderId::kProxyConnection:
    case HeaderId::kTransferEncoding:
    case HeaderId::kUpgrade:
      return true;
    default:
      return false;
  }
}

void AddFields(std::span<const http::HeaderField> fields, NvScratch& scratch) {
  for (const http::HeaderField& field : fields) {
    // A rule may have added what HTTP/2 has no place for (RFC 9113, 8.2.2).
    if (BelongsToConnection(field.id)) continue;
    const bool indexed = !field.sensitive && !ChangesEachTime(field);
    scratch.push_back(Nv(field.name(), field.value(), indexed ? kNoCopy : kNoCopy | NGHTTP2_NV_FLAG_NO_INDEX));
  }
}

}  // namespace

std::span<const nghttp2_nv> EncodeRequest(const http::RequestHead& head, NvScratch& scratch) {
  scratch.clear();
  scratch.push_back(Nv(":method", head.method));
  if (head.method_id != http::Method::kConnect) {
    scratch.push_back(Nv(":scheme", head.scheme));
    scratch.push_back(Nv(":path", head.path));
  }
  if (!head.authority.empty()) scratch.push_back(Nv(":authority", head.authority));
  AddFields({head.headers.begin(), head.headers.end()}, scratch);
  if (head.expect_continue) scratch.push_back(Nv("expect", "100-continue"));
  return scratch;
}

std::span<const nghttp2_nv> EncodeResponse(const http::ResponseHead& head, NvScratch& scratch) {
  PILLION_CHECK(head.status >= 100 && head.status < 600);
  scratch.clear();
  const StatusText& status = kStatusTexts[static_cast<size_t>(head.status) - 100];
  scratch.push_back(Nv(":status", {status.text, sizeof status.text}));
  AddFields({head.headers.begin(), head.headers.end()}, scratch);
  return scratch;
}

std::span<const nghttp2_nv> EncodeTrailers(std::span<const http::HeaderField> fields, NvScratch& scratch) {
  scratch.clear();
  AddFields(fields, scratch);
  return scratch;
}

}  // namespace pillion::codec::http2
