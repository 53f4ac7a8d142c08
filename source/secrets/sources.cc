#include "source/secrets/sources.h"

#include <algorithm>
#include <utility>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"

namespace pillion::secrets {

Sources::Plane::Plane(xds::Stream::Options options, xds::Stream::Surroundings surroundings)
    : stream(std::move(options), std::move(surroundings)), secrets(stream, std::string(Secret::descriptor()->full_name())) {}

Sources::Sources(const config::Bootstrap& bootstrap, Surroundings surroundings)
    : with_(std::move(surroundings)), random_(with_.seed) {
  const auto& secrets = bootstrap.remote_secrets->all();
  if (secrets.empty()) return;
  stats_.emplace(with_.registry);
  for (const std::shared_ptr<config::RemoteSecret>& secret : secrets) {
    Subscription& subscription = *subscriptions_.emplace_back(std::make_unique<Subscription>(
        secret, Subscription::Surroundings{with_.timers, with_.clock, with_.registry, with_.unknown, with_.warn}));
    if (const auto* source = std::get_if<config::ApiSource>(&secret->source())) {
      PlaneOf(*source).secrets.Watch(secret->name(), subscription);
      continue;
    }
    if (workload_api_ == nullptr) {
      workload_api_ = std::make_unique<WorkloadApi>(
          bootstrap.workload_api->endpoint,
          WorkloadApi::Surroundings{with_.caller, with_.timers, with_.clock, random_, *stats_, with_.warn});
    }
    workload_api_->Add(subscription);
  }
}

Sources::Plane& Sources::PlaneOf(const config::ApiSource& source) {
  const auto found = std::ranges::find_if(planes_, [&](const auto& entry) { return entry.first == source; });
  if (found != planes_.end()) return *found->second;
  auto plane = std::make_unique<Plane>(
      xds::Stream::Options{.method = "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets",
                           .metadata = source.metadata,
                           .max_message = source.max_message,
                           .node_once = source.node_once,
                           .name = "sds:" + source.cluster},
      xds::Stream::Surroundings{.caller = with_.caller,
                                .timers = with_.timers,
                                .clock = with_.clock,
                                .random = random_,
                                .stats = *stats_,
                                .node = with_.node,
                                .target =
                                    [this, source] {
                                      std::optional<client::Target> target = with_.host_of(source.cluster);
                                      if (target) target->authority = source.authority;
                                      return target;
                                    },
                                .warn = with_.warn});
  return *planes_.emplace_back(source, std::move(plane)).second;
}

void Sources::Start(std::function<void()> ready) {
  ready_ = std::move(ready);
  not_ready_ = 1;
  for (const std::unique_ptr<Subscription>& subscription : subscriptions_) {
    ++not_ready_;
    subscription->Start([this] { OnReady(); });
  }
  for (const auto& [source, plane] : planes_) plane->stream.Start();
  if (workload_api_ != nullptr) workload_api_->Start();
  OnReady();
}

void Sources::OnReady() {
  if (--not_ready_ == 0) std::exchange(ready_, nullptr)();
}

envoy::config::core::v3::Node NodeOf(const config::Bootstrap& bootstrap, const config::Node::BuildVersion& own) {
  auto node = static_cast<const envoy::config::bootstrap::v3::Bootstrap&>(*bootstrap.source).node();
  if (node.user_agent_name().empty()) node.set_user_agent_name(bootstrap.node.user_agent_name);
  if (node.user_agent_version_type_case() == envoy::config::core::v3::Node::USER_AGENT_VERSION_TYPE_NOT_SET) {
    auto& version = *node.mutable_user_agent_build_version()->mutable_version();
    version.set_major_number(own.major_number);
    version.set_minor_number(own.minor_number);
    version.set_patch(own.patch);
  }
  return node;
}

}  // namespace pillion::secrets
