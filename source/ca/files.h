#pragma once

// Files and folders, changed in one step each: whoever reads meanwhile has the old or the new one.

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pillion::ca {

struct NamedFile {
  std::string name;
  std::string bytes;
  mode_t mode;
};

// On disk when it returns.
absl::Status ReplaceFile(const std::string& path, std::string_view bytes, mode_t mode);

// All of them at once, as Kubernetes mounts volumes: each is a link into ..data, itself a link to a folder, which is
// replaced. What else is in `folder` stays.
absl::Status ReplaceFiles(const std::string& folder, const std::vector<NamedFile>& files);

// In order; none where there is no such folder.
std::vector<std::string> NamesIn(const std::string& folder);

absl::StatusOr<std::string> ReadWholeFile(const std::string& path);
// Only for its owner; and those that it lies in. An error where it is there already and is not ours alone to change.
absl::Status MakeFolder(const std::string& path);
// An error, with what to do, where what `path` names is a link, is another user's, or others may write to it; `found` is
// what lstat or fstat says of it.
absl::Status CheckOwn(const std::string& path, const struct stat& found);

// "open /a/b: Permission denied", by errno.
absl::Status SystemError(std::string_view what, const std::string& path);

}  // namespace pillion::ca
