#pragma once

// Reads the frame heads (RFC 9113, 4.1) of a byte stream, whatever pieces it comes in, and skips the payloads.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pillion::codec::http2 {

struct FrameHead {
  uint32_t length;
  uint32_t stream_id;
  uint8_t type;
  uint8_t flags;
  size_t start;  // in the piece in which the head ends; 0 also for one that began before that piece
};

class FrameScanner {
 public:
  // `preface` bytes come before the first frame.
  explicit FrameScanner(size_t preface) : skip_(preface) {}

  // The next head that is complete in `piece`; false: there is none, and all of the piece was seen. `position` is 0
  // for a new piece, and then handed back.
  bool Next(std::string_view piece, size_t& position, FrameHead& head);

 private:
  static constexpr size_t kHeadSize = 9;

  size_t skip_;
  size_t partial_size_ = 0;
  std::array<char, kHeadSize> partial_;
};

}  // namespace pillion::codec::http2
