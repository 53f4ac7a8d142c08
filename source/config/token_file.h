#pragma once

// The tokens by which clients of the administration show who they are.

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pillion::config {

// Of a file that is its owner's alone, a token a line, one at least. The error names the reason, not the path, and nothing
// of a token.
absl::StatusOr<std::vector<std::string>> ReadTokenFile(const std::string& path);

}  // namespace pillion::config
