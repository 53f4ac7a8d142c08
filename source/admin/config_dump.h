#pragma once

// /config_dump: the configuration in use, in the shape of envoy.admin.v3.ConfigDump.

#include <string>

#include "absl/status/statusor.h"
#include "source/admin/sources.h"
#include "source/base/clock.h"
#include "source/config/model.h"

namespace pillion::admin {

// `updated` is when `bootstrap`, a loaded one, was taken. NotFound: there is no such resource field.
absl::StatusOr<std::string> DumpConfig(const config::Bootstrap& bootstrap, base::WallTime updated,
                                       const ConfigDumpQuery& query);

}  // namespace pillion::admin
