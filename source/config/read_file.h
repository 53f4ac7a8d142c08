#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace pillion::config {

// All of a regular file of at most `max_bytes`. What is no regular file (a pipe, a device, a folder) is refused
// without waiting for it. The error names the reason, not the path.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

// The same of a file with a secret: nobody but its owner may have any right to it.
absl::StatusOr<std::string> ReadPrivateFile(const std::string& path, size_t max_bytes);

// The same of one that this process has written, or another one of the same user: it belongs to that user.
absl::StatusOr<std::string> ReadOwnFile(const std::string& path, size_t max_bytes);

// As ReadFile(), or all that comes through a pipe until its last writer has closed it. Waits for them.
absl::StatusOr<std::string> ReadFileOrPipe(const std::string& path, size_t max_bytes);

}  // namespace pillion::config
