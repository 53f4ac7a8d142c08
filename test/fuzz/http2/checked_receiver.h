#pragma once

// A receiver that ends the process when a codec breaks its promises (codec.h), and that does to its stream, from
// inside events, what a sequence of chances says.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "source/base/arena.h"
#include "source/base/check.h"
#include "source/codec/codec.h"
#include "test/unit/codec/http2/raw_frames.h"

namespace pillion::codec::http2 {

// The same choices for the same input.
class Chances {
 public:
  explicit Chances(uint64_t seed) : state_(seed * 2 + 1) {}
  // 0 to `bound` - 1.
  uint32_t Next(uint32_t bound) {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return static_cast<uint32_t>((state_ >> 33) % bound);
  }

 private:
  uint64_t state_;
};

// The bytes of a connection behind the byte of options. With bit 6 they are given as records of type, flags, stream
// and size, a byte each, with that much payload: what changes a byte then breaks no framing.
inline std::string ConnectionBytes(std::string_view input) {
  const bool records = (static_cast<uint8_t>(input.front()) & 64) != 0;
  input.remove_prefix(1);
  if (!records) return std::string(input);
  std::string bytes;
  while (input.size() >= 4) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(input[i]); };
    const std::string_view payload = input.substr(4, byte(3));
    bytes += RawFrame(byte(0), byte(1), byte(2), payload);
    input.remove_prefix(4 + payload.size());
  }
  return bytes;
}

template <typename Receiver>
class CheckedReceiver : public Receiver {
 public:
  CheckedReceiver(base::BlockPool& pool, Chances& chances) : pool_(pool), chances_(chances), arena_(pool) {}

  base::Arena& arena() override { return arena_; }

  void OnData(base::Slice data, bool end) override {
    Event(end);
    PILLION_CHECK(head_ && (end || !data.empty()));
    // Every byte is read, for the sanitizers.
    for (const char c : data.view()) sum_ += static_cast<unsigned char>(c);
    Act();
  }
  void OnTrailers(http::HeaderMap& trailers) override {
    Event(true);
    PILLION_CHECK(head_);
    Read(trailers);
    Act();
  }
  void OnReset(ResetReason, std::string_view detail) override {
    PILLION_CHECK(!over_ && !detail.empty());
    over_ = true;
  }
  void OnSendReady() override {
    PILLION_CHECK(!over_ && blocked_);
    blocked_ = false;
    Act();
  }

 protected:
  void Event(bool end) {
    PILLION_CHECK(!over_ && !input_ended_);
    input_ended_ = end;
  }
  void Read(const http::HeaderMap& headers) {
    for (const http::HeaderField& field : headers) {
      PILLION_CHECK(!field.name().empty() && field.name().front() != ':');
      for (const char c : field.name()) {
        PILLION_CHECK(c > ' ' && (c < 'A' || c > 'Z'));
      }
      for (const char c : field.value()) {
        PILLION_CHECK(c != '\r' && c != '\n' && c != '\0');
      }
    }
  }
  void CheckOver() { over_ = over_ || (input_ended_ && output_ended_); }

  // What may be done with a stream of either side, once its head was sent.
  void ActOn(StreamBase& stream) {
    if (over_) return;
    switch (chances_.Next(12)) {
      case 0:
        stream.PauseReading();
        break;
      case 1:
        stream.ResumeReading();
        break;
      case 2:
        over_ = true;
        stream.Reset(static_cast<ResetReason>(chances_.Next(7)));
        return;
      case 3:
      case 4:
        if (!head_sent_ || output_ended_) break;
        output_ended_ = chances_.Next(4) == 0;
        blocked_ = !stream.SendData(base::Slice::Copy(pool_, std::string(chances_.Next(8000), 'x')), output_ended_);
        break;
      case 5: {
        if (!head_sent_ || output_ended_) break;
        output_ended_ = true;
        http::HeaderMap trailers(arena_);
        trailers.Add("x-trailer", "value");
        stream.SendTrailers(trailers);
        break;
      }
      default:
        break;
    }
    CheckOver();
  }

  virtual void Act() = 0;

  base::BlockPool& pool_;
  Chances& chances_;
  base::Arena arena_;
  uint64_t sum_ = 0;
  bool head_ = false;          // the final one was received
  bool head_sent_ = false;
  bool input_ended_ = false;
  bool output_ended_ = false;
  bool blocked_ = false;
  bool over_ = false;
};

}  // namespace pillion::codec::http2
