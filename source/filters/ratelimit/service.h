#pragma once

// The two messages of envoy.service.ratelimit.v3, as bytes.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "source/base/arena.h"
#include "source/filter/descriptors.h"
#include "source/metadata/value.h"

namespace pillion::filters::ratelimit {

inline constexpr std::string_view kMethod = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

std::string RequestBytes(std::string_view domain, filter::Descriptors descriptors);

struct Field {
  std::string_view name;  // in lower case
  std::string_view value;
};

// What the service has said. All of it lies in an arena.
struct Answer {
  // How a descriptor stands to its limit, of those that have one.
  struct Standing {
    size_t descriptor = 0;  // of those that were asked for, where it is one of them
    uint32_t limit = 0;   // requests in a window
    uint32_t window = 0;  // in seconds; 0: not known
    std::string_view name;
    uint32_t remaining = 0;
    int64_t reset = 0;  // seconds until the window ends
  };

  bool over = false;
  std::span<const Standing> standings;
  // Only fields that may be added.
  std::span<const Field> request_fields;
  std::span<const Field> response_fields;
  std::string_view body;
  metadata::Value notes;  // an object; null: there are none
};

// Nothing: these are the bytes of no answer.
std::optional<Answer> ParseAnswer(std::string_view bytes, base::Arena& arena);

}  // namespace pillion::filters::ratelimit
