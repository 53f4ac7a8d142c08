#pragma once

// Counts the messages of one direction of a gRPC call: each has a prefix of five bytes, the last four of which say how
// long it is (PROTOCOL-HTTP2.md of gRPC). All input is untrusted.

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace pillion::filters::grpc_stats {

class MessageCounter {
 public:
  // How many messages have begun in `data`, that is had their prefix end there.
  uint32_t Count(std::string_view data) {
    uint32_t begun = 0;
    while (!data.empty()) {
      if (left_ > 0) {
        const size_t skipped = std::min<size_t>(left_, data.size());
        left_ -= static_cast<uint32_t>(skipped);
        data.remove_prefix(skipped);
        continue;
      }
      length_ = length_ << 8 | static_cast<unsigned char>(data[0]);
      data.remove_prefix(1);
      if (++prefix_ < kPrefix) continue;
      left_ = length_;  // the flag has been shifted out
      prefix_ = 0;
      length_ = 0;
      ++begun;
    }
    total_ += begun;
    return begun;
  }

  uint64_t total() const { return total_; }

 private:
  static constexpr uint32_t kPrefix = 5;

  uint64_t total_ = 0;
  uint32_t left_ = 0;  // of a message
  uint32_t length_ = 0;
  uint32_t prefix_ = 0;  // bytes of it that have come
};

}  // namespace pillion::filters::grpc_stats
