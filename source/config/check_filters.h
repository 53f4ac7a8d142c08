#pragma once

// Whether the filters of a connection manager go together, with each other and with its own route table. Asked wherever one
// of them becomes another, which with filters that come apart from their listeners is while the process runs.

#include <string>
#include <vector>

#include "source/config/config_error.h"
#include "source/config/listener.h"

namespace pillion::config {

// Why the filter at `index` can't stand behind those before it, a line each.
std::vector<std::string> WhyNotThere(const std::vector<HttpFilter>& filters, size_t index);

// What is wrong, with paths below the connection manager; empty: nothing. Tables that come apart are check_routes.h's.
std::vector<ConfigError> CheckFilters(const HttpConnectionManager& manager);

}  // namespace pillion::config
