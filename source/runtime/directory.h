#pragma once

// Keys as files: each file of a directory, and of those below it, is a key named by its path with dots ("a/b" is a.b),
// and holds its value. Lines that begin with '#' are comments.

#include <string>

#include "absl/status/statusor.h"
#include "source/runtime/keys.h"

namespace pillion::runtime {

// A directory that is not there holds nothing. An error: one that can't be read, a file that is too large, or too many.
absl::StatusOr<Keys::Values> ReadDirectory(const std::string& path);

}  // namespace pillion::runtime
