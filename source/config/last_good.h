#pragma once

#include <string>

#include "source/base/clock.h"

namespace pillion::config {

// What control planes gave is kept in a file.
struct LastGood {
  std::string path;
  bool include_secrets = false;
  base::Duration silent_after = std::chrono::seconds(5);  // until a control plane that says nothing is done without
};

}  // namespace pillion::config
