#pragma once

// The resources of one type from one control plane, over a stream of the state of the world.
//
// | state      | meaning                               | left by                                                       |
// |------------|---------------------------------------|---------------------------------------------------------------|
// | resting    | nothing was asked yet, or it is waited before the next try | Start(), the backoff: streaming          |
// | streaming  | what is wanted was asked; answers come | the call's end, bytes that are no DiscoveryResponse: resting |
//
// Each answer is acknowledged, or refused with what is wrong in it; a refusal that follows another waits, because a control
// plane may send the same, or the next that is bad, at once. What was taken last stays whatever happens. Names that nobody
// watches are passed over.
//
// Owned by who knows what the resources are; main thread.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "envoy/config/core/v3/core.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "source/base/random.h"
#include "source/client/grpc.h"
#include "source/event/control_timer.h"
#include "source/stats/registry.h"
#include "source/xds/backoff.h"
#include "source/xds/complaints.h"

namespace pillion::xds {

// Who wants the resource of one name.
class Watcher {
 public:
  // What is wrong with it, in one line each; empty: it was taken.
  virtual std::vector<std::string> OnResource(const google::protobuf::Any& resource, const std::string& version) = 0;
  virtual void OnRequest() = 0;  // it was asked for
  virtual void OnFailure() = 0;  // the stream ended

 protected:
  ~Watcher() = default;
};

// What is counted of all streams to control planes; they share it.
class ControlPlaneStats {
 public:
  explicit ControlPlaneStats(stats::Registry& registry);
  void Connected(bool connected) { connected_->Add(connected ? 1 : -1); }
  void Identify(std::string_view identifier);  // cut where it is long

 private:
  stats::Scope scope_;
  stats::Gauge* connected_;
  const stats::TextId identifier_;
};

class SotwStream final : private client::GrpcEvents {
 public:
  struct Options {
    std::string method;     // "/package.Service/Method"
    std::string type_name;  // of the resources, without the host of a type_url
    std::vector<std::pair<std::string, std::string>> metadata;
    size_t max_message;      // bytes
    bool node_once = false;  // only in the first message of a stream
    std::string name;        // of the control plane, as the log says it
  };
  struct Surroundings {
    client::GrpcCaller& caller;
    event::ControlTimers& timers;
    const base::Clock& clock;
    base::Random& random;
    ControlPlaneStats& stats;
    const envoy::config::core::v3::Node& node;
    std::function<std::optional<client::Target>()> target;  // of the next try; nothing: there is no host
    std::function<std::string(const google::protobuf::Any& resource)> name_of;  // empty: it can't be read
    std::function<void(std::string_view line)> warn;
  };

  // What is given in `surroundings` outlives it.
  SotwStream(Options options, Surroundings surroundings);
  SotwStream(const SotwStream&) = delete;
  SotwStream& operator=(const SotwStream&) = delete;

  // Before Start(). `watcher` outlives it. Once for a name.
  void Watch(const std::string& name, Watcher& watcher) { watchers_.emplace(name, &watcher); }
  void Start();

 private:
  using Response = envoy::service::discovery::v3::DiscoveryResponse;

  void OnMessage(std::string message) override;
  void OnEnd(const codec::grpc::Status& status) override;

  void Connect();
  void Send(const std::string& error);
  // All that is wrong, in one text; empty: nothing.
  std::string Take(const Response& response);
  std::string TypeUrl() const { return "type.googleapis.com/" + options_.type_name; }
  // `absent`: it is on this machine, and not there.
  void Failed(const std::string& why, bool absent = false);

  const Options options_;
  const Surroundings with_;
  std::map<std::string, Watcher*, std::less<>> watchers_;
  Backoff backoff_;
  const std::unique_ptr<event::ControlTimer> retry_;
  std::unique_ptr<client::GrpcCall> call_;  // null: resting
  bool answered_ = false;                   // on this stream
  bool nearby_ = false;                     // it goes to a unix socket
  bool first_ = true;                       // nothing was sent on this stream
  std::string version_;                     // that was taken last
  std::string nonce_;                       // of the last answer on this stream
  Complaints complaints_;
  // Refusals.
  bool refused_ = false;  // the last answer, on whatever stream
  Backoff refusal_backoff_;
  const std::unique_ptr<event::ControlTimer> refusal_;
};

}  // namespace pillion::xds
