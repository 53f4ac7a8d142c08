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
  Tell();
}

void RemoteSecret::Refuse(std::string error, std::string version, base::WallTime now) {
  error_ = std::move(error);
  failed_version_ = std::move(version);
  failed_ = now;
}

void RemoteSecret::Withdraw(std::string why, base::WallTime now) {
  current_ = nullptr;
  version_.clear();
  withdrawn_ = true;
  Refuse(std::move(why), "", now);
  Tell();
}

RemoteSecret::Observation RemoteSecret::AddObserver(std::function<void()> changed) {
  if (observers_.size() >= most_observers_) {
    Forget();
    most_observers_ = std::max(most_observers_, 2 * observers_.size());
  }
  auto observation = std::make_shared<const std::function<void()>>(std::move(changed));
  observers_.push_back(observation);
  return observation;
}

void RemoteSecret::Forget() {
  std::erase_if(observers_, [](const auto& observer) { return observer.expired(); });
}

void RemoteSecret::Tell() {
  Forget();
  const auto observers = observers_;  // one of them may bring others, or drop some
  for (const auto& observer : observers) {
    if (const Observation changed = observer.lock()) (*changed)();
  }
}

std::string RemoteSecret::origin() const {
  const auto* api = std::get_if<ApiSource>(&source_);
  return api == nullptr ? "workload_api" : "sds:" + api->cluster;
}

std::shared_ptr<RemoteSecret> RemoteSecrets::Get(const ConfigSource& source, const std::string& name,
                                                 RemoteSecret::Kind kind, base::Duration initial_fetch_timeout) {
  auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.secret->name() == name && entry.secret->source() == source; });
  if (found == entries_.end()) {
    found = entries_.insert(entries_.end(),
                            {std::make_shared<RemoteSecret>(source, name, kind, initial_fetch_timeout), {}, false});
  }
  if (found->secret->kind() != kind) return nullptr;
  std::shared_ptr<RemoteSecret> held = found->users.lock();
  if (held == nullptr) {
    // Its own count, beside that of those who only look after it.
    held = std::shared_ptr<RemoteSecret>(found->secret.get(), [kept = found->secret](RemoteSecret*) {});
    found->users = held;
  }
  return held;
}

std::vector<std::shared_ptr<RemoteSecret>> RemoteSecrets::all() const {
  std::vector<std::shared_ptr<RemoteSecret>> secrets;
  for (const Entry& entry : entries_) {
    if (!entry.users.expired()) secrets.push_back(entry.secret);
  }
  return secrets;
}

void RemoteSecrets::Observe(Observer added, Observer gone) {
  added_ = std::move(added);
  gone_ = std::move(gone);
  for (Entry& entry : entries_) entry.told = false;
  Settle();
}

void RemoteSecrets::Settle() {
  // Who is told may ask for others, or drop some: so of nothing before the list stands.
  std::vector<std::shared_ptr<RemoteSecret>> added;
  std::vector<std::shared_ptr<RemoteSecret>> gone;
  for (Entry& entry : entries_) {
    const bool used = !entry.users.expired();
    if (used && !std::exchange(entry.told, true)) added.push_back(entry.secret);
    if (!used && entry.told) gone.push_back(entry.secret);
  }
  std::erase_if(entries_, [](const Entry& entry) { return entry.users.expired(); });
  for (const auto& secret : gone) {
    if (gone_) gone_(secret);
  }
  for (const auto& secret : added) {
    if (added_) added_(secret);
  }
}

}  // namespace pillion::config
