#pragma once

// All secrets of the process that somebody else gives, as they come to be needed and cease to be. Owned by the server; main
// thread.

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "envoy/config/core/v3/core.pb.h"
#include "source/base/random.h"
#include "source/client/grpc.h"
#include "source/config/model.h"
#include "source/secrets/subscription.h"
#include "source/secrets/workload_api.h"
#include "source/xds/planes.h"

namespace pillion::secrets {

class Sources {
 public:
  struct Surroundings {
    client::GrpcCaller& caller;
    event::ControlTimers& timers;
    const base::Clock& clock;
    stats::Registry& registry;
    const config::UnknownRule& unknown;
    xds::Planes& planes;
    Say warn;
    uint64_t seed;
  };

  // What is given outlives it.
  Sources(std::shared_ptr<const config::Bootstrap> bootstrap, Surroundings surroundings);
  ~Sources();
  Sources(const Sources&) = delete;
  Sources& operator=(const Sources&) = delete;

  // Those that are needed are asked for and waited for, and those that are needed later.
  void Start();

  // `ready` is called once: when each of `secrets` has come or is not waited for any more; perhaps at once.
  using Secrets = std::vector<std::shared_ptr<config::RemoteSecret>>;
  void WhenReady(const Secrets& secrets, std::function<void()> ready);
  // Those that are waited for.
  std::vector<const config::RemoteSecret*> awaited() const;

 private:
  struct Asked {
    const config::RemoteSecret* secret;
    std::unique_ptr<Subscription> subscription;
    bool watching = false;
  };

  void Add(const std::shared_ptr<config::RemoteSecret>& secret);
  void Remove(const config::RemoteSecret& secret);
  void Ask(Asked& asked);
  void Leave(Asked& asked);
  Asked* Find(const config::RemoteSecret& secret);
  xds::NamedResources* NamedOf(const config::RemoteSecret& secret);  // null: by the Workload API

  const std::shared_ptr<const config::Bootstrap> bootstrap_;
  const Surroundings with_;
  base::Random random_;
  std::unique_ptr<WorkloadApi> workload_api_;    // null: nobody asks for it
  std::vector<std::unique_ptr<Asked>> asked_;
  bool started_ = false;
};

// The node of `bootstrap`, with what pillion says of itself where it says nothing.
envoy::config::core::v3::Node NodeOf(const config::Bootstrap& bootstrap, const config::Node::BuildVersion& own);

}  // namespace pillion::secrets
