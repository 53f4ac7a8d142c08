#pragma once

// The pages of metrics: /stats?format=html, and format=active-html, which shows what changes, most often first.

#include <string>

#include "source/admin/endpoints.h"
#include "source/stats/format.h"
#include "source/stats/snapshot.h"

namespace pillion::admin {

// `snapshot` is what `request` asks for. `form`: how histograms are shown.
std::string StatsPage(const Request& request, const stats::Snapshot& snapshot, stats::HistogramForm form);

// Filled by its script, from format=json with what else `request` says; nothing but a table's head without.
std::string ActiveStatsPage(const Request& request);

}  // namespace pillion::admin
