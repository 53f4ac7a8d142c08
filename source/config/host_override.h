#pragma once

// Where a request, or what filters have noted of it, names the hosts of a cluster that it shall go to.

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "source/config/metadata.h"
#include "source/http/field_name.h"

namespace pillion::config {

struct HostOverride {
  using Source = std::variant<http::FieldName, MetadataPath>;

  // Kinds of health that a named host may have. Bits.
  enum Health : uint8_t { kHealthy = 1, kUnhealthy = 2, kDraining = 4, kDegraded = 8 };

  std::vector<Source> sources;  // the hosts of the first one come first
  std::optional<uint8_t> health;  // a set of Health; none: whatever it is
};

}  // namespace pillion::config
