#pragma once

#include <string>

namespace pillion::config {

// Whether an upgrade to a protocol may be asked for.
struct UpgradeChoice {
  std::string type;  // in lower case, such as "websocket"
  bool enabled = true;
};

}  // namespace pillion::config
