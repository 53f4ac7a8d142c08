#include "source/ca/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "source/identity/text.h"

namespace pillion::ca {
namespace {

using identity::Concat;

constexpr std::string_view kData = "..data";
constexpr std::string_view kFolders = "..20";  // of those that it leads to, the first part of their names

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }
  bool valid() const { return number_ >= 0; }

 private:
  const int number_;
};

absl::Status WriteFile(const std::string& path, std::string_view bytes, mode_t mode) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return SystemError("open", path);
  if (fchmod(file.get(), mode) != 0) return SystemError("fchmod", path);  // whatever the umask
  while (!bytes.empty()) {
    const ssize_t written = write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(file.get()) != 0) return SystemError("fsync", path);
  return absl::OkStatus();
}

absl::Status SyncFolder(const std::string& path) {
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return SystemError("open", path);
  if (fsync(folder.get()) != 0) return SystemError("fsync", path);
  return absl::OkStatus();
}

// A link named `name` in `folder`, in place of what has that name.
absl::Status ReplaceLink(const std::string& folder, std::string_view name, const std::string& target) {
  const std::string fresh = Concat(folder, "/..link"), place = Concat(folder, "/", name);
  unlink(fresh.c_str());
  if (symlink(target.c_str(), fresh.c_str()) != 0) return SystemError("symlink", fresh);
  if (rename(fresh.c_str(), place.c_str()) != 0) return SystemError("rename", place);
  return absl::OkStatus();
}

std::string LinkTarget(const std::string& path) {
  std::error_code error;
  return std::filesystem::read_symlink(path, error).string();
}

// Those that ..data led to before, also where a process ended in between.
void RemoveOlder(const std::string& folder, const std::string& current) {
  std::error_code error;
  for (const std::string& name : NamesIn(folder)) {
    if (name.starts_with(kFolders) && name != current) {
      std::filesystem::remove_all(Concat(folder, "/", name), error);
    }
  }
}

}  // namespace

absl::Status SystemError(std::string_view what, const std::string& path) {
  const int number = errno;
  return absl::ErrnoToStatus(number, Concat(path, ": ", what));
}

absl::Status ReplaceFile(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string fresh = path + ".new";
  if (absl::Status status = WriteFile(fresh, bytes, mode); !status.ok()) return status;
  if (rename(fresh.c_str(), path.c_str()) != 0) return SystemError("rename", path);
  return SyncFolder(std::filesystem::path(path).parent_path().string());
}

absl::Status ReplaceFiles(const std::string& folder, const std::vector<NamedFile>& files) {
  std::string fresh = Concat(folder, "/", kFolders, "XXXXXX");
  if (mkdtemp(fresh.data()) == nullptr) return SystemError("mkdtemp", fresh);
  const std::string current = fresh.substr(folder.size() + 1);
  absl::Status status;
  for (const NamedFile& file : files) {
    if (status.ok()) status = WriteFile(Concat(fresh, "/", file.name), file.bytes, file.mode);
  }
  if (status.ok()) status = ReplaceLink(folder, kData, current);
  if (!status.ok()) {
    std::error_code error;
    std::filesystem::remove_all(fresh, error);
    return status;
  }
  for (const NamedFile& file : files) {
    const std::string target = Concat(kData, "/", file.name);
    if (LinkTarget(Concat(folder, "/", file.name)) == target) continue;
    if (status = ReplaceLink(folder, file.name, target); !status.ok()) return status;
  }
  RemoveOlder(folder, current);
  return absl::OkStatus();
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return SystemError("open", path);
  std::string bytes;
  char block[4096];
  while (true) {
    const ssize_t count = read(file.get(), block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("read", path);
    if (count == 0) return bytes;
    bytes.append(block, static_cast<size_t>(count));
    if (bytes.size() > 1'000'000) return absl::DataLossError(path + ": longer than a megabyte");
  }
}

absl::Status MakeFolder(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return SystemError("mkdir", part);
    if (slash == path.npos) break;
  }
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) return SystemError("lstat", path);
  if (absl::Status status = CheckOwn(path, found); !status.ok()) return status;
  if (!S_ISDIR(found.st_mode)) return absl::FailedPreconditionError(path + ": expected a folder");
  return absl::OkStatus();
}

absl::Status CheckOwn(const std::string& path, const struct stat& found) {
  if (S_ISLNK(found.st_mode)) {
    return absl::FailedPreconditionError(path + ": is a link: remove it, or name what it leads to");
  }
  if (found.st_uid != geteuid()) {
    return absl::FailedPreconditionError(Concat(path, ": is owned by user ", found.st_uid, ", expected ", geteuid(),
                                                ", who runs this: chown it, or name another folder"));
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::FailedPreconditionError(
        Concat(path, ": others than its owner may write to it: chmod go-w it, or name another folder"));
  }
  return absl::OkStatus();
}

}  // namespace pillion::ca
