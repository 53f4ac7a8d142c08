#include "source/filters/http_filters.h"

#include "source/filters/buffer/buffer.h"

namespace pillion::filters {

std::vector<config::HttpFilterType> HttpFilterTypes() {
  return {
      buffer::Type(),
  };
}

}  // namespace pillion::filters
