#include "source/codec/grpc/message.h"

#include <cstdint>

namespace pillion::codec::grpc {

std::string Frame(std::string_view message) {
  std::string framed(1, '\0');
  framed.reserve(kPrefixBytes + message.size());
  const auto size = static_cast<uint32_t>(message.size());
  for (int shift = 24; shift >= 0; shift -= 8) framed.push_back(static_cast<char>(size >> shift));
  framed += message;
  return framed;
}

std::optional<std::string> MessageReader::Next() {
  if (error_ != Error::kNone) return std::nullopt;
  const std::string_view rest = std::string_view(held_).substr(at_);
  if (rest.size() >= kPrefixBytes) {
    size_t size = 0;
    for (size_t i = 1; i < kPrefixBytes; ++i) size = size << 8 | static_cast<uint8_t>(rest[i]);
    // What is too long is not waited for.
    if (rest[0] != 0) {
      error_ = Error::kCompressed;
      return std::nullopt;
    }
    if (size > max_bytes_) {
      error_ = Error::kTooLong;
      too_long_ = size;
      return std::nullopt;
    }
    if (rest.size() >= kPrefixBytes + size) {
      at_ += kPrefixBytes + size;
      return std::string(rest.substr(kPrefixBytes, size));
    }
  }
  held_.erase(0, at_);
  at_ = 0;
  if (held_.empty() && held_.capacity() > kKept) held_.shrink_to_fit();
  return std::nullopt;
}

}  // namespace pillion::codec::grpc
