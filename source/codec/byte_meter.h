#pragma once

// How many bytes a message and its answer are on the wire. A receiver that wants to know has a ByteMeter; the codec's stream
// adds to it through a MeterLink as long as both are there: either may go first, on the same worker.
//
// The wire is what the codec reads and writes, so what TLS adds is not in it. Counted are:
//   HTTP/1: every byte of both messages, with interim answers, chunk lines and what goes through a tunnel.
//   HTTP/2: the stream's HEADERS, CONTINUATION, DATA and received RST_STREAM, with their nine bytes each.
// Of that, heads and trailers:
//   HTTP/1: lines of fields with CRLF, without start line and the line that ends them. Received: without blanks.
//   HTTP/2: HEADERS and CONTINUATION, as compressed.
// And these as texts: the same for HTTP/1, but for received trailers; names and values alone for HTTP/2.

#include <cstdint>

namespace pillion::codec {

class ByteMeter {
 public:
  ByteMeter() = default;
  ByteMeter(const ByteMeter&) = delete;
  ByteMeter& operator=(const ByteMeter&) = delete;
  ~ByteMeter() {
    if (slot_ != nullptr) *slot_ = nullptr;
  }

  uint64_t wire_received = 0;
  uint64_t wire_sent = 0;
  uint64_t heads_received = 0;
  uint64_t heads_sent = 0;
  uint64_t texts_received = 0;
  uint64_t texts_sent = 0;
  uint64_t waiting = 0;  // data that was taken to be sent, and is not in wire_sent yet: HTTP/2 without window

 private:
  friend class MeterLink;
  ByteMeter** slot_ = nullptr;  // of the link
};

class MeterLink {
 public:
  MeterLink() = default;
  MeterLink(const MeterLink&) = delete;
  MeterLink& operator=(const MeterLink&) = delete;
  ~MeterLink() { Set(nullptr); }

  // `meter` may be null: nobody wants to know. One that was linked before is let go.
  void Set(ByteMeter* meter) {
    if (meter_ != nullptr) meter_->slot_ = nullptr;
    meter_ = meter;
    if (meter != nullptr) meter->slot_ = &meter_;
  }
  explicit operator bool() const { return meter_ != nullptr; }
  ByteMeter* operator->() const { return meter_; }

 private:
  ByteMeter* meter_ = nullptr;
};

}  // namespace pillion::codec
