#include "source/config/read_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pillion::config {
namespace {

enum class Kind : uint8_t { kFile, kPrivateFile, kOwnFile, kFileOrPipe };

absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes, Kind kind) {
  const bool pipes = kind == Kind::kFileOrPipe;
  // Without waiting, until it is known what this is.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot be opened");
  const absl::Cleanup close = [fd] { ::close(fd); };

  struct stat info;
  if (::fstat(fd, &info) != 0) return absl::ErrnoToStatus(errno, "cannot be examined");
  if (pipes && S_ISFIFO(info.st_mode)) {
    // A pipe that nobody has opened for writing yet looks like one at its end, but is not ready.
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    while (::poll(&ready, 1, -1) < 0 && errno == EINTR) {
    }
    if (::fcntl(fd, F_SETFL, 0) != 0) return absl::ErrnoToStatus(errno, "cannot be read");
  } else if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(pipes ? "is neither a regular file nor a pipe" : "is not a regular file");
  }
  if (kind == Kind::kOwnFile && info.st_uid != ::geteuid()) {
    return absl::PermissionDeniedError(
        absl::StrCat("belongs to user ", info.st_uid, ", expected ", ::geteuid(), ", who this process runs as"));
  }
  if ((kind == Kind::kPrivateFile || kind == Kind::kOwnFile) && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return absl::PermissionDeniedError(
        absl::StrFormat("has mode %04o, expected no rights of group and others, as 0600", info.st_mode & 07777));
  }

  // The size may change while it is read: the bytes are what counts.
  std::string bytes;
  char chunk[65536];
  while (bytes.size() <= max_bytes) {
    const ssize_t count = ::read(fd, chunk, sizeof(chunk));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "cannot be read");
    if (count == 0) return bytes;
    bytes.append(chunk, static_cast<size_t>(count));
  }
  return absl::InvalidArgumentError(absl::StrCat("is larger than ", max_bytes, " bytes"));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  return Read(path, max_bytes, Kind::kFile);
}

absl::StatusOr<std::string> ReadPrivateFile(const std::string& path, size_t max_bytes) {
  return Read(path, max_bytes, Kind::kPrivateFile);
}

absl::StatusOr<std::string> ReadOwnFile(const std::string& path, size_t max_bytes) {
  return Read(path, max_bytes, Kind::kOwnFile);
}

absl::StatusOr<std::string> ReadFileOrPipe(const std::string& path, size_t max_bytes) {
  return Read(path, max_bytes, Kind::kFileOrPipe);
}

}  // namespace pillion::config
