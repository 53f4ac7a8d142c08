#include "source/codec/http1/request_head.h"

#include <algorithm>
#include <cstring>

#include "source/http/syntax.h"

namespace pillion::codec::http1 {
namespace {

using http::HeaderId;
using http::Method;

constexpr std::string_view kCodecError = "http1.codec_error";
constexpr std::string_view kInvalidTarget = "http1.invalid_url";
constexpr std::string_view kInvalidAuthority = "http.invalid_authority";

bool Refuse(MessageParser& parser, int status, std::string_view detail) {
  parser.Fail(status, detail);
  return false;
}

// absolute-form: http://authority[/path][?query]. Its authority replaces Host (RFC 9112, 3.2.2).
bool ReadAbsoluteForm(MessageParser& parser, const ServerOptions& options, http::RequestHead& head) {
  const std::string_view target = parser.target();
  const size_t colon = target.find("://");
  // A scheme that is not that of the transport is never believed.
  if (colon == target.npos ||
      !http::EqualsIgnoreCase(target.substr(0, colon), options.secure ? "https" : "http")) {
    return Refuse(parser, 400, kInvalidTarget);
  }
  const std::string_view rest = target.substr(colon + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  head.authority = rest.substr(0, end);
  head.path = rest.substr(end);
  if (!http::IsAuthority(head.authority)) return Refuse(parser, 400, kInvalidTarget);
  if (head.path.empty()) {
    head.path = head.method_id == Method::kOptions ? "*" : "/";
  } else if (head.path.front() == '?') {
    char* path = static_cast<char*>(head.headers.arena().Allocate(head.path.size() + 1, 1));
    path[0] = '/';
    std::memcpy(path + 1, head.path.data(), head.path.size());
    head.path = {path, head.path.size() + 1};
  }
  return true;
}

bool ReadTarget(MessageParser& parser, const ServerOptions& options, http::RequestHead& head) {
  const std::string_view target = parser.target();
  if (!http::IsTarget(target)) {
    const bool fragment = target.find('#') != target.npos;
    return Refuse(parser, 400, fragment ? "path_normalization_failed" : kCodecError);
  }
  if (head.method_id == Method::kConnect) {
    // authority-form, with a port (RFC 9112, 3.2.3).
    if (!http::IsAuthority(target) || target.back() == ']' || target.rfind(':') == target.npos ||
        target.back() == ':') {
      return Refuse(parser, 400, kInvalidTarget);
    }
    head.authority = target;
    head.path = {};
    return true;
  }
  if (target.front() == '/') {
    head.path = target;
    return true;
  }
  if (target == "*") {
    if (head.method_id != Method::kOptions) return Refuse(parser, 400, kInvalidTarget);
    head.path = target;
    return true;
  }
  return ReadAbsoluteForm(parser, options, head);
}

bool ReadAuthority(MessageParser& parser, const ServerOptions& options, http::RequestHead& head) {
  const ConnectionFields& fields = parser.fields();
  if (fields.host_fields > 1) return Refuse(parser, 400, kCodecError);
  head.authority = fields.host;
  if (head.authority.empty()) {
    if (head.version == http::Version::kHttp10) head.authority = options.default_host;
    if (head.authority.empty()) return Refuse(parser, 400, "missing_host_header");
  }
  return http::IsAuthority(head.authority) || Refuse(parser, 400, kInvalidAuthority);
}

bool ReadFraming(MessageParser& parser, http::RequestHead& head) {
  const ConnectionFields& fields = parser.fields();
  head.content_length = fields.content_length;
  switch (fields.TransferCoding()) {
    case ConnectionFields::Coding::kNone:
      return true;
    case ConnectionFields::Coding::kChunked:
      if (head.content_length != http::kNoContentLength) {
        return Refuse(parser, 400, "http1.content_length_and_chunked_not_allowed");
      }
      return head.version != http::Version::kHttp10 || Refuse(parser, 400, "http1.invalid_transfer_encoding");
    case ConnectionFields::Coding::kUnsupported:
      return Refuse(parser, 501, "http1.invalid_transfer_encoding");
    case ConnectionFields::Coding::kInvalid:
      break;
  }
  return Refuse(parser, 400, "http1.invalid_transfer_encoding");
}

// A request without a body may ask to leave HTTP (RFC 9110, 7.8); a WebSocket is asked for by GET (RFC 6455, 4.1).
void ReadUpgrade(const ConnectionFields& fields, http::RequestHead& head) {
  if (fields.upgrade.empty() || !fields.connection_upgrade || head.version == http::Version::kHttp10) return;
  if (head.content_length > 0 || fields.transfer_encoding_fields > 0 || head.method_id == Method::kConnect) return;
  if (head.method_id != Method::kGet && http::EqualsIgnoreCase(fields.upgrade, "websocket")) return;
  head.upgrade = fields.upgrade;
}

}  // namespace

bool ReadRequestHead(MessageParser& parser, const ServerOptions& options, http::RequestHead& head) {
  ConnectionFields& fields = parser.fields();
  if (parser.major_version() != 1) {
    return Refuse(parser, parser.major_version() > 1 ? 505 : 400, kCodecError);
  }
  head.version = parser.version();
  if (head.version == http::Version::kHttp10 && !options.accept_http_10) return Refuse(parser, 426, "low_version");
  head.method = parser.method();
  head.method_id = http::FindMethod(head.method);
  head.scheme = options.secure ? "https" : "http";
  head.path = parser.target();  // until it is known what it is: so far it is for the log of a request that is refused
  head.spelling = parser.spelling();
  // Host is checked even where the target has an authority (RFC 9112, 3.2).
  if (!ReadFraming(parser, head) || !ReadAuthority(parser, options, head) || !ReadTarget(parser, options, head)) {
    return false;
  }
  if (!fields.Finish(head.headers)) return Refuse(parser, 400, kCodecError);
  if (fields.te_trailers) head.headers.Add(HeaderId::kTe, "trailers");
  if (head.version != http::Version::kHttp10) {
    if (fields.expect_other) return Refuse(parser, 417, "expectation_failed");
    head.expect_continue = fields.expect_continue;
  }
  ReadUpgrade(fields, head);
  if (head.method_id == Method::kConnect) {
    // What follows is the tunnel's (RFC 9110, 9.3.6).
    head.headers.Remove(HeaderId::kContentLength);
    head.content_length = http::kNoContentLength;
  }
  return true;
}

}  // namespace pillion::codec::http1
