#pragma once

// bootstrap_extensions. Internal to config/.

#include "source/config/build.h"

namespace pillion::config {

// Before what refers to them.
void BuildBootstrapExtensions(BuildContext& context, const envoy::config::bootstrap::v3::Bootstrap& from,
                              Bootstrap& bootstrap);

}  // namespace pillion::config
