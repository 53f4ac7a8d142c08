#include "source/filters/http_filters.h"

#include "source/filters/buffer/buffer.h"
#include "source/filters/cors/cors.h"
#include "source/filters/fault/fault.h"

namespace pillion::filters {

std::vector<config::HttpFilterType> HttpFilterTypes() {
  return {
      buffer::Type(),
      cors::Type(),
      fault::Type(),
  };
}

}  // namespace pillion::filters
