#pragma once

// The set_filter_state filter: sets objects of the stream's filter state from what is known of the request.

#include <memory>
#include <string>
#include <vector>

#include "source/config/filter_state.h"
#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"

namespace pillion::filters::set_filter_state {

using Object = config::FilterStateObject;

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(std::vector<Object> objects) : objects_(std::move(objects)) {}

  const std::vector<Object>& objects() const { return objects_; }

  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const std::vector<Object> objects_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::set_filter_state
