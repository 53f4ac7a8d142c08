#pragma once

// A secret that somebody else gives while the process runs: a control plane (SDS), or an agent by the SPIFFE Workload API.
// There is one for each source and name, which all share that name it. Made with the configuration; the rest is the main
// thread's.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/config/config_source.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace pillion::config {

class RemoteSecret {
 public:
  enum class Kind : uint8_t { kTlsCertificate, kValidationContext };

  // `source` is no file: one of those is read where it is named.
  RemoteSecret(ConfigSource source, std::string name, Kind kind, base::Duration initial_fetch_timeout)
      : source_(std::move(source)), name_(std::move(name)), kind_(kind), initial_fetch_timeout_(initial_fetch_timeout) {}

  const ConfigSource& source() const { return source_; }
  // "sds:CLUSTER" or "workload_api", for who reads it.
  std::string origin() const;
  const std::string& name() const { return name_; }
  Kind kind() const { return kind_; }
  base::Duration initial_fetch_timeout() const { return initial_fetch_timeout_; }  // zero: for ever

  // A Secret that was judged good (judge_secret.h); null: none has come yet, or it was withdrawn.
  const google::protobuf::Message* current() const { return current_.get(); }
  const std::string& version() const { return version_; }
  base::WallTime updated() const { return updated_; }
  // Who gave it gives it no more: where it is trust, nobody is trusted by it until another comes.
  bool withdrawn() const { return withdrawn_; }
  // Why the last one was not taken; empty: it was.
  const std::string& error() const { return error_; }
  // Of that: empty where who gives it named none; and when.
  const std::string& failed_version() const { return failed_version_; }
  base::WallTime failed() const { return failed_; }

  void Set(std::shared_ptr<const google::protobuf::Message> secret, std::string version, base::WallTime now);
  void Refuse(std::string error, std::string version, base::WallTime now);
  // Of a validation context that has come. `why` is the error().
  void Withdraw(std::string why, base::WallTime now);
  // `changed` is called after each Set() and Withdraw(), as long as somebody has what this returns.
  using Observation = std::shared_ptr<const std::function<void()>>;
  [[nodiscard]] Observation AddObserver(std::function<void()> changed);

 private:
  void Tell();
  // Observers that are gone.
  void Forget();

  const ConfigSource source_;
  const std::string name_;
  const Kind kind_;
  const base::Duration initial_fetch_timeout_;
  std::shared_ptr<const google::protobuf::Message> current_;
  bool withdrawn_ = false;
  std::string version_;
  base::WallTime updated_{};
  std::string error_;
  std::string failed_version_;
  base::WallTime failed_{};
  std::vector<std::weak_ptr<const std::function<void()>>> observers_;
  size_t most_observers_ = 16;  // those that are gone are forgotten then
};

// All of the process: of its configuration, and of what comes while it runs. Main thread.
class RemoteSecrets {
 public:
  // Made when it is first asked for. It is there for as long as somebody has what this returns. Null: it is there, but of
  // the other kind.
  std::shared_ptr<RemoteSecret> Get(const ConfigSource& source, const std::string& name, RemoteSecret::Kind kind,
                                    base::Duration initial_fetch_timeout);
  // In the order in which they were asked for. To have one of these does not count as having it.
  std::vector<std::shared_ptr<RemoteSecret>> all() const;

  // Who asks for secrets: is told of each that somebody has, and when nobody has it any more. One of them at most.
  using Observer = std::function<void(const std::shared_ptr<RemoteSecret>& secret)>;
  void Observe(Observer added, Observer gone);
  // Tells what has changed since the last time, and forgets what nobody has. To be called when resources were taken or
  // dropped; of a secret that came and went in between nothing is told.
  void Settle();

 private:
  struct Entry {
    std::shared_ptr<RemoteSecret> secret;
    std::weak_ptr<RemoteSecret> users;  // what they have, who may be on any thread when they drop it
    bool told = false;
  };

  std::vector<Entry> entries_;
  Observer added_;
  Observer gone_;
};

}  // namespace pillion::config
