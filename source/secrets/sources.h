#pragma once

// All secrets of the process that somebody else gives, and who gives them: a stream for each. Owned by the server; main
// thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "envoy/config/core/v3/core.pb.h"
#include "source/base/random.h"
#include "source/client/grpc.h"
#include "source/config/model.h"
#include "source/secrets/subscription.h"
#include "source/secrets/workload_api.h"
#include "source/xds/control_plane_stats.h"
#include "source/xds/named_resources.h"
#include "source/xds/stream.h"

namespace pillion::secrets {

class Sources {
 public:
  struct Surroundings {
    client::GrpcCaller& caller;
    event::ControlTimers& timers;
    const base::Clock& clock;
    stats::Registry& registry;
    const config::UnknownRule& unknown;
    envoy::config::core::v3::Node node;  // as control planes are told who asks
    std::function<std::optional<client::Target>(const std::string& cluster)> host_of;  // nothing: it has none now
    Say warn;
    uint64_t seed;
  };

  // What is given in `surroundings` outlives it.
  Sources(const config::Bootstrap& bootstrap, Surroundings surroundings);
  Sources(const Sources&) = delete;
  Sources& operator=(const Sources&) = delete;

  // `ready` is called once: when each secret has come or is not waited for any more; at once where there is none.
  void Start(std::function<void()> ready);

 private:
  // A control plane, and what is asked of it.
  struct Plane {
    Plane(xds::Stream::Options options, xds::Stream::Surroundings surroundings);

    xds::Stream stream;
    xds::NamedResources secrets;
  };

  Plane& PlaneOf(const config::ApiSource& source);
  void OnReady();

  const Surroundings with_;
  base::Random random_;
  std::optional<xds::ControlPlaneStats> stats_;  // where there is a secret
  std::vector<std::unique_ptr<Subscription>> subscriptions_;
  std::vector<std::pair<config::ApiSource, std::unique_ptr<Plane>>> planes_;
  std::unique_ptr<WorkloadApi> workload_api_;  // null: nobody asks for it
  size_t not_ready_ = 0;
  std::function<void()> ready_;
};

// The node of `bootstrap`, with what pillion says of itself where it says nothing.
envoy::config::core::v3::Node NodeOf(const config::Bootstrap& bootstrap, const config::Node::BuildVersion& own);

}  // namespace pillion::secrets
