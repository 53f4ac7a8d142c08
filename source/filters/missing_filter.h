#pragma once

// What stands in a chain in the place of a filter whose configuration comes apart from its listener and has not come: it
// answers every request with 500, for nobody knows what the filter would have made of it.

#include <memory>

#include "source/config/filter_config.h"

namespace pillion::filters {

std::shared_ptr<const config::FilterConfig> MissingFilter();

}  // namespace pillion::filters
