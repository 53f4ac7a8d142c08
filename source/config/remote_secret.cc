#include "source/config/remote_secret.h"

#include <algorithm>

#include "google/protobuf/message.h"

namespace pillion::config {

void RemoteSecret::Set(std::shared_ptr<const google::protobuf::Message> secret, std::string version, base::WallTime now) {
  current_ = std::move(secret);
  version_ = std::move(version);
  updated_ = now;
  withdrawn_ = false;
  error_.clear();
  for (const std::function<void()>& changed : observers_) changed();
}

void RemoteSecret::Withdraw(std::string why) {
  current_ = nullptr;
  version_.clear();
  withdrawn_ = true;
  error_ = std::move(why);
  for (const std::function<void()>& changed : observers_) changed();
}

std::shared_ptr<RemoteSecret> RemoteSecrets::Get(const SecretSource& source, const std::string& name,
                                                 RemoteSecret::Kind kind, base::Duration initial_fetch_timeout) {
  const auto found = std::ranges::find_if(
      all_, [&](const auto& secret) { return secret->name() == name && secret->source() == source; });
  if (found != all_.end()) return (*found)->kind() == kind ? *found : nullptr;
  return all_.emplace_back(std::make_shared<RemoteSecret>(source, name, kind, initial_fetch_timeout));
}

}  // namespace pillion::config
