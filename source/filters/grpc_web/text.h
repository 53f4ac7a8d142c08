#pragma once

// Data of application/grpc-web-text: base64 (RFC 4648, the standard alphabet) that comes and goes in pieces. Whoever writes
// it may pad wherever it likes, so padding in the middle is none but the end of a piece. All input is untrusted.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "source/base/buffer.h"

namespace pillion::filters::grpc_web {

class TextReader {
 public:
  // What `text` and what was left of those before it stand for, in a block of its own; nothing: it is no base64. At most
  // 64,000 bytes are asked for at a time.
  std::optional<base::Slice> Read(base::BlockPool& pool, std::string_view text);
  // Ended here, something would be missing.
  bool partial() const { return left_size_ > 0; }

 private:
  char left_[4];
  size_t left_size_ = 0;  // below 4
};

// Each frame is padded to its end, so that a client reads it as soon as it is there.
class TextWriter {
 public:
  // Bytes of frames, however they are cut.
  void Write(std::string_view bytes, base::Buffer& out);
  // Nothing comes behind what was written.
  void Finish(base::Buffer& out);

 private:
  void Encode(std::string_view bytes, base::Buffer& out);

  static constexpr uint32_t kPrefix = 5;  // the flags, and how long it is

  uint32_t prefix_ = 0;  // bytes of it that have come
  uint32_t length_ = 0;  // as far as they say it
  uint64_t frame_ = 0;   // bytes of the frame behind its prefix that are still to come
  char left_[3];         // that make no group yet
  size_t left_size_ = 0;
};

}  // namespace pillion::filters::grpc_web
