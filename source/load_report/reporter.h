#pragma once

// Tells a control plane what became of the requests to the clusters that it asks for, as often as it says (LRS).
//
// | state     | meaning                                          | left by                                              |
// |-----------|--------------------------------------------------|------------------------------------------------------|
// | resting   | there is no call                                 | Start(), after a failure the timer: streaming        |
// | streaming | the node is told, and then a report whenever the | the call's end, a message that is none: resting, for |
// |           | interval of the last answer is over              | kRetry                                               |
//
// What it was asked for last holds on the next stream, too: figures go on as if nothing had happened. A server that does not
// read what it is told has its stream ended (client/grpc_stream.h).
//
// Owned by the server; main thread.

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "envoy/config/core/v3/core.pb.h"
#include "source/client/grpc.h"
#include "source/config/config_source.h"
#include "source/event/control_timer.h"
#include "source/load_report/loads.h"
#include "source/stats/registry.h"
#include "source/xds/complaints.h"

namespace pillion::load_report {

class Reporter final : private client::GrpcEvents {
 public:
  static constexpr base::Duration kRetry = std::chrono::seconds(5);  // Envoy's
  static constexpr base::Duration kShortest = std::chrono::milliseconds(100);
  static constexpr base::Duration kLongest = std::chrono::hours(24);

  struct Surroundings {
    client::GrpcCaller& caller;
    event::ControlTimers& timers;
    const base::Clock& clock;
    stats::Registry& registry;
    envoy::config::core::v3::Node node;
    std::function<std::optional<client::Target>()> target;  // of the next try; nothing: there is no host
    Loads::ForEachCluster for_each_cluster;
    std::function<void(std::string_view line)> warn;
  };

  // What is given in `surroundings` outlives it.
  Reporter(const config::ApiSource& source, Surroundings surroundings);
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  void Start() { Connect(); }

 private:
  struct Asked {
    std::set<std::string> clusters;
    bool all = false;
    bool by_host = false;
    base::Duration interval{0};
  };

  void OnMessage(std::string message) override;
  void OnEnd(const codec::grpc::Status& status) override;

  void Connect();
  void Report();
  void AwaitNext();
  void Failed(const std::string& why);

  const config::ApiSource source_;
  const Surroundings with_;
  stats::Scope scope_;
  stats::Counter* const requests_;  // that came
  stats::Counter* const responses_;
  stats::Counter* const errors_;
  stats::Counter* const retries_;
  Loads loads_;
  xds::Complaints complaints_;
  std::unique_ptr<client::GrpcCall> call_;  // null: it rests
  bool first_ = true;                       // nothing was sent on this call
  std::optional<Asked> asked_;              // nothing: nobody has asked for anything as yet
  const std::unique_ptr<event::ControlTimer> retry_;
  const std::unique_ptr<event::ControlTimer> next_;
};

}  // namespace pillion::load_report
