#pragma once

// Who may do what with the administration. Internal to config/.

#include <string>

#include "google/protobuf/any.pb.h"
#include "source/config/build.h"

namespace pillion::config {

// `from` is a pillion.admin.v1.AdminAccess. After the administration's address.
void BuildAdminAccess(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                      Bootstrap& bootstrap);

}  // namespace pillion::config
