#pragma once

// The overload manager. Internal to config/.

#include <memory>
#include <string>

#include "source/config/build.h"
#include "source/config/overload.h"

namespace pillion::config {

std::shared_ptr<const Overload> BuildOverload(BuildContext& context,
                                              const envoy::config::overload::v3::OverloadManager& from,
                                              const std::string& path);

}  // namespace pillion::config
