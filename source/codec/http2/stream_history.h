#pragma once

// How the latest streams of a peer ended. nghttp2 forgets a closed stream, and ignores what comes for it later; RFC
// 9113, 5.1 wants an error where the peer can't but know that it is closed.

#include <bitset>
#include <cstddef>
#include <cstdint>

namespace pillion::codec::http2 {

class StreamHistory {
 public:
  enum class Past : uint8_t {
    kUnknown,  // open, reset by us (the peer may not know yet), or too long ago
    kClosed,   // by the peer's END_STREAM and ours, or by its RST_STREAM
    kSkipped,  // never opened, and a higher one was
  };

  // The highest stream that the peer has opened.
  uint32_t highest() const { return highest_; }

  // `stream_id` is odd and higher than all before.
  void Open(uint32_t stream_id);
  void Close(uint32_t stream_id);
  // `stream_id` is odd and not higher than highest().
  Past Look(uint32_t stream_id) const;

 private:
  static constexpr size_t kSize = 256;

  static size_t Slot(uint32_t stream_id) { return stream_id / 2 % kSize; }
  bool Remembered(uint32_t stream_id) const { return (highest_ - stream_id) / 2 < kSize; }

  uint32_t highest_ = 0;
  std::bitset<kSize> closed_;
  std::bitset<kSize> skipped_;
};

}  // namespace pillion::codec::http2
