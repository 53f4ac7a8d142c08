#pragma once

// Where something runs.

#include <string>

namespace pillion::config {

struct Locality {
  std::string region;
  std::string zone;
  std::string sub_zone;

  bool operator==(const Locality&) const = default;
  auto operator<=>(const Locality&) const = default;
};

}  // namespace pillion::config
