#pragma once

// The clusters that a route table names: those that it is worth waiting for.

#include <string>
#include <vector>

#include "source/config/route.h"

namespace pillion::push {

// Each once.
std::vector<std::string> NamedClusters(const config::RouteConfig& table);

}  // namespace pillion::push
