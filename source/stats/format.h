#pragma once

// A snapshot as text, JSON or Prometheus exposition. Names and values may hold any bytes: each format escapes
// them, so that none can end a line, a string or a label early.

#include <string>

#include "source/stats/snapshot.h"

namespace pillion::stats {

// `name: value` lines: texts (quoted), then counters and gauges, then histograms.
std::string FormatText(const Snapshot& snapshot);

// {"stats":[{"name":..,"value":..},..,{"histograms":{..}}]}
std::string FormatJson(const Snapshot& snapshot);

// Text exposition format 0.0.4. Texts are left out unless asked for; then they are gauges of value 0 whose label
// `text_value` is the text.
std::string FormatPrometheus(const Snapshot& snapshot, bool with_texts = false);

}  // namespace pillion::stats
