#pragma once

// The model of a request and of a response: what a codec makes of bytes, what everything between looks at and
// changes, and all that a codec writes bytes from. Framing and hop-by-hop fields (RFC 9110, 7.6.1) are consumed by
// the codec that received them; what they said stands in members here.
//
// A head lives in its stream's arena, and so do all texts in it.

#include <cstdint>
#include <string_view>

#include "source/http/header_map.h"

namespace pillion::http {

class Spelling;

enum class Version : uint8_t { kHttp10, kHttp11, kHttp2 };

// "HTTP/1.0", "HTTP/1.1", "HTTP/2"
std::string_view VersionName(Version version);

enum class Method : uint8_t { kOther, kGet, kHead, kPost, kPut, kDelete, kConnect, kOptions, kTrace, kPatch };

Method FindMethod(std::string_view name);

// content_length when there is no such field.
inline constexpr int64_t kNoContentLength = -1;

struct RequestHead {
  explicit RequestHead(base::Arena& arena) : headers(arena) {}

  std::string_view method;  // never empty; case-sensitive
  std::string_view scheme;  // "http" or "https"; of the transport for HTTP/1, of :scheme for HTTP/2
  // host[:port], checked (no userinfo, no blanks). Empty only where the version allows that (HTTP/1.0).
  std::string_view authority;
  // Path and query as they came: starts with '/', or is "*" for OPTIONS; empty only for CONNECT.
  std::string_view path;
  // The protocol asked for by Upgrade (HTTP/1.1) or :protocol (RFC 8441); empty: none.
  std::string_view upgrade;
  HeaderMap headers;  // without host; with content-length (normalised) when that frames the body
  const Spelling* spelling = nullptr;  // of the fields' names, where somebody wants to know; null: lower case
  int64_t content_length = kNoContentLength;
  Method method_id = Method::kOther;
  Version version = Version::kHttp11;
  bool expect_continue = false;  // the sender waits for a 100 before it sends the body (the field is consumed)
};

struct ResponseHead {
  explicit ResponseHead(base::Arena& arena) : headers(arena) {}

  int status = 0;  // 100 to 599
  // The protocol switched to by a 101; empty otherwise.
  std::string_view upgrade;
  HeaderMap headers;  // with content-length (normalised), also where it describes no body (HEAD, 304)
  const Spelling* spelling = nullptr;  // as that of a request
  int64_t content_length = kNoContentLength;
  Version version = Version::kHttp11;
};

// True for an answer that has no body whatever its fields say (RFC 9112, 6.3 item 1).
inline bool HasNoBody(Method request_method, int status) {
  return request_method == Method::kHead || status < 200 || status == 204 || status == 304;
}

// content-type application/grpc, application/grpc+x or application/grpc;x.
bool IsGrpc(const HeaderMap& headers);

}  // namespace pillion::http
