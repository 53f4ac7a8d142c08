#pragma once

// The buffer filter: a request goes upstream when all of it has come, so that a slow client holds no upstream
// connection, and a host gets a body whose length it knows.

#include <memory>

#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"

namespace pillion::filters::buffer {

class Config final : public filter::HttpFilterConfig {
 public:
  // max_request_bytes: a larger request is answered with 413. Zero: not buffered (a route's word).
  explicit Config(uint32_t max_request_bytes) : max_request_bytes_(max_request_bytes) {}

  uint32_t max_request_bytes() const { return max_request_bytes_; }

  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const uint32_t max_request_bytes_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::buffer
