#pragma once

// The grpc_web filter: calls of gRPC-Web (PROTOCOL-WEB.md of gRPC), which browsers make, become calls of gRPC; answers get
// their trailers as a last frame of their data, and are base64 where the client asks for text.

#include <memory>

#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"

namespace pillion::filters::grpc_web {

class Config final : public filter::HttpFilterConfig {
 public:
  // Counters that one worker has for methods of their own: peers may ask for whatever they like.
  static constexpr size_t kMostMethods = 500;
  // Bytes of an answer that is not gRPC that become its grpc-message; what is more is dropped.
  static constexpr size_t kMostMessage = 16384;

  uint32_t hooks() const override {
    return filter::kRequestHead | filter::kRequestData | filter::kRequestTrailers | filter::kResponseHead |
           filter::kResponseData | filter::kResponseTrailers | filter::kEnd;
  }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::grpc_web
