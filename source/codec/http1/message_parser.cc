#include "source/codec/http1/message_parser.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "source/http/header_names.h"
#include "source/http/syntax.h"

namespace pillion::codec::http1 {

using http::HeaderId;

namespace {

// Envoy's words.
constexpr std::string_view kCodecError = "http1.codec_error";
constexpr std::string_view kInvalidCharacters = "http1.invalid_characters";
constexpr std::string_view kHeadersTooLarge = "http1.headers_too_large";
constexpr std::string_view kTooManyHeaders = "http1.too_many_headers";
constexpr std::string_view kUnderscore = "http1.unexpected_underscore";
constexpr std::string_view kLengthAndChunked = "http1.content_length_and_chunked_not_allowed";

// CRLF behind the data before, 16 digits, CRLF: what stands between two chunks' data when there is no extension.
constexpr uint64_t kChunkDigits = 16;
constexpr uint64_t kChunkLine = 2 + kChunkDigits + 2;

// Fields that trailers must not carry (RFC 9110, 6.5.1): framing, routing, authentication, identity, and whatever
// a receiver might take for a field of the head.
constexpr http::HeaderIdSet kForbiddenTrailers = {
    HeaderId::kAuthorization,
    HeaderId::kCacheControl,
    HeaderId::kConnection,
    HeaderId::kContentEncoding,
    HeaderId::kContentLength,
    HeaderId::kContentType,
    HeaderId::kCookie,
    HeaderId::kExpect,
    HeaderId::kHost,
    HeaderId::kHttp2Settings,
    HeaderId::kKeepAlive,
    HeaderId::kMaxForwards,
    HeaderId::kProxyAuthenticate,
    HeaderId::kProxyAuthorization,
    HeaderId::kProxyConnection,
    HeaderId::kSetCookie,
    HeaderId::kTe,
    HeaderId::kTrailer,
    HeaderId::kTransferEncoding,
    HeaderId::kUpgrade,
    HeaderId::kXEnvoyAttemptCount,
    HeaderId::kXEnvoyExpectedRqTimeoutMs,
    HeaderId::kXForwardedClientCert,
    HeaderId::kXForwardedFor,
    HeaderId::kXForwardedProto,
    HeaderId::kXRequestId,
};

// Fields of a head that are not simply put into it.
constexpr http::HeaderIdSet kSpecial = {
    HeaderId::kConnection,      HeaderId::kContentLength, HeaderId::kExpect,  HeaderId::kHost,
    HeaderId::kHttp2Settings,   HeaderId::kKeepAlive,     HeaderId::kProxyConnection,
    HeaderId::kTe,              HeaderId::kTrailer,       HeaderId::kTransferEncoding,
    HeaderId::kUpgrade,
};

}  // namespace

// Where llhttp calls in.
struct Callbacks {
  static MessageParser& Self(llhttp_t* parser) { return *static_cast<MessageParser*>(parser->data); }

