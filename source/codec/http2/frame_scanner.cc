#include "source/codec/http2/frame_scanner.h"

#include <algorithm>
#include <cstring>

namespace pillion::codec::http2 {

bool FrameScanner::Next(std::string_view piece, size_t& position, FrameHead& head) {
  if (skip_ > 0) {
    const size_t skipped = std::min(skip_, piece.size() - position);
    skip_ -= skipped;
    position += skipped;
  }
  const size_t start = position;
  const size_t needed = kHeadSize - partial_size_;
  const size_t left = piece.size() - position;
  const char* bytes = piece.data() + position;
  if (left < kHeadSize || partial_size_ > 0) {
    const size_t taken = std::min(left, needed);
    std::memcpy(partial_.data() + partial_size_, bytes, taken);
    partial_size_ += taken;
    position += taken;
    if (partial_size_ < kHeadSize) return false;
    partial_size_ = 0;
    bytes = partial_.data();
  } else {
    position += kHeadSize;
  }
  const auto byte = [bytes](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])); };
  head.length = byte(0) << 16 | byte(1) << 8 | byte(2);
  head.type = static_cast<uint8_t>(byte(3));
  head.flags = static_cast<uint8_t>(byte(4));
  head.stream_id = (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7fffffff;
  head.start = start;
  skip_ = head.length;
  return true;
}

}  // namespace pillion::codec::http2
