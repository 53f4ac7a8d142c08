#pragma once

// Whether a route table and a chain of filters go together: what a route says of a filter must be what that filter takes,
// for the filter takes it for its own. Asked wherever the two meet, which with tables that come apart from their listeners
// is while the process runs.

#include <string>
#include <vector>

#include "source/config/config_error.h"
#include "source/config/listener.h"
#include "source/config/route.h"

namespace pillion::config {

// What is wrong, with paths below the table; empty: nothing. One that is wrong must not serve with the other.
std::vector<ConfigError> CheckRoutesAgainst(const RouteConfig& table, const HttpConnectionManager& manager);

// The same of a table at `path`.
void CheckOverrides(const RouteConfig& table, const std::vector<HttpFilter>& filters, const std::string& path,
                    ErrorList& errors);

// What is good by itself, but can't be together with the filter's own. An error where both come in one; where they come
// apart it is noted, as the other one may be about to come as well.
std::vector<ConfigError> Contradictions(const RouteConfig& table, const std::vector<HttpFilter>& filters,
                                        const std::string& path = "");

// No errors, but hardly meant: what the table says of filters that the chain does not have, each name once.
std::vector<ConfigError> UnusedOverrides(const RouteConfig& table, const std::vector<HttpFilter>& filters,
                                         const std::string& path = "");

}  // namespace pillion::config
