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

// Whether its configuration, if it has one, is what `filter` takes. Each table is checked against the listeners that go by
// it when it comes, but not against one that drains: its connections have the newest table, and perhaps a filter of a former
// type. Whoever reads such a configuration as that filter's own would read something else.
bool IsOf(const config::FilterOverride& word, const config::HttpFilter& filter);

// All but the filter may be null: there is no route, no choice of weighted clusters, no table.
filter::FilterPart PartOf(const config::HttpFilter& filter, const route::Entry* entry,
                          const config::WeightedClusters::Choice* choice, const config::FilterOverrides* table);

}  // namespace pillion::proxy
