#pragma once

// All listeners, or all clusters, that a source gives while the process runs: each is taken, or refused with a reason and
// its former version stays. Owned by the server; main thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/config/config_source.h"
#include "source/event/control_timer.h"
#include "source/push/taken.h"
#include "source/stats/registry.h"
#include "source/xds/initial_fetch.h"
#include "source/xds/planes.h"
#include "source/xds/subscription_stats.h"

namespace pillion::push {

using Say = std::function<void(std::string_view line)>;

class Feed final : private xds::TypeWatcher {
 public:
  using Bodies = std::vector<std::shared_ptr<const google::protobuf::Any>>;
  // Who has them.
  struct Target {
    // Of one answer, which are judged together. What is wrong with each, in one line each; empty: it is from now on, or once
    // it is warm, as it says.
    std::function<std::vector<std::vector<std::string>>(const Bodies& resources)> set;
    std::function<void(const std::string& name)> remove;
    std::function<bool(const std::string& name)> configured;  // with the process, so that it stays as it is
    std::function<void()> done;                                // for now, with an update
    // What was set last of that name does not serve yet; a former one may.
    std::function<bool(const std::string& name)> warming;
    std::function<void(std::function<void()> warm)> when_warm;  // calls it once, when nothing is; perhaps at once
  };
  struct Surroundings {
    event::ControlTimers& timers;
    const base::Clock& clock;
    stats::Registry& registry;
    Say warn;
  };

  // Counts under `prefix`. What is given outlives it.
  Feed(xds::Kind kind, const stats::Prefix& prefix, Target target, Surroundings surroundings);
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // `ready` is called once, perhaps at once: when they have come, or the initial fetch timeout of `feed` is over.
  void Start(xds::Planes& planes, const config::Feed& feed, std::function<void()> ready);

  // What is configured with the process has that name no more, or will not have it soon: what was passed over for it is
  // taken.
  void TakePassedOver(const std::string& name);

  const TakenByName& taken() const { return taken_; }
  // What serves as long as that of taken() under this name does not yet. Null: nothing, or that of taken().
  const Taken* FormerOf(const std::string& name) const;
  bool waiting() const { return initial_fetch_.waiting(); }  // for the first of them
  const xds::TypeProtocol* protocol() const { return subscription_ == nullptr ? nullptr : &subscription_->protocol(); }

 private:
  std::vector<xds::Refusal> OnUpdate(const xds::Update& update) override;
  bool PassesOver(const std::string& name) const override { return passed_over_.contains(name); }

  // What came under a name.
  using Given = std::pair<std::string, Taken>;
  // What is wrong with each, as Target has it.
  std::vector<std::vector<std::string>> Take(const std::vector<Given>& given);
  void Remove(const std::vector<std::string>& names);

  const xds::Kind kind_;
  const Target target_;
  const Surroundings with_;
  xds::SubscriptionStats stats_;
  stats::Scope scope_;
  // As Envoy counts them, of clusters alone: answers that gave something new and were taken as a whole; and when the last
  // one came, in milliseconds since the epoch.
  stats::Counter* reloads_ = nullptr;
  stats::Gauge* reload_time_ = nullptr;
  xds::InitialFetch initial_fetch_;
  xds::TypeSubscription* subscription_ = nullptr;
  TakenByName taken_;
  TakenByName passed_over_;
  TakenByName former_;  // of those that warm, or did a moment ago
  bool forgets_ = false;  // them, when nothing warms
};

}  // namespace pillion::push
