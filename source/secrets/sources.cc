#include "source/secrets/sources.h"

#include <algorithm>
#include <utility>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "source/base/when_all.h"

namespace pillion::secrets {

Sources::Sources(std::shared_ptr<const config::Bootstrap> bootstrap, Surroundings surroundings)
    : bootstrap_(std::move(bootstrap)), with_(std::move(surroundings)), random_(with_.seed) {
  bootstrap_->remote_secrets->Observe([this](const auto& secret) { Add(secret); },
                                      [this](const auto& secret) { Remove(*secret); });
}

Sources::~Sources() {
  bootstrap_->remote_secrets->Observe(nullptr, nullptr);
  for (const std::unique_ptr<Asked>& asked : asked_) Leave(*asked);
}

void Sources::Start() {
  started_ = true;
  for (size_t i = 0; i < asked_.size(); ++i) Ask(*asked_[i]);
  if (workload_api_ != nullptr) workload_api_->Start();
}

void Sources::WhenReady(const Secrets& secrets, std::function<void()> ready) {
  base::WhenAll all(std::move(ready));
  for (const std::shared_ptr<config::RemoteSecret>& secret : secrets) {
    if (Find(*secret) == nullptr) bootstrap_->remote_secrets->Settle();
    Asked* const asked = Find(*secret);
    if (asked != nullptr) asked->subscription->WhenReady(all.One());
  }
}

std::vector<const config::RemoteSecret*> Sources::awaited() const {
  std::vector<const config::RemoteSecret*> all;
  for (const std::unique_ptr<Asked>& asked : asked_) {
    if (!asked->subscription->ready()) all.push_back(asked->secret);
  }
  return all;
}

Sources::Asked* Sources::Find(const config::RemoteSecret& secret) {
  const auto found = std::ranges::find(asked_, &secret, [](const auto& asked) { return asked->secret; });
  return found == asked_.end() ? nullptr : found->get();
}

void Sources::Add(const std::shared_ptr<config::RemoteSecret>& secret) {
  Asked& asked = *asked_.emplace_back(std::make_unique<Asked>(
      Asked{.secret = secret.get(),
            .subscription = std::make_unique<Subscription>(
                secret, Subscription::Surroundings{with_.timers, with_.clock, with_.registry, with_.unknown, with_.warn})}));
  const bool by_agent = !std::holds_alternative<config::ApiSource>(secret->source());
  const bool first_of_agent = by_agent && workload_api_ == nullptr;
  if (first_of_agent) {
    workload_api_ = std::make_unique<WorkloadApi>(
        bootstrap_->workload_api->endpoint,
        WorkloadApi::Surroundings{with_.caller, with_.timers, with_.clock, random_, with_.planes.control_plane_stats(),
                                  with_.warn});
  }
  if (!started_) return;
  Ask(asked);
  if (first_of_agent) workload_api_->Start();
}

void Sources::Remove(const config::RemoteSecret& secret) {
  const auto found = std::ranges::find(asked_, &secret, [](const auto& asked) { return asked->secret; });
  if (found == asked_.end()) return;
  Leave(**found);
  asked_.erase(found);
}

xds::NamedResources* Sources::NamedOf(const config::RemoteSecret& secret) {
  const auto* source = std::get_if<config::ApiSource>(&secret.source());
  return source == nullptr ? nullptr : &with_.planes.Named(*source, xds::Kind::kSecrets);
}

void Sources::Ask(Asked& asked) {
  asked.watching = true;
  asked.subscription->Start();
  if (xds::NamedResources* const named = NamedOf(*asked.secret)) {
    named->Watch(asked.subscription->name(), *asked.subscription);
  } else {
    workload_api_->Add(*asked.subscription);
  }
}

void Sources::Leave(Asked& asked) {
  if (!asked.watching) return;
  if (xds::NamedResources* const named = NamedOf(*asked.secret)) {
    named->Unwatch(asked.subscription->name(), *asked.subscription);
  } else {
    workload_api_->Remove(*asked.subscription);
  }
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
