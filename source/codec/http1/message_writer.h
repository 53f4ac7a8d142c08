#pragma once

// Writes messages: heads, always from the model, and bodies in the framing that their head announced. Writes into
// the output of a link and nowhere else.

#include <cstdint>

#include "source/base/buffer.h"
#include "source/http/message.h"
#include "source/http/spelling.h"

namespace pillion::codec::http1 {

// How the end of a body is told (RFC 9112, 6.3).
enum class Framing : uint8_t {
  kNone,    // there is no body; what is given is dropped
  kLength,  // content-length
  kChunked,
  kUntilClose,  // the end of the connection
  kTunnel,      // raw bytes behind a switch of protocols; the end is a half-close
};

// What a response says of the connection.
enum class Persistence : uint8_t {
  kDefault,    // nothing
  kClose,      // connection: close
  kKeepAlive,  // connection: keep-alive, to an HTTP/1.0 client
};

// Heads with their framing fields. `length` is the content-length to write, or kNoContentLength; of the field of that
// name in head.headers only the place is used, and of others that concern the connection only nothing. `names`: how
// those of a head are written that has no spelling. Returns how many bytes the lines of fields are, each with its CRLF.
size_t WriteResponseHead(base::Buffer& out, const http::ResponseHead& head, Framing framing, int64_t length,
                         Persistence persistence, http::NameStyle names);
size_t WriteRequestHead(base::Buffer& out, const http::RequestHead& head, Framing framing, int64_t length,
                        http::NameStyle names);

// A body on its way out. Member of a connection.
class BodyWriter {
 public:
  enum class State : uint8_t {
    kOpen,
    kComplete,
    kBroken,  // more or fewer bytes than announced: the message must not look complete
  };

  void Begin(Framing framing, int64_t length) {
    framing_ = framing;
    left_ = framing == Framing::kLength ? static_cast<uint64_t>(length) : 0;
    state_ = State::kOpen;
  }

  State Write(base::Buffer& out, base::Slice data, bool end);
  // Ends the body; `trailers` may be null, and are left out where the framing has no place for them.
  State End(base::Buffer& out, const http::HeaderMap* trailers);

  Framing framing() const { return framing_; }

  // How many bytes of what End() has written are trailers, of `written` in all.
  size_t TrailersIn(size_t written) const {
    constexpr size_t kWithout = 5;  // the last chunk and the empty line
    return framing_ == Framing::kChunked && written > kWithout ? written - kWithout : 0;
  }

 private:
  Framing framing_ = Framing::kNone;
  State state_ = State::kComplete;
  uint64_t left_ = 0;  // kLength: bytes still to come
};

}  // namespace pillion::codec::http1
