#include "source/last_good/replacement.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace pillion::last_good {
namespace {

constexpr size_t kBuffer = 256 * 1024;

}  // namespace

Replacement::Replacement(std::string path, std::string_view magic) : path_(std::move(path)), new_path_(path_ + ".new") {
  CheckOld(magic);
  if (!status_.ok()) return;
  // One that was left by a process that has ended.
  if (::unlink(new_path_.c_str()) != 0 && errno != ENOENT) {
    Fail(new_path_ + ": cannot be removed", errno);
    return;
  }
  descriptor_ = ::open(new_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor_ < 0) Fail(new_path_ + ": cannot be made", errno);
}

Replacement::~Replacement() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(new_path_.c_str());
}

void Replacement::Fail(const std::string& what, int error) {
  if (status_.ok()) status_ = absl::ErrnoToStatus(error, what);
}

void Replacement::CheckOld(std::string_view magic) {
  const int old = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (old < 0) {
    if (errno != ENOENT) Fail(path_ + ": cannot be looked into", errno);
    return;
  }
  const absl::Cleanup close = [old] { ::close(old); };
  struct stat info;
  if (::fstat(old, &info) != 0) return Fail(path_ + ": cannot be examined", errno);
  if (S_ISREG(info.st_mode) && info.st_size == 0) return;
  std::string begin(magic.size(), '\0');
  if (!S_ISREG(info.st_mode) || ::read(old, begin.data(), begin.size()) < 0 || begin != magic) {
    status_ = absl::FailedPreconditionError(absl::StrCat(path_, ": is no file of last good state, and is left as it is"));
  }
}

void Replacement::Append(std::string_view bytes) {
  buffer_ += bytes;
  size_ += bytes.size();
  if (buffer_.size() >= kBuffer) Flush();
}

void Replacement::Flush() {
  const std::string bytes = std::exchange(buffer_, {});
  for (size_t written = 0; status_.ok() && written < bytes.size();) {
    const ssize_t count = ::write(descriptor_, bytes.data() + written, bytes.size() - written);
    if (count > 0) {
      written += static_cast<size_t>(count);
    } else if (errno != EINTR) {
      Fail(new_path_ + ": cannot be written", errno);
    }
  }
}

absl::Status Replacement::Commit() {
  Flush();
  if (status_.ok() && ::fsync(descriptor_) != 0) Fail(new_path_ + ": cannot be written", errno);
  struct stat mine, there;
  if (status_.ok() && (::fstat(descriptor_, &mine) != 0 || ::lstat(new_path_.c_str(), &there) != 0 ||
                       mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)) {
    // It is that one's to remove.
    ::close(std::exchange(descriptor_, -1));
    status_ = absl::AbortedError(absl::StrCat(new_path_, ": is written by another process at the same time"));
  }
  if (status_.ok() && ::rename(new_path_.c_str(), path_.c_str()) != 0) Fail(path_ + ": cannot be replaced", errno);
  if (!status_.ok()) return status_;
  ::close(std::exchange(descriptor_, -1));
  SyncFolder();
  return status_;
}

// That the new one is at the path is written down, too.
void Replacement::SyncFolder() {
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (descriptor < 0 || ::fsync(descriptor) != 0) Fail(folder.string() + ": cannot be written", errno);
  if (descriptor >= 0) ::close(descriptor);
}

}  // namespace pillion::last_good
