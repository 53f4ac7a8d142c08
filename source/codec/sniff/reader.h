#pragma once

// Parts off the front of bytes in network order, for those who read handshakes.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pillion::codec::sniff {

inline size_t Number(std::string_view bytes) {
  size_t number = 0;
  for (const char byte : bytes) number = (number << 8) | static_cast<uint8_t>(byte);
  return number;
}

// Once a part was missing, nothing follows.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  std::string_view Bytes(size_t count) {
    if (!ok_ || count > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }
  size_t Integer(size_t bytes) { return Number(Bytes(bytes)); }
  // What is behind its own length of so many bytes.
  std::string_view Vector(size_t length_bytes) { return Bytes(Integer(length_bytes)); }

  bool done() const { return ok_ && rest_.empty(); }
  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace pillion::codec::sniff
