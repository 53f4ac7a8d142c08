#include "source/codec/http2/head_decoder.h"

#include <algorithm>

#include "source/http/syntax.h"

namespace pillion::codec::http2 {
namespace {

using http::HeaderId;
using http::HeaderIdSet;
using http::Method;

// RFC 9113, 8.2.2.
constexpr HeaderIdSet kConnectionSpecific = {HeaderId::kConnection, HeaderId::kKeepAlive, HeaderId::kProxyConnection,
                                             HeaderId::kTransferEncoding, HeaderId::kUpgrade};

// Fields of a head that need more than a look at their value.
constexpr HeaderIdSet kSpecial = {HeaderId::kConnection,       HeaderId::kKeepAlive, HeaderId::kProxyConnection,
                                  HeaderId::kTransferEncoding, HeaderId::kUpgrade,   HeaderId::kHost,
                                  HeaderId::kContentLength,    HeaderId::kTe,        HeaderId::kExpect,
                                  HeaderId::kHttp2Settings};

// Fields that trailers must not carry (RFC 9110, 6.5.1): framing, routing, authentication, identity, and whatever
// changes how the content is read. They are dropped.
constexpr HeaderIdSet kNotInTrailers = {
    HeaderId::kAuthorization, HeaderId::kCacheControl,      HeaderId::kContentEncoding,
    HeaderId::kContentLength, HeaderId::kContentType,       HeaderId::kCookie,
    HeaderId::kExpect,        HeaderId::kHost,              HeaderId::kHttp2Settings,
    HeaderId::kMaxForwards,   HeaderId::kProxyAuthenticate, HeaderId::kProxyAuthorization,
    HeaderId::kSetCookie,     HeaderId::kTe,                HeaderId::kTrailer,
    HeaderId::kXForwardedFor, HeaderId::kXForwardedProto,   HeaderId::kXForwardedClientCert,
    HeaderId::kXRequestId,    HeaderId::kXEnvoyAttemptCount, HeaderId::kXEnvoyExpectedRqTimeoutMs};

constexpr std::string_view kTooLarge = "http2.headers_too_large";
constexpr std::string_view kTooMany = "http2.too_many_headers";
constexpr std::string_view kMalformedPseudo = "http2.invalid_pseudo_header";
constexpr std::string_view kMalformedField = "http2.invalid_header_field";
constexpr std::string_view kMalformedLength = "http2.invalid_content_length";

}  // namespace

void HeadDecoder::Start(Section section, base::Arena& arena) {
  arena_ = &arena;
  request_ = nullptr;
  response_ = nullptr;
  error_ = HeadError();
  host_ = {};
  list_bytes_ = 0;
  list_fields_ = 0;
  content_length_ = http::kNoContentLength;
  section_ = section;
  pseudo_ = 0;
  regular_seen_ = false;
  expect_seen_ = false;
  hosts_ = 0;
}

void HeadDecoder::StartRequest(base::Arena& arena) {
  Start(Section::kRequest, arena);
  request_ = arena.New<http::RequestHead>(arena);
  fields_ = &request_->headers;
}

void HeadDecoder::StartResponse(base::Arena& arena) {
  Start(Section::kResponse, arena);
  response_ = arena.New<http::ResponseHead>(arena);
  fields_ = &response_->headers;
}

void HeadDecoder::StartTrailers(base::Arena& arena) {
  Start(Section::kTrailers, arena);
  fields_ = arena.New<http::HeaderMap>(arena);
}

void HeadDecoder::Add(std::string_view name, std::string_view value, bool sensitive) {
  if (error_.kind != HeadError::Kind::kNone) return;
  // Every field counts, also one that is dropped or joined later (CVE-2016-6581 and its relatives).
  list_bytes_ += static_cast<uint32_t>(name.size() + value.size()) + kFieldOverhead;
  ++list_fields_;
  if (list_bytes_ > options_.max_header_list_bytes || list_fields_ > options_.max_headers) [[unlikely]] {
    return RefuseSize();
  }
  if (name.empty()) return Malformed(kMalformedField);
  if (name.front() == ':') return AddPseudo(name, value);
  regular_seen_ = true;
  const HeaderId id = http::FindHeaderId(name);
  if (id == HeaderId::kUnknown) return AddUnknown(name, value, sensitive);
  if (!http::IsFieldValue(value)) return Malformed(kMalformedField);
  if (section_ == Section::kTrailers) {
    if (kConnectionSpecific.Has(id)) return Malformed(kMalformedField);
    if (kNotInTrailers.Has(id)) return;
  } else if (kSpecial.Has(id) && !HandleSpecial(id, value)) {
    return;
  }
  fields_->Add(id, http::HeaderName(id), arena_->Copy(value), sensitive);
}

void HeadDecoder::RefuseSize() {
  const std::string_view detail = list_fields_ > options_.max_headers ? kTooMany : kTooLarge;
  if (section_ == Section::kRequest) {
    Refuse(431, detail);
  } else {
    Malformed(detail);
  }
}

void HeadDecoder::AddPseudo(std::string_view name, std::string_view value) {
  if (regular_seen_ || section_ == Section::kTrailers) return Malformed(kMalformedPseudo);
  if (section_ == Section::kResponse) {
    if (name != ":status") return Malformed(kMalformedPseudo);
    return SetStatus(value);
  }
  switch (name.size()) {
    case 5:
      if (name == ":path") return SetPseudo(kPath, request_->path, value);
      break;
    case 7:
      if (name == ":method") return SetPseudo(kMethod, request_->method, value);
      if (name == ":scheme") return SetPseudo(kScheme, request_->scheme, value);
      break;
    case 10:
      if (name == ":authority") return SetPseudo(kAuthority, request_->authority, value);
      break;
    case 9:
      if (name == ":protocol" && options_.extended_connect) return SetPseudo(kProtocol, request_->upgrade, value);
      break;
  }
  // :protocol too, where extended CONNECT is not offered (RFC 8441, 3).
  Malformed(kMalformedPseudo);
}

void HeadDecoder::SetPseudo(Pseudo pseudo, std::string_view& to, std::string_view value) {
  if ((pseudo_ & pseudo) != 0) return Malformed(kMalformedPseudo);
  pseudo_ |= pseudo;
  to = arena_->Copy(value);
}

void HeadDecoder::SetStatus(std::string_view value) {
  if ((pseudo_ & kStatus) != 0) return Malformed(kMalformedPseudo);
  pseudo_ |= kStatus;
  const auto digit = [&](size_t i) { return value[i] >= '0' && value[i] <= '9'; };
  if (value.size() != 3 || value[0] < '1' || value[0] > '5' || !digit(1) || !digit(2)) {
    return Malformed("http2.invalid_status");
  }
  response_->status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
}

void HeadDecoder::AddUnknown(std::string_view name, std::string_view value, bool sensitive) {
  if (!http::IsLowerCaseToken(name) || !http::IsFieldValue(value)) return Malformed(kMalformedField);
  if (options_.headers_with_underscores != Underscores::kAllow && name.find('_') != name.npos) {
    if (options_.headers_with_underscores == Underscores::kDropField) return;
    return Malformed("http2.unexpected_underscore");
  }
  fields_->Add(HeaderId::kUnknown, arena_->Copy(name), arena_->Copy(value), sensitive);
}

bool HeadDecoder::HandleSpecial(HeaderId id, std::string_view value) {
  switch (id) {
    case HeaderId::kHost:
      if (section_ != Section::kRequest) return true;
      if (hosts_ < 2) ++hosts_;
      host_ = arena_->Copy(value);
      return false;
    case HeaderId::kContentLength:
      TakeContentLength(value);
      return false;
    case HeaderId::kTe:
      if (!http::EqualsIgnoreCase(value, "trailers")) Malformed(kMalformedField);
      return section_ == Section::kRequest;
    case HeaderId::kExpect:
      if (section_ != Section::kRequest) return true;
      if (!http::EqualsIgnoreCase(value, "100-continue")) Refuse(417, "expectation_failed");
      expect_seen_ = true;
      return false;
    case HeaderId::kHttp2Settings:
      return false;  // of an upgrade that this connection is beyond (RFC 7540, 3.2.1)
    default:
      Malformed(kMalformedField);
      return false;
  }
}

void HeadDecoder::TakeContentLength(std::string_view value) {
  const auto length = http::ParseContentLength(value);
  if (!length || content_length_ != http::kNoContentLength) return Malformed(kMalformedLength);
  content_length_ = *length;
  const size_t zeros = std::min(value.find_first_not_of('0'), value.size() - 1);
  fields_->Add(HeaderId::kContentLength, arena_->Copy(value.substr(zeros)));
}

const HeadError& HeadDecoder::FinishRequest(bool end) {
  constexpr uint8_t kNeeded = kMethod | kScheme | kPath;
  http::RequestHead& head = *request_;
  head.version = http::Version::kHttp2;
  if (error_.kind != HeadError::Kind::kNone) return error_;
  head.method_id = http::FindMethod(head.method);
  if (!http::IsToken(head.method)) {
    Malformed(kMalformedPseudo);
  } else if (is_extended_connect()) {
    FinishExtendedConnect();
  } else if (head.method_id == Method::kConnect) {
    // RFC 9113, 8.5.
    if ((pseudo_ & (kScheme | kPath)) != 0 || (pseudo_ & kAuthority) == 0) Malformed(kMalformedPseudo);
  } else if ((pseudo_ & kNeeded) != kNeeded) {
    Malformed(kMalformedPseudo);
  } else {
    FinishTarget();
  }
  FinishAuthority();
  if (end && content_length_ > 0) Malformed(kMalformedLength);
  if (head.method_id == Method::kConnect || is_extended_connect()) {
    // What follows is the tunnel's (RFC 9110, 9.3.6).
    head.headers.Remove(HeaderId::kContentLength);
    content_length_ = http::kNoContentLength;
  }
  head.content_length = content_length_;
  head.expect_continue = expect_seen_ && !end;
  if (head.headers.Has(HeaderId::kCookie)) JoinCookies();
  return error_;
}

// RFC 8441, 4: all that another request has, and the authority.
void HeadDecoder::FinishExtendedConnect() {
  constexpr uint8_t kNeeded = kMethod | kScheme | kPath | kAuthority;
  http::RequestHead& head = *request_;
  if (head.method_id != Method::kConnect || (pseudo_ & kNeeded) != kNeeded || !http::IsToken(head.upgrade)) {
    return Malformed(kMalformedPseudo);
  }
  head.method = "GET";
  head.method_id = Method::kGet;
  FinishTarget();
}

void HeadDecoder::FinishTarget() {
  http::RequestHead& head = *request_;
  if (http::EqualsIgnoreCase(head.scheme, "http")) {
    head.scheme = "http";
  } else if (http::EqualsIgnoreCase(head.scheme, "https")) {
    head.scheme = "https";
  } else {
    return Refuse(400, "http.invalid_scheme");
  }
  if (!http::IsTarget(head.path)) return Malformed("http2.invalid_path");
  if (head.path.front() != '/' && !(head.path == "*" && head.method_id == Method::kOptions)) {
    Malformed("http2.invalid_path");
  }
}

// :authority replaces Host (RFC 9113, 8.3.1), which is checked all the same.
void HeadDecoder::FinishAuthority() {
  http::RequestHead& head = *request_;
  if (hosts_ > 1 || (hosts_ == 1 && !http::IsAuthority(host_))) return Malformed("http2.invalid_authority");
  if ((pseudo_ & kAuthority) == 0) {
    if (hosts_ == 0) return Refuse(400, "missing_host_header");
    head.authority = host_;
  } else if (!http::IsAuthority(head.authority)) {
    Malformed("http2.invalid_authority");
  }
}

// HTTP/2 lets one Cookie field be sent as many (RFC 9113, 8.2.3); to anyone else they are one.
void HeadDecoder::JoinCookies() {
  http::HeaderMap& headers = request_->headers;
  if (headers.Count(HeaderId::kCookie) == 1) return;
  base::ArenaText joined;
  for (const http::HeaderField& field : headers) {
    if (field.id != HeaderId::kCookie || field.value_size == 0) continue;
    if (!joined.empty()) joined.Append(*arena_, "; ");
    joined.Append(*arena_, field.value());
  }
  headers.Set(HeaderId::kCookie, joined.view());
}

const HeadError& HeadDecoder::FinishResponse(bool end, bool body_expected) {
  if (error_.kind != HeadError::Kind::kNone) return error_;
  http::ResponseHead& head = *response_;
  head.version = http::Version::kHttp2;
  head.content_length = content_length_;
  if ((pseudo_ & kStatus) == 0) {
    Malformed(kMalformedPseudo);
  } else if (head.status < 200) {
    // There is no 101 in HTTP/2 (RFC 9113, 8.6), and no message ends with a 1xx (8.1).
    if (end || head.status == 101) Malformed("http2.invalid_informational");
  } else if (end && body_expected && content_length_ > 0 && head.status != 204 && head.status != 304) {
    Malformed(kMalformedLength);
  }
  return error_;
}

const HeadError& HeadDecoder::FinishTrailers(bool end) {
  if (!end) Malformed("http2.trailers_without_end");
  return error_;
}

}  // namespace pillion::codec::http2
