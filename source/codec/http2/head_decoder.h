#pragma once

// Makes a head or trailers of the fields of one header block, and checks all that RFC 9113, 8 asks of them (nghttp2's
// own checks are off). Pure: no nghttp2, no I/O. One per connection, since header blocks do not interleave; texts are
// copied once, into the arena of the message's receiver.
//
//   Start...() -> Add() for each field -> Finish...(): the first error is kept and what follows is ignored, but for
//   the charge: every field counts against the limits before anything is copied.

#include <cstdint>
#include <string_view>

#include "source/base/arena.h"
#include "source/codec/http2/options.h"
#include "source/http/message.h"

namespace pillion::codec::http2 {

struct HeadError {
  enum class Kind : uint8_t {
    kNone,
    kMalformed,  // RFC 9113, 8.1.1: a stream error
    kRefused,    // may be answered with `status`
  };
  Kind kind = Kind::kNone;
  int status = 0;
  std::string_view detail;
};

class HeadDecoder {
 public:
  explicit HeadDecoder(const Options& options) : options_(options) {}

  void StartRequest(base::Arena& arena);
  void StartResponse(base::Arena& arena);
  void StartTrailers(base::Arena& arena);

  // `sensitive`: a literal that is never indexed (RFC 7541, 7.1.3).
  void Add(std::string_view name, std::string_view value, bool sensitive);

  // `end`: no body follows. The head is complete only when there is no error.
  const HeadError& FinishRequest(bool end);
  // `body_expected` is false for an answer to HEAD.
  const HeadError& FinishResponse(bool end, bool body_expected);
  const HeadError& FinishTrailers(bool end);

  http::RequestHead& request() { return *request_; }
  // The request was a CONNECT with another protocol (RFC 8441): to everybody else it is what HTTP/1.1 calls an upgrade.
  bool is_extended_connect() const { return (pseudo_ & kProtocol) != 0; }
  http::ResponseHead& response() { return *response_; }
  http::HeaderMap& trailers() { return *fields_; }

  // Of the names and values that have come of this block.
  uint32_t text_bytes() const { return list_bytes_ - kFieldOverhead * list_fields_; }

 private:
  enum class Section : uint8_t { kRequest, kResponse, kTrailers };
  enum Pseudo : uint8_t { kMethod = 1, kScheme = 2, kAuthority = 4, kPath = 8, kStatus = 16, kProtocol = 32 };

  void Start(Section section, base::Arena& arena);
  void RefuseSize();
  void AddPseudo(std::string_view name, std::string_view value);
  void SetPseudo(Pseudo pseudo, std::string_view& to, std::string_view value);
  void SetStatus(std::string_view value);
  void AddUnknown(std::string_view name, std::string_view value, bool sensitive);
  // False: the field has been dealt with and is not to be added.
  bool HandleSpecial(http::HeaderId id, std::string_view value);
  void TakeContentLength(std::string_view value);
  void FinishAuthority();
  void FinishTarget();
  void FinishExtendedConnect();
  void JoinCookies();
  void Malformed(std::string_view detail) { Fail(HeadError::Kind::kMalformed, 0, detail); }
  void Refuse(int status, std::string_view detail) { Fail(HeadError::Kind::kRefused, status, detail); }
  void Fail(HeadError::Kind kind, int status, std::string_view detail) {
    if (error_.kind == HeadError::Kind::kNone) error_ = {kind, status, detail};
  }

  static constexpr uint32_t kFieldOverhead = 32;  // RFC 9113, 6.5.2

  const Options& options_;
  base::Arena* arena_ = nullptr;
  http::HeaderMap* fields_ = nullptr;
  http::RequestHead* request_ = nullptr;
  http::ResponseHead* response_ = nullptr;
  HeadError error_;
  std::string_view host_;
  uint32_t list_bytes_ = 0;
  uint32_t list_fields_ = 0;
  int64_t content_length_ = http::kNoContentLength;
  Section section_ = Section::kRequest;
  uint8_t pseudo_ = 0;           // those that came
  bool regular_seen_ = false;
  bool expect_seen_ = false;
  uint8_t hosts_ = 0;            // saturates
};

}  // namespace pillion::codec::http2
