#include "source/config/tls.h"

#include <algorithm>
#include <utility>

namespace pillion::config {

RenewableContext::RenewableContext(TlsBuild first, Build build)
    : current_(std::move(first.context)),
      build_(std::move(build)),
      files_(std::move(first.files)),
      directories_(std::move(first.directories)),
      secrets_(std::move(first.secrets)),
      named_(std::move(first.named)),
      digest_(first.digest) {}

std::shared_ptr<const tls::Context> RenewableContext::current() const {
  const absl::MutexLock lock(&mutex_);
  return current_;
}

RenewableContext::Renewal RenewableContext::Renew() {
  TlsBuild built = build_();
  errors_ = std::move(built.errors);
  if (built.context == nullptr) {
    // What was not come to, because something before it was missing, is watched on.
    for (std::string& directory : built.directories) {
      if (std::ranges::find(directories_, directory) == directories_.end()) directories_.push_back(std::move(directory));
    }
    if (built.waits) return Renewal::kSame;
    if (built.withdrawn) {
      const absl::MutexLock lock(&mutex_);
      current_.swap(built.context);
    }
    return Renewal::kRejected;
  }
  directories_ = std::move(built.directories);
  if (built.digest == digest_ && current() != nullptr) return Renewal::kSame;
  digest_ = built.digest;
  files_ = std::move(built.files);
  const absl::MutexLock lock(&mutex_);
  current_.swap(built.context);
  return Renewal::kTaken;
}

bool PeerModes::Any(PeerMode wanted) const {
  return mode == wanted || std::ranges::any_of(ports, [&](const auto& port) { return port.second == wanted; });
}

}  // namespace pillion::config
