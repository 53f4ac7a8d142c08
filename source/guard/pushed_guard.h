#pragma once

// The guard that a control plane gives, in place of the configured one for as long as there is one. Owned by the server;
// main thread.

#include <memory>
#include <string>
#include <vector>

#include "source/config/guard.h"
#include "source/config/resources.h"
#include "source/guard/guard.h"
#include "source/push/feed.h"
#include "source/xds/planes.h"
#include "source/xds/subscription_stats.h"

namespace pillion::guard {

class PushedGuard final : private xds::NameWatcher {
 public:
  // `otherwise`: what counts where there is none; may be null. All that is given by reference outlives it.
  PushedGuard(const config::PushedGuard& config, std::shared_ptr<const config::Guard> otherwise, Guard& guard,
              xds::Planes& planes, const config::Resources& resources, const push::Feed::Surroundings& surroundings);
  PushedGuard(const PushedGuard&) = delete;
  PushedGuard& operator=(const PushedGuard&) = delete;
  ~PushedGuard();

 private:
  std::vector<std::string> OnResource(const xds::Resource& resource) override;
  void OnRemoved(const std::string&) override { guard_.Set(otherwise_); }
  void OnRequest() override { stats_.Attempt(); }
  void OnFailure() override { stats_.Failure(); }

  const std::string name_;
  const std::shared_ptr<const config::Guard> otherwise_;
  Guard& guard_;
  const config::Resources& resources_;
  const push::Feed::Surroundings with_;
  xds::SubscriptionStats stats_;
  xds::NamedResources& extensions_;
};

}  // namespace pillion::guard
