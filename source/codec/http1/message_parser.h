#pragma once

// Reads one message at a time: llhttp, strict, and behind it the checks that llhttp leaves out. It collects the
// head and the trailers into the arena of whoever receives the message, bounds both, and hands out the body as
// views of the bytes that came in.
//
// Member of a connection; knows nothing of answers, streams or links. Never reads past the end of its message.

#include <llhttp.h>

#include <cstdint>
#include <string_view>
#include <utility>

#include "source/base/arena.h"
#include "source/base/buffer.h"
#include "source/codec/http1/connection_fields.h"
#include "source/codec/http1/options.h"
#include "source/http/header_map.h"
#include "source/http/message.h"
#include "source/http/spelling.h"

namespace pillion::codec::http1 {

// Why a message was refused: a status for an answer, where there is one to give, and a static word.
struct ParseError {
  int status = 0;
  std::string_view detail;
};

// Called by Parse(), in this order: OnHeadComplete(), OnBody() any number of times, OnMessageComplete().
class MessageEvents {
 public:
  enum class Body : uint8_t {
    kAsFramed,
    kNone,   // whatever the fields say
    kError,  // the message is refused; Fail() has said why
  };
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

  // `limits` outlives this.
  MessageParser(Kind kind, const MessageLimits& limits, MessageEvents& events)
      : events_(events), limits_(limits), kind_(kind) {}
  MessageParser(const MessageParser&) = delete;
  MessageParser& operator=(const MessageParser&) = delete;

  // A new message: its fields go into `headers`, its texts into `arena`.
  void Begin(base::Arena& arena, http::HeaderMap& headers);

  // Reads from data[offset] on; `taken` is how many bytes it read. Behind kComplete and kError only Begin() helps.
  Result Parse(const base::Slice& data, size_t offset, size_t& taken);

  // From within an event: stop behind the piece of the message that it is about. Forgotten by the next Parse().
  void Pause() { paused_ = true; }

  // Behind the head: reads on to find the end of the message, and keeps nothing of it. The arena may go.
  void DiscardTexts() {
    discard_ = true;
    name_.Reset();
    value_.Reset();
    target_.Reset();
    reason_.Reset();
    trailers_ = nullptr;
    spelling_ = nullptr;
  }

  // From within OnHeadComplete(): refuses the message. The first reason counts.
  void Fail(int status, std::string_view detail) {
    if (error_.status == 0) error_ = {status, detail};
  }
  const ParseError& error() const { return error_; }

  // From OnHeadComplete() on.
  std::string_view method() const { return method_; }
  std::string_view target() const { return target_.view(); }
  int status() const { return parser_.status_code; }
  int major_version() const { return parser_.http_major; }
  http::Version version() const {
    return parser_.http_minor == 0 ? http::Version::kHttp10 : http::Version::kHttp11;
  }
  ConnectionFields& fields() { return fields_; }
  // Null where it is not wanted.
  const http::Spelling* spelling() const { return spelling_; }

  // Of the lines of fields that have come since it was asked last: names, values, colons and CRLFs, without blanks.
  uint64_t TakeFieldBytes() { return std::exchange(field_bytes_, 0); }

  // In OnMessageComplete(): null when there were none, or they are not wanted.
  http::HeaderMap* trailers() const { return trailers_; }

 private:
  friend struct Callbacks;

  enum class State : uint8_t { kHead, kBody, kTrailers, kComplete };

  // A text that comes in one piece, most of the time, or in several: a view of the bytes as long as those are
  // there, a copy in the arena from then on.
  class Text {
   public:
    void Add(base::Arena& arena, const char* at, size_t size) {
      if (size_ == 0) {
        data_ = at;
        size_ = size;
      } else {
        Append(arena, {at, size});
      }
    }
    // The bytes that it came from are about to go.
    void Keep(base::Arena& arena) {
      if (size_ > 0 && capacity_ == 0) Grow(arena, 0);
    }
    bool kept() const { return capacity_ > 0; }
    std::string_view view() const { return {data_, size_}; }
    size_t size() const { return size_; }
    void Reset() { size_ = capacity_ = 0; }

   private:
    void Append(base::Arena& arena, std::string_view more);
    void Grow(base::Arena& arena, size_t more);

    const char* data_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;  // 0: not in the arena
  };

  // llhttp's callbacks; what they return is llhttp's error.
  int OnProtocol(const char* at, size_t size);
  int OnTarget(const char* at, size_t size);
  int OnReason(const char* at, size_t size);
  int OnFieldName(const char* at, size_t size);
  int OnFieldValue(const char* at, size_t size);
  int OnFieldComplete();
  int OnHeadersComplete();
  int OnChunkExtension(const char* at, size_t size);
  int OnChunkHeader();
  int OnBodyData(const char* at, size_t size);
  int OnComplete();

  int Refuse(int status, std::string_view detail) {
    Fail(status, detail);
    return HPE_USER;
  }
  int RefuseHead();
  int AddHeadField(http::HeaderId id, std::string_view name, std::string_view value);
  void AddTrailer(http::HeaderId id, std::string_view name, std::string_view value);
  bool CountChunkLine(uint64_t end);
  bool WithinLimits();
  void DescribeError(const char* start, size_t size);
  uint64_t OffsetOf(const char* at) const { return slice_offset_ + static_cast<uint64_t>(at - slice_start_); }

  llhttp_t parser_;
  MessageEvents& events_;
  const MessageLimits& limits_;
  base::Arena* arena_ = nullptr;
  http::HeaderMap* headers_ = nullptr;
  http::HeaderMap* trailers_ = nullptr;
  http::Spelling* spelling_ = nullptr;

  const base::Slice* slice_ = nullptr;  // while Parse() runs
  const char* slice_start_ = nullptr;
  uint64_t slice_offset_ = 0;  // of slice_start_, counted from the first byte of the message
  uint64_t text_limit_ = 0;    // the offset that head or trailers must not pass
  uint64_t text_end_ = 0;      // behind the last piece of a field value
  uint64_t data_end_ = 0;      // chunked: behind the last chunk's data
  uint64_t data_left_ = 0;     // of the content-length or the chunk
  uint64_t extension_bytes_ = 0;
  uint64_t field_bytes_ = 0;

  std::string_view method_;
  Text target_;
  Text reason_;  // where it is wanted
  Text name_;
  Text value_;
  ConnectionFields fields_;
  uint32_t field_count_ = 0;
  ParseError error_;
  Kind kind_;
  State state_ = State::kComplete;
  bool paused_ = false;
  bool discard_ = false;
  bool protocol_seen_ = false;
  bool chunked_ = false;
  bool chunk_header_ = false;     // complete, and its data has not begun
  bool chunk_extension_ = false;  // the current chunk line has one
};

}  // namespace pillion::codec::http1
