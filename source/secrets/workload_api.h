#pragma once

// An agent that gives identities by the SPIFFE Workload API: one stream, whose every message is the whole state: trust that
// it does not speak of any more is dropped. A message whose own identities break a rule is passed over as a whole; the
// stream is tried again for ever, also where the agent says that this workload has no identity. That alone drops nothing:
// an agent that was just started says so of everybody. Owned by its Sources; main thread.

#include <memory>
#include <string>
#include <vector>

#include "source/base/random.h"
#include "source/client/grpc.h"
#include "source/config/model.h"
#include "source/secrets/subscription.h"
#include "source/secrets/svid_response.h"
#include "source/xds/backoff.h"
#include "source/xds/complaints.h"
#include "source/xds/control_plane_stats.h"

namespace pillion::secrets {

class WorkloadApi final : private client::GrpcEvents {
 public:
  struct Surroundings {
    client::GrpcCaller& caller;
    event::ControlTimers& timers;
    const base::Clock& clock;
    base::Random& random;
    xds::ControlPlaneStats& stats;
    Say warn;
  };

  // What is given in `surroundings` outlives it.
  WorkloadApi(const net::Address& endpoint, Surroundings surroundings);
  WorkloadApi(const WorkloadApi&) = delete;
  WorkloadApi& operator=(const WorkloadApi&) = delete;

  // It is given at once what the agent said last. `subscription` lives until Remove(), or outlives this.
  void Add(Subscription& subscription);
  void Remove(Subscription& subscription) { std::erase(subscriptions_, &subscription); }
  void Start() { Connect(); }

 private:
  void OnMessage(std::string message) override;
  void OnEnd(const codec::grpc::Status& status) override;
  void Connect();
  // What the agent said last holds for `subscription`.
  void Tell(Subscription& subscription);
  void Warn(const std::string& why);

  const client::Target target_;
  const Surroundings with_;
  std::vector<Subscription*> subscriptions_;
  xds::Backoff backoff_;
  const std::unique_ptr<event::ControlTimer> retry_;
  std::unique_ptr<client::GrpcCall> call_;  // null: it is waited before the next try
  bool answered_ = false;                   // on this stream
  xds::Complaints complaints_;
  SecretsByName secrets_;  // of the last message that was taken
  std::string version_;    // of that; empty: there was none
};

}  // namespace pillion::secrets
