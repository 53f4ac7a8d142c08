#pragma once

// Parameters of a path's query, changed.

#include <string>
#include <string_view>

#include "source/base/arena.h"
#include "source/filters/header_mutation/header_mutation.h"

namespace pillion::filters::header_mutation {

// `path` with the mutation done; in `arena`, or `path` itself. `value` is the parameter's; what may not stand in a query
// is escaped.
std::string_view ApplyQueryMutation(const QueryMutation& mutation, std::string_view value, std::string_view path,
                                    base::Arena& arena);

}  // namespace pillion::filters::header_mutation
