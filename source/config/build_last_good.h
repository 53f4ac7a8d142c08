#pragma once

#include "source/config/build.h"

namespace pillion::config {

// One of bootstrap_extensions, whose type it is. Internal to config/.
void BuildLastGood(BuildContext& context, const google::protobuf::Any& from, const std::string& path, Bootstrap& bootstrap);

}  // namespace pillion::config
