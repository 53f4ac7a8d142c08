#pragma once

// What holds for a request: the filter's settings, and what its route says instead.

#include <optional>

#include "source/filters/request_context/request_context.h"

namespace pillion::filters::request_context {

// A filter's, and what the route says instead.
struct Terms {
  explicit Terms(const Settings& settings)
      : read(settings.read),
        write(settings.write),
        max_deadline(settings.max_deadline),
        min_useful(settings.min_useful),
        rejects_malformed(settings.rejects_malformed) {
    read = read | write;  // what came would be lost
  }
  void Take(const RouteSettings& route) {
    if (route.read) read = *route.read;
    if (route.write) write = *route.write;
    if (route.max_deadline) max_deadline = route.max_deadline;
    if (route.min_useful) min_useful = *route.min_useful;
    if (route.rejects_malformed) rejects_malformed = *route.rejects_malformed;
    read = read | write;
  }

  context::CarrierSet read;
  context::CarrierSet write;
  std::optional<base::Duration> max_deadline;
  base::Duration min_useful;
  bool rejects_malformed;
};

}  // namespace pillion::filters::request_context
