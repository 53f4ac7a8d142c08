#pragma once

// Messages of gRPC as they stand in the data of an HTTP/2 stream: a byte that says whether it is compressed, the length in
// four bytes, and the message ("Length-Prefixed-Message" in gRPC's HTTP/2 protocol).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pillion::codec::grpc {

inline constexpr size_t kPrefixBytes = 5;

// `message`, not compressed, with its prefix. At most 4 GiB.
std::string Frame(std::string_view message);

// Takes messages out of data that comes in pieces. Never holds more than one message and a piece, and takes room for what
// has come only, whatever length is announced; what room a large one has taken is given back.
class MessageReader {
 public:
  enum class Error : uint8_t { kNone, kCompressed, kTooLong };

  explicit MessageReader(size_t max_bytes) : max_bytes_(max_bytes) {}

  void Append(std::string_view data) { held_.append(data); }
  // The next one that is there as a whole. Nothing, for ever, after an error.
  std::optional<std::string> Next();

  Error error() const { return error_; }
  size_t too_long() const { return too_long_; }  // bytes of what was too long, as it was announced
  size_t capacity() const { return held_.capacity(); }  // bytes of room
  // In the middle of a message: an end now cuts it off.
  bool partial() const { return at_ < held_.size(); }

 private:
  static constexpr size_t kKept = 64 * 1024;  // of room, when all was taken

  const size_t max_bytes_;
  std::string held_;
  size_t at_ = 0;  // what is before was taken
  Error error_ = Error::kNone;
  size_t too_long_ = 0;
};

}  // namespace pillion::codec::grpc
