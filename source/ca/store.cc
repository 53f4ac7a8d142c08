#include "source/ca/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "source/ca/files.h"
#include "source/ca/state.h"
#include "source/identity/spiffe_id.h"
#include "source/identity/text.h"

namespace pillion::ca {
namespace {

using identity::Concat;
using identity::Quote;

std::string StatePath(const std::string& folder) {
  return folder + "/state.pem";
}
std::string SvidsPath(const std::string& folder) {
  return folder + "/svids";
}

bool IsThere(const std::string& path) {
  struct stat found;
  return lstat(path.c_str(), &found) == 0;
}

}  // namespace

std::string WorkloadFolder(const std::string& folder, const std::string& workload) {
  return Concat(SvidsPath(folder), "/", workload);
}

absl::StatusOr<std::optional<Authority>> LoadAuthority(const std::string& folder) {
  const std::string path = StatePath(folder);
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) {
    if (errno != ENOENT) return SystemError("lstat", path);
    if (!IsThere(SvidsPath(folder))) return std::nullopt;
    return absl::DataLossError(Concat(path, ": is missing, but there is ", SvidsPath(folder),
                                      ": put it back, or remove the folder to begin anew"));
  }
  if (absl::Status status = CheckOwn(path, found); !status.ok()) return status;
  if ((found.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        Concat(path, ": holds keys, and others than its owner may use it: expected mode 0600"));
  }
  const absl::StatusOr<std::string> text = ReadWholeFile(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<Authority> authority = ReadState(*text);
  if (!authority.ok()) {
    return absl::DataLossError(
        Concat(path, ": ", std::string(authority.status().message()), "; it is left as it is"));
  }
  return *std::move(authority);
}

Store::Store(std::string folder, int lock) : folder_(std::move(folder)), lock_(lock) {}

Store::Store(Store&& other) noexcept : folder_(other.folder_), lock_(std::exchange(other.lock_, -1)) {}

Store::~Store() {
  if (lock_ >= 0) close(lock_);
}

absl::StatusOr<Store> Store::Open(const std::string& folder) {
  if (absl::Status status = MakeFolder(folder); !status.ok()) return status;
  const std::string path = folder + "/lock";
  const int lock = open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (lock < 0 && errno == ELOOP) return absl::FailedPreconditionError(path + ": is a link: remove it");
  if (lock < 0) return SystemError("open", path);
  Store store(folder, lock);
  // It is written to: not to a file that has a name elsewhere, too.
  struct stat found;
  if (fstat(lock, &found) != 0) return SystemError("fstat", path);
  if (absl::Status status = CheckOwn(path, found); !status.ok()) return status;
  if (!S_ISREG(found.st_mode) || found.st_nlink != 1) {
    return absl::FailedPreconditionError(path + ": expected a file of that one name: remove it");
  }
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError("flock", path);
    const absl::StatusOr<std::string> owner = ReadWholeFile(path);
    return absl::UnavailableError(
        Concat(folder, ": another process uses it", owner.ok() && !owner->empty() ? Concat(", ", *owner) : ""));
  }
  const std::string owner = Concat("process ", getpid());
  if (ftruncate(lock, 0) != 0 || write(lock, owner.data(), owner.size()) != static_cast<ssize_t>(owner.size())) {
    return SystemError("write", path);
  }
  return store;
}

absl::StatusOr<Authority> Store::Load(const std::string& trust_domain) const {
  absl::StatusOr<std::optional<Authority>> found = LoadAuthority(folder_);
  if (!found.ok()) return found.status();
  if (*found) {
    if (!trust_domain.empty() && trust_domain != (*found)->trust_domain()) {
      return absl::FailedPreconditionError(Concat(StatePath(folder_), ": is of the trust domain ",
                                                  Quote((*found)->trust_domain()), ", not ", Quote(trust_domain)));
    }
    return **std::move(found);
  }
  if (trust_domain.empty()) {
    return absl::InvalidArgumentError(
        Concat(folder_, ": there is no CA yet; --trust-domain says of what to make one"));
  }
  if (const std::string error = identity::TrustDomainError(trust_domain); !error.empty()) {
    return absl::InvalidArgumentError(
        Concat("--trust-domain ", Quote(trust_domain), " is no trust domain of SPIFFE: it ", error));
  }
  return Authority(trust_domain);
}

absl::Status Store::Save(const Authority& authority) const {
  return ReplaceFile(StatePath(folder_), StateText(authority), 0600);
}

absl::Status Store::Publish(const Workload& workload, const identity::KeyPair& svid,
                            const std::string& bundle_pem) const {
  const std::string folder = WorkloadFolder(folder_, workload.name);
  if (absl::Status status = MakeFolder(SvidsPath(folder_)); !status.ok()) return status;
  if (absl::Status status = MakeFolder(folder); !status.ok()) return status;
  return ReplaceFiles(folder, {{"svid.pem", identity::PemText(svid.leaf()), 0644},
                               {"key.pem", KeyPem(svid.key.get()), 0600},
                               {"bundle.pem", bundle_pem, 0644}});
}

}  // namespace pillion::ca
