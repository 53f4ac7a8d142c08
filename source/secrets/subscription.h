#pragma once

// One secret that somebody else gives. Owned by its Sources; main thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "source/base/clock.h"
#include "source/config/remote_secret.h"
#include "source/config/unknown.h"
#include "source/event/control_timer.h"
#include "source/stats/registry.h"
#include "source/xds/complaints.h"
#include "source/xds/initial_fetch.h"
#include "source/xds/named_resources.h"
#include "source/xds/subscription_stats.h"

namespace pillion::secrets {

using Secret = envoy::extensions::transport_sockets::tls::v3::Secret;
using Say = std::function<void(std::string_view line)>;

class Subscription final : public xds::NameWatcher {
 public:
  struct Surroundings {
    event::ControlTimers& timers;
    const base::Clock& clock;
    stats::Registry& registry;
    const config::UnknownRule& unknown;
    Say warn;
  };

  // Counts under sds.<name>. All outlive it.
  Subscription(std::shared_ptr<config::RemoteSecret> secret, Surroundings surroundings);

  // It is waited for from now on, until it has come or the initial fetch timeout is over.
  void Start();
  // `ready` is called once: when it is not waited for any more, perhaps at once.
  void WhenReady(std::function<void()> ready);
  bool ready() const { return ready_; }

  const std::string& name() const { return secret_->name(); }
  // What is wrong with it, in one line each; empty: it was taken. `answer_version`: of what brought it.
  std::vector<std::string> Offer(std::shared_ptr<const Secret> offered, const std::string& version,
                                 const std::string& answer_version);
  // It was not even looked at. `version`: its own, where that is known.
  void Refuse(const std::string& why, const std::string& version = "");
  // Who gives it has left it out of what is the whole. Trust is dropped (true); a certificate stays until it expires, as
  // nobody is let in by it, and what has not come yet is waited for on.
  bool Withdraw(const std::string& why);

  // xds::NameWatcher
  std::vector<std::string> OnResource(const xds::Resource& resource) override;
  void OnRemoved(const std::string& version) override;
  void OnRequest() override { stats_.Attempt(); }
  void OnFailure() override { stats_.Failure(); }
  void OnRefused() override { stats_.Rejected(); }
  void OnGivenUp() override;

 private:
  const std::shared_ptr<config::RemoteSecret> secret_;
  const Surroundings with_;
  xds::SubscriptionStats stats_;
  xds::Complaints notes_;  // of what was taken all the same
  xds::InitialFetch initial_fetch_;
  bool ready_ = false;
  std::vector<std::function<void()>> when_ready_;
};

}  // namespace pillion::secrets
