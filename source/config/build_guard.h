#pragma once

// What watches the changes that a control plane makes. Internal to config/.

#include <string>

#include "google/protobuf/any.pb.h"
#include "source/config/build.h"

namespace pillion::config {

// Each one of bootstrap_extensions, whose type it is. The second after dynamic_resources.
void BuildBootstrapGuard(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                         Bootstrap& bootstrap);
void BuildPushedGuard(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                      Bootstrap& bootstrap);

}  // namespace pillion::config
