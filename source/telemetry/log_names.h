#pragma once

// Words of access log formats.

#include <cstdint>
#include <optional>
#include <string_view>

#include "source/telemetry/request_record.h"

namespace pillion::telemetry {

// Operators that Envoy has and pillion does not (yet): a clearer error than for a word that nobody knows.
bool KnownButNotSupported(std::string_view operator_name);

// "US_RX_BEG", ...
std::optional<TimePoint> FindTimePoint(std::string_view name);

// A gRPC status code: "NotFound" and "NOT_FOUND". Both empty for a code that has no name.
struct GrpcStatusName {
  std::string_view camel;
  std::string_view snake;
};
GrpcStatusName FindGrpcStatusName(uint32_t code);

}  // namespace pillion::telemetry
