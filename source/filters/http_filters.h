#pragma once

// The list of all HTTP filters but the router.

#include <vector>

#include "source/config/http_filter_type.h"

namespace pillion::filters {

std::vector<config::HttpFilterType> HttpFilterTypes();

}  // namespace pillion::filters
