#pragma once

// What the bootstrap and the command line say of metrics, as the registry takes it.

#include "source/config/stats_config.h"
#include "source/server/options.h"
#include "source/stats/rules.h"

namespace pillion::server {

stats::Rules StatsRules(const config::StatsConfig& config, const Options& options);

}  // namespace pillion::server
