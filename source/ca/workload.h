#pragma once

// Who gets an SVID.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace pillion::ca {

struct Workload {
  std::string name;  // of its folder
  std::string spiffe_id;
};

// Of "web", or of "web=ns/prod/sa/web": another path than the name.
absl::StatusOr<Workload> ParseWorkload(std::string_view text, std::string_view trust_domain);

}  // namespace pillion::ca
