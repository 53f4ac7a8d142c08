#pragma once

// Where a filter's configuration comes from that comes apart from its listener (ECDS).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/config/config_source.h"
#include "source/config/filter_config.h"

namespace pillion::config {

struct FilterSource {
  enum class Of : uint8_t { kHttp, kNetwork, kListener };
  // A message that it may be: full names, of descriptors.
  struct Type {
    std::string_view message;
    std::string_view override_type = {};  // that the filter takes from a route; empty: of none
  };

  Of of = Of::kHttp;
  bool ends_chain = false;  // kNetwork: the last one
  std::string name;  // the filter's, and the resource's
  Feed feed;
  std::vector<Type> types;  // at least one
  // Nothing is waited for: what stands there until one has come is good enough.
  bool starts_without = false;
  std::string home;  // by what its place is known in other versions of its listener (home.h)
};

}  // namespace pillion::config
