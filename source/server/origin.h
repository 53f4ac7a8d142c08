#pragma once

#include <cstdint>

namespace pillion::server {

// Who gave a cluster or a listener; he alone may change it.
enum class Origin : uint8_t {
  kConfigured,  // the process's files, or who replaced what they say
  kPushed,      // a control plane
};

}  // namespace pillion::server
