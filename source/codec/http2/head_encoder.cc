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

// Writes the fields behind `to` and returns the end.
nghttp2_nv* WriteFields(std::span<const http::HeaderField> fields, nghttp2_nv* to) {
  for (const http::HeaderField& field : fields) {
    // A rule may have added what HTTP/2 has no place for (RFC 9113, 8.2.2).
    if (BelongsToConnection(field.id)) continue;
    const bool indexed = !field.sensitive && !ChangesEachTime(field);
    *to++ = Nv(field.name(), field.value(), indexed ? kNoCopy : kNoCopy | NGHTTP2_NV_FLAG_NO_INDEX);
  }
  return to;
}

nghttp2_nv* RoomFor(size_t fields, NvScratch& scratch) {
  if (scratch.size() < fields) scratch.resize(fields);
  return scratch.data();
}

}  // namespace

std::span<const nghttp2_nv> EncodeRequest(const http::RequestHead& head, NvScratch& scratch) {
  constexpr size_t kBesideFields = 6;
  nghttp2_nv* const list = RoomFor(head.headers.size() + kBesideFields, scratch);
  nghttp2_nv* to = list;
  *to++ = Nv(":method", head.upgrade.empty() ? head.method : "CONNECT");
  if (!head.upgrade.empty()) *to++ = Nv(":protocol", head.upgrade);  // RFC 8441, 4
  if (head.method_id != http::Method::kConnect) {
    *to++ = Nv(":scheme", head.scheme);
    *to++ = Nv(":path", head.path);
  }
  if (!head.authority.empty()) *to++ = Nv(":authority", head.authority);
  to = WriteFields({head.headers.begin(), head.headers.end()}, to);
  if (head.expect_continue) *to++ = Nv("expect", "100-continue");
  return {list, to};
}

std::span<const nghttp2_nv> EncodeResponse(const http::ResponseHead& head, NvScratch& scratch) {
  PILLION_CHECK(head.status >= 100 && head.status < 600);
  nghttp2_nv* const list = RoomFor(head.headers.size() + 1, scratch);
  // To a request for another protocol: there is no 101 in HTTP/2 (RFC 8441, 5).
  const StatusText& status = kStatusTexts[head.status == 101 ? 100 : static_cast<size_t>(head.status) - 100];
  *list = Nv(":status", {status.text, sizeof status.text});
  return {list, WriteFields({head.headers.begin(), head.headers.end()}, list + 1)};
}

std::span<const nghttp2_nv> EncodeTrailers(std::span<const http::HeaderField> fields, NvScratch& scratch) {
  nghttp2_nv* const list = RoomFor(fields.size(), scratch);
  return {list, WriteFields(fields, list)};
}

}  // namespace pillion::codec::http2
