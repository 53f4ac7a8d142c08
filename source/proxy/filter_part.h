#pragma once

// What an HTTP filter is for one request: by the most specific word that a route (or its choice of weighted clusters), its
// virtual host or its table has on it.

#include <string_view>

#include "source/config/filter_config.h"
#include "source/filter/stream_context.h"
#include "source/route/table.h"

namespace pillion::proxy {

// The word on the filter of that name; null: none.
const config::FilterOverride* FindOverride(const config::FilterOverrides& overrides, std::string_view filter);

// All but the filter may be null: there is no route, no choice of weighted clusters, no table.
filter::FilterPart PartOf(const config::HttpFilter& filter, const route::Entry* entry,
                          const config::WeightedClusters::Choice* choice, const config::FilterOverrides* table);

}  // namespace pillion::proxy
