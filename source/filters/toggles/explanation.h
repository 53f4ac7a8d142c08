#pragma once

// What was chosen for a request, and why, as one line of JSON for a field of its answer: route, colour, lane, limits,
// breakers and endpoint. All of it printable ASCII, whatever peers have sent; at most kMostExplanation bytes.

#include <cstddef>
#include <string>
#include <string_view>

#include "source/config/route.h"
#include "source/filter/feature.h"
#include "source/filter/stream_context.h"
#include "source/telemetry/request_record.h"
#include "source/upstream/lane.h"

namespace pillion::filters::toggles {

inline constexpr size_t kMostExplanation = 4096;

struct Chosen {
  const telemetry::RequestRecord& record;  // as things stand when the answer is about to go
  // Null: none fits.
  const config::VirtualHost* virtual_host = nullptr;
  const config::Route* route = nullptr;
  const upstream::LaneWish* lane_wish = nullptr;
  upstream::LaneOutcome lane_outcome;
  filter::FeatureSet turned_off;
};

// What has no room is named in "left_out".
std::string Explanation(const Chosen& chosen);
// In the stream's arena.
std::string_view Explanation(filter::StreamContext& stream);

}  // namespace pillion::filters::toggles
