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

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace pillion::config {

// Equal ones share a stream.
struct SecretSource {
  std::string cluster;    // of the control plane; empty: the Workload API
  std::string authority;
  std::vector<std::pair<std::string, std::string>> metadata;
  size_t max_message = 4 * 1024 * 1024;  // bytes
  bool node_once = false;                // only the first message of a stream says who asks

  bool workload_api() const { return cluster.empty(); }
  // "sds:CLUSTER" or "workload_api", for who reads it.
  std::string text() const { return workload_api() ? "workload_api" : "sds:" + cluster; }
  bool operator==(const SecretSource&) const = default;
};

class RemoteSecret {
 public:
  enum class Kind : uint8_t { kTlsCertificate, kValidationContext };

  RemoteSecret(SecretSource source, std::string name, Kind kind, base::Duration initial_fetch_timeout)
      : source_(std::move(source)), name_(std::move(name)), kind_(kind), initial_fetch_timeout_(initial_fetch_timeout) {}

  const SecretSource& source() const { return source_; }
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

  void Set(std::shared_ptr<const google::protobuf::Message> secret, std::string version, base::WallTime now);
  void Refuse(std::string error) { error_ = std::move(error); }
  // Of a validation context that has come. `why` is the error().
  void Withdraw(std::string why);
  // `changed` is called after each Set() and Withdraw(), as long as it lives.
  void AddObserver(std::function<void()> changed) { observers_.push_back(std::move(changed)); }

 private:
  const SecretSource source_;
  const std::string name_;
  const Kind kind_;
  const base::Duration initial_fetch_timeout_;
  std::shared_ptr<const google::protobuf::Message> current_;
  bool withdrawn_ = false;
  std::string version_;
  base::WallTime updated_{};
  std::string error_;
  std::vector<std::function<void()>> observers_;
};

// All of a configuration.
class RemoteSecrets {
 public:
  // Made when it is first asked for. Null: it is there, but of the other kind.
  std::shared_ptr<RemoteSecret> Get(const SecretSource& source, const std::string& name, RemoteSecret::Kind kind,
                                    base::Duration initial_fetch_timeout);
  const std::vector<std::shared_ptr<RemoteSecret>>& all() const { return all_; }

 private:
  std::vector<std::shared_ptr<RemoteSecret>> all_;  // in the order in which they were asked for
};

}  // namespace pillion::config