  static constexpr llhttp_settings_t kSettings = [] {
    llhttp_settings_t s{};
    s.on_protocol = [](llhttp_t* p, const char* at, size_t n) { return Self(p).OnProtocol(at, n); };
    s.on_url = [](llhttp_t* p, const char* at, size_t n) { return Self(p).OnTarget(at, n); };
    s.on_header_field = [](llhttp_t* p, const char* at, size_t n) { return Self(p).OnFieldName(at, n); };
    s.on_header_value = [](llhttp_t* p, const char* at, size_t n) { return Self(p).OnFieldValue(at, n); };
    s.on_header_value_complete = [](llhttp_t* p) { return Self(p).OnFieldComplete(); };
    s.on_headers_complete = [](llhttp_t* p) { return Self(p).OnHeadersComplete(); };
    s.on_chunk_extension_name = [](llhttp_t* p, const char* at, size_t n) {
      return Self(p).OnChunkExtension(at, n);
    };
    s.on_chunk_header = [](llhttp_t* p) { return Self(p).OnChunkHeader(); };
    s.on_body = [](llhttp_t* p, const char* at, size_t n) { return Self(p).OnBodyData(at, n); };
    s.on_message_complete = [](llhttp_t* p) { return Self(p).OnComplete(); };
    return s;
  }();
  static constexpr llhttp_settings_t kSettingsWithReason = [] {
    llhttp_settings_t s = kSettings;
    s.on_status = [](llhttp_t* p, const char* at, size_t n) { return Self(p).OnReason(at, n); };
    return s;
  }();
};

void MessageParser::Text::Append(base::Arena& arena, std::string_view more) {
  if (size_ + more.size() > capacity_) Grow(arena, more.size());
  std::memcpy(const_cast<char*>(data_) + size_, more.data(), more.size());
  size_ += more.size();
}

void MessageParser::Text::Grow(base::Arena& arena, size_t more) {
  // What has come so far gets exactly its room; what grows gets twice as much.
  capacity_ = more == 0 ? size_ : (size_ + more) * 2;
  char* data = static_cast<char*>(arena.Allocate(capacity_, 1));
  std::memcpy(data, data_, size_);
  data_ = data;
}

void MessageParser::Begin(base::Arena& arena, http::HeaderMap& headers) {
  llhttp_init(&parser_, kind_ == Kind::kRequest ? HTTP_REQUEST : HTTP_RESPONSE,
              limits_.keep_reason ? &Callbacks::kSettingsWithReason : &Callbacks::kSettings);
  parser_.data = this;
  arena_ = &arena;
  headers_ = &headers;
  trailers_ = nullptr;
  spelling_ = nullptr;
  if (limits_.keep_spelling) [[unlikely]] spelling_ = arena.New<http::Spelling>(arena, *limits_.keep_spelling);
  slice_offset_ = 0;
  text_limit_ = limits_.max_head_bytes;
  text_end_ = data_end_ = data_left_ = extension_bytes_ = field_bytes_ = 0;
  method_ = {};
  target_.Reset();
  reason_.Reset();
  name_.Reset();
  value_.Reset();
  fields_ = ConnectionFields();
  field_count_ = 0;
  error_ = ParseError();
  state_ = State::kHead;
  paused_ = discard_ = protocol_seen_ = chunked_ = chunk_header_ = chunk_extension_ = false;
}

MessageParser::Result MessageParser::Parse(const base::Slice& data, size_t offset, size_t& taken) {
  slice_ = &data;
  slice_start_ = data.data() + offset;
  const size_t size = data.size() - offset;
  paused_ = false;
  llhttp_resume(&parser_);
  const llhttp_errno_t error = llhttp_execute(&parser_, slice_start_, size);
  if (error == HPE_OK) {
    taken = size;
    slice_offset_ += size;
    target_.Keep(*arena_);
    reason_.Keep(*arena_);
    name_.Keep(*arena_);
    value_.Keep(*arena_);
    return WithinLimits() ? Result::kMore : Result::kError;
  }
  if (error == HPE_PAUSED) {
    taken = static_cast<size_t>(llhttp_get_error_pos(&parser_) - slice_start_);
    slice_offset_ += taken;
    if (state_ != State::kComplete) return Result::kPaused;
    // The last chunk's line had no data behind it that would have shown where it ended.
    if (chunk_header_ && !CountChunkLine(slice_offset_ - 2)) return Result::kError;
    events_.OnMessageComplete();
    return Result::kComplete;
  }
  taken = size;
  DescribeError(slice_start_, size);
  return Result::kError;
}

int MessageParser::OnProtocol(const char* at, size_t size) {
  if (size == 0 || protocol_seen_) return 0;
  protocol_seen_ = true;
  // llhttp skips empty lines before a start line and any number of blanks in it; and it speaks RTSP and ICE.
  const uint64_t expected = kind_ == Kind::kResponse ? 0 : method_.size() + 1 + target_.size() + 1;
  return *at == 'H' && OffsetOf(at) == expected ? 0 : Refuse(400, kCodecError);
}

int MessageParser::OnTarget(const char* at, size_t size) {
  if (OffsetOf(at) + size > text_limit_) return RefuseHead();
  if (method_.empty()) {
    method_ = llhttp_method_name(static_cast<llhttp_method_t>(parser_.method));
    if (OffsetOf(at) != method_.size() + 1) return Refuse(400, kCodecError);
  }
  if (target_.size() + size > limits_.max_target_bytes) return Refuse(414, "http1.target_too_long");
  target_.Add(*arena_, at, size);
  return 0;
}

int MessageParser::OnReason(const char* at, size_t size) {
  if (OffsetOf(at) + size > text_limit_) return RefuseHead();
  reason_.Add(*arena_, at, size);
  return 0;
}

int MessageParser::OnFieldName(const char* at, size_t size) {
  if (state_ == State::kBody) {
    if (!CountChunkLine(OffsetOf(at))) return HPE_USER;
    state_ = State::kTrailers;
    // Trailers have what the head left of its limit.
    text_limit_ = OffsetOf(at) + (limits_.max_head_bytes - std::min<uint64_t>(text_end_, limits_.max_head_bytes));
  }
  if (OffsetOf(at) + size > text_limit_) return RefuseHead();
  // In trailers the words for framing mean nothing, but llhttp would take them for a second framing.
  if (state_ == State::kTrailers) {
    parser_.flags &= static_cast<uint16_t>(~(F_TRANSFER_ENCODING | F_CHUNKED | F_CONTENT_LENGTH));
  }
  if (!discard_) name_.Add(*arena_, at, size);
  return 0;
}

int MessageParser::OnFieldValue(const char* at, size_t size) {
  const uint64_t end = OffsetOf(at) + size;
  if (end > text_limit_) return RefuseHead();
  if (state_ == State::kHead) text_end_ = end;
  if (!discard_) value_.Add(*arena_, at, size);
  return 0;
}

int MessageParser::OnFieldComplete() {
  if (discard_) return 0;
  if (++field_count_ > limits_.max_headers) return Refuse(431, kTooManyHeaders);
  // Known names are not copied: their static text is used. That the name is a token, llhttp has checked.
  std::string_view name = name_.view();
  const HeaderId id = http::FindHeaderIdIgnoringCase(name);
  std::string_view value = value_.view();
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  constexpr size_t kColonAndEnd = 3;
  field_bytes_ += name.size() + value.size() + kColonAndEnd;
  const bool kept = value_.kept();
  if (spelling_ != nullptr && state_ == State::kHead) [[unlikely]] {
    spelling_->Add(id, name_.kept() ? name : arena_->Copy(name));
  }
  name_.Reset();
  value_.Reset();
  if (id != HeaderId::kUnknown) {
    name = http::HeaderName(id);
  } else {
    if (limits_.headers_with_underscores != UnderscoreAction::kAllow && name.find('_') != name.npos) {
      return limits_.headers_with_underscores == UnderscoreAction::kReject ? Refuse(400, kUnderscore) : 0;
    }
    char* lower = static_cast<char*>(arena_->Allocate(name.size(), 1));
    http::CopyLowerCase(name, lower);
    name = {lower, name.size()};
  }
  if (!kept) value = arena_->Copy(value);
  if (state_ == State::kHead) return AddHeadField(id, name, value);
  AddTrailer(id, name, value);
  return 0;
}

int MessageParser::AddHeadField(HeaderId id, std::string_view name, std::string_view value) {
  if (!kSpecial.Has(id)) [[likely]] {
    headers_->Add(id, name, value);
    return 0;
  }
  if (id == HeaderId::kContentLength) {
    const std::optional<int64_t> length = http::ParseContentLength(value);
    if (!length || fields_.content_length != http::kNoContentLength) return Refuse(400, kCodecError);
    fields_.content_length = *length;
    // Without the zeros in front of it.
    headers_->Add(id, name, value.substr(std::min(value.find_first_not_of('0'), value.size() - 1)));
  } else if (id == HeaderId::kTrailer) {
    if (limits_.enable_trailers) headers_->Add(id, name, value);
  } else {
    fields_.Add(*arena_, id, value);
  }
  return 0;
}

void MessageParser::AddTrailer(HeaderId id, std::string_view name, std::string_view value) {
  if (!limits_.enable_trailers || kForbiddenTrailers.Has(id))
    return;
  if (trailers_ == nullptr) trailers_ = arena_->New<http::HeaderMap>(*arena_);
  trailers_->Add(id, name, value);
}

int MessageParser::OnHeadersComplete() {
  if (!protocol_seen_) return Refuse(400, kCodecError);  // HTTP/0.9
  target_.Keep(*arena_);
  if (spelling_ != nullptr && http::IsFieldValue(reason_.view())) {
    reason_.Keep(*arena_);
    spelling_->set_reason(reason_.view());
  }
  state_ = State::kBody;
  parser_.upgrade = 0;  // what a switch of protocols is, the connection decides
  const MessageEvents::Body body = events_.OnHeadComplete();
  if (body == MessageEvents::Body::kError) return HPE_USER;
  if (body == MessageEvents::Body::kNone) {
    parser_.flags |= F_SKIPBODY;
    return 0;
  }
  chunked_ = (parser_.flags & F_CHUNKED) != 0;
  data_end_ = text_end_ + 2;  // the end of the last field line; the empty line stands for the CRLF behind data
  data_left_ = chunked_ ? 0 : parser_.content_length;
  return paused_ && (chunked_ || data_left_ > 0) ? HPE_PAUSED : 0;
}

int MessageParser::OnChunkExtension(const char* at, size_t size) {
  if (chunk_extension_ || size == 0) return 0;
  chunk_extension_ = true;
  // CRLF, digits, ';'
  return OffsetOf(at) - data_end_ <= 2 + kChunkDigits + 1 ? 0 : Refuse(400, kCodecError);
}

int MessageParser::OnChunkHeader() {
  chunk_header_ = true;
  data_left_ = parser_.content_length;
  return 0;
}

// The line between two chunks' data, or of the last chunk, ended before `end`. llhttp bounds neither its digits
// (leading zeros) nor its extensions.
bool MessageParser::CountChunkLine(uint64_t end) {
  const uint64_t line = end - data_end_;
  if (chunk_extension_) extension_bytes_ += line;
  if (chunk_extension_ ? extension_bytes_ > limits_.max_chunk_extension_bytes : line > kChunkLine) {
    Fail(400, kCodecError);
    return false;
  }
  chunk_header_ = chunk_extension_ = false;
  return true;
}

int MessageParser::OnBodyData(const char* at, size_t size) {
  if (size == 0) return 0;
  if (chunk_header_ && !CountChunkLine(OffsetOf(at))) return HPE_USER;
  // Of a body that ends with the connection nothing is counted.
  data_left_ -= std::min<uint64_t>(size, data_left_);
  data_end_ = OffsetOf(at) + size;
  events_.OnBody(slice_->Share(static_cast<size_t>(at - slice_->data()), size));
  // Behind the last byte of a counted body there is nothing to wait for: its end is told at once.
  const bool complete = !chunked_ && (parser_.flags & F_CONTENT_LENGTH) != 0 && data_left_ == 0;
  return paused_ && !complete ? HPE_PAUSED : 0;
}

int MessageParser::OnComplete() {
  state_ = State::kComplete;
  return HPE_PAUSED;
}

int MessageParser::RefuseHead() {
  return Refuse(431, kHeadersTooLarge);
}

// What did not end yet must not grow without bound either.
bool MessageParser::WithinLimits() {
  if (state_ == State::kHead || state_ == State::kTrailers) {
    if (slice_offset_ <= text_limit_) return true;
    RefuseHead();
    return false;
  }
  if (state_ != State::kBody || !chunked_ || (data_left_ > 0 && !chunk_header_)) return true;
  const uint64_t line = slice_offset_ - data_end_;
  const uint64_t limit = chunk_extension_ ? limits_.max_chunk_extension_bytes - extension_bytes_ : kChunkLine + 2;
  if (line <= limit) return true;
  Fail(400, kCodecError);
  return false;
}

void MessageParser::DescribeError(const char* start, size_t size) {
  constexpr uint16_t kBoth = F_TRANSFER_ENCODING | F_CONTENT_LENGTH;
  const char* at = llhttp_get_error_pos(&parser_);
  const llhttp_errno_t error = llhttp_get_errno(&parser_);
  // The flag of the field that came second is not set any more when its name alone is an error.
  const bool conflict = (error == HPE_INVALID_CONTENT_LENGTH && (parser_.flags & F_TRANSFER_ENCODING) != 0) ||
                        (error == HPE_INVALID_TRANSFER_ENCODING && (parser_.flags & F_CONTENT_LENGTH) != 0) ||
                        (parser_.flags & kBoth) == kBoth;
  const bool nul = at >= start && at < start + size && *at == '\0';
  Fail(400, conflict ? kLengthAndChunked : nul ? kInvalidCharacters : kCodecError);
}

}  // namespace pillion::codec::http1
