#pragma once

// Reads one message at a time: llhttp, strict, and behind it the checks that llhttp leaves out. It collects the head
// and the trailers into the arena of whoever receives the message, bounds both, and hands out the body as views of
// the bytes that came in.
//
// Member of a connection; knows nothing of answers, streams or links. Never reads past the end of its message.

#include <llhttp.h>

#include <cstdint>
#include <string_view>

#include "source/base/arena.h"
#include "source/base/buffer.h"
#include "source/codec/http1/options.h"
#include "source/http/header_map.h"
#include "source/http/message.h"

namespace pillion::codec::http1 {

// What the fields that concern this connection only (RFC 9110, 7.6.1; RFC 9112, 6) have said.
struct ConnectionFields {
  static constexpr size_t kMaxOptions = 32;

  std::string_view host;
  std::string_view transfer_encoding;  // of the first such field
  std::string_view upgrade;            // the first protocol asked for that is not h2c
  std::string_view options[kMaxOptions];  // Connection options that may name fields
  int64_t content_length = http::kNoContentLength;
  uint32_t host_fields = 0;
  uint32_t transfer_encoding_fields = 0;
  uint32_t option_count = 0;
  bool close = false;
  bool keep_alive = false;
  bool connection_upgrade = false;
  bool te_trailers = false;
  bool expect_continue = false;
  bool expect_other = false;
};

// Why a message was refused: a status for an answer, where there is one to give, and a static word.
struct ParseError {
  int status = 0;
  std::string_view detail;
};

// What the connection makes of a head. The order of the calls: OnHeadComplete(), OnBody()..., OnMessageComplete().
class MessageEvents {
 public:
  enum class Body : uint8_t { kAsFramed, kNone, kError };
  // kError: the message is refused; Fail() has said why.
  virtual Body OnHeadComplete() = 0;
  virtual void OnBody(base::Slice data) = 0;
  virtual void OnMessageComplete() = 0;

 protected:
  ~MessageEvents() = default;
};

class MessageParser {
 public:
  enum class Kind : uint8_t { kRequest, kResponse };
  enum class Result : uint8_t { kMore, kPaused, kComplete, kError };

  MessageParser(Kind kind, const MessageLimits& limits, MessageEvents& events)
      : events_(events), limits_(limits), kind_(kind) {}
  MessageParser(const MessageParser&) = delete;
  MessageParser& operator=(const MessageParser&) = delete;

  // A new message: its fields go into `headers`, its texts into `arena`.
  void Begin(base::Arena& arena, http::HeaderMap& headers);

  // Reads from data[offset] on; `taken` is how many bytes it read.
  Result Parse(const base::Slice& data, size_t offset, size_t& taken);

  // From within an event: stop behind what has been handed out. Taken back by the next Parse().
  void Pause() { paused_ = true; }

  // From within OnHeadComplete(): refuses the message.
  void Fail(int status, std::string_view detail) {
    if (error_.status == 0) error_ = {status, detail};
  }
  const ParseError& error() const { return error_; }

  // The head, once it is complete.
  std::string_view method() const { return method_; }
  std::string_view target() const { return target_.view(); }
  int status() const { return parser_.status_code; }
  http::Version version() const { return parser_.http_minor == 0 ? http::Version::kHttp10 : http::Version::kHttp11; }
  bool known_version() const { return parser_.http_major == 1 && parser_.http_minor <= 1; }
  int major_version() const { return parser_.http_major; }
  const ConnectionFields& fields() const { return fields_; }

  // The trailers, once the message is complete; null when there were none.
  http::HeaderMap* trailers() const { return trailers_; }

 private:
  friend struct Callbacks;  // llhttp's, in the .cc file

  int Refuse(int status, std::string_view detail) {
    Fail(status, detail);
    return HPE_USER;
  }
  uint64_t OffsetOf(const char* at) const { return slice_offset_ + static_cast<uint64_t>(at - slice_start_); }
  bool InHead() const { return state_ == State::kHead || state_ == State::kTrailers; }

  int OnProtocol(const char* at, size_t size);
  int OnTarget(const char* at, size_t size);
  int OnFieldName(const char* at, size_t size);
  int OnFieldValue(const char* at, size_t size);
  int OnFieldComplete();
  int OnHeadersComplete();
  int OnChunkExtension(const char* at, size_t size);
  int OnBodyData(const char* at, size_t size);
  int OnComplete();

  int AddHeadField(http::HeaderId id, std::string_view name, std::string_view value);
  int AddTrailer(http::HeaderId id, std::string_view name, std::string_view value);
  int AddConnectionOptions(std::string_view value);
  bool CheckChunkLine(uint64_t end);
  void DescribeError();

  enum class State : uint8_t { kHead, kBody, kTrailers, kComplete };

  llhttp_t parser_;
  MessageEvents& events_;
  const MessageLimits& limits_;
  base::Arena* arena_ = nullptr;
  http::HeaderMap* headers_ = nullptr;
  http::HeaderMap* trailers_ = nullptr;

  const base::Slice* slice_ = nullptr;  // while Parse() runs
  const char* slice_start_ = nullptr;
  uint64_t slice_offset_ = 0;  // of the message, at slice_start_
  uint64_t head_limit_ = 0;    // offset that head or trailers must not reach
  uint64_t head_bytes_ = 0;
  uint64_t line_start_ = 0;    // where the framing between two chunks' data began
  uint64_t chunk_left_ = 0;    // of the chunk's data
  uint64_t extension_bytes_ = 0;

  std::string_view method_;
  base::ArenaText target_;
  base::ArenaText name_;
  base::ArenaText value_;
  uint32_t field_count_ = 0;
  ConnectionFields fields_;
  ParseError error_;
  Kind kind_;
  State state_ = State::kComplete;
  bool paused_ = false;
  bool chunk_extension_ = false;  // the current chunk line has one
};

}  // namespace pillion::codec::http1
