#include "source/proxy/other_hosts.h"

#include <algorithm>

#include "source/proxy/upstream_request.h"

namespace pillion::proxy {

void OtherHosts::Ask(upstream::PickContext& context) {
  context.tried = &failed_;
  if (policy_.avoid_previous_hosts || policy_.avoid_canaries || !policy_.avoid_metadata.empty()) {
    context.filter = this;
    context.more_hosts = policy_.more_hosts;
  }
  // Looked at again after each so many attempts; those since then count the next time.
  const uint32_t every = policy_.priority_attempts;
  const uint32_t counted = every == 0 ? 0 : last_.number() / every * every;
  if (counted == 0) return;
  for (const UpstreamRequest* attempt = &last_; attempt != nullptr; attempt = attempt->earlier()) {
    if (attempt->number() > counted || attempt->host() == nullptr) continue;
    if (tried_.size() <= attempt->level()) tried_.resize(attempt->level() + 1);
    tried_[attempt->level()] = true;
  }
  context.left_out = &tried_;
}

bool OtherHosts::Refuses(const upstream::Host& host) const {
  if (policy_.avoid_canaries && host.canary()) return true;
  for (const config::MetadataValue::Struct& values : policy_.avoid_metadata) {
    if (HasMetadata(host, values)) return true;
  }
  if (!policy_.avoid_previous_hosts) return false;
  for (const UpstreamRequest* attempt = &last_; attempt != nullptr; attempt = attempt->earlier()) {
    if (attempt->host() == &host) return true;
  }
  return false;
}

bool OtherHosts::Failed::Refuses(const upstream::Host& host) const {
  for (const UpstreamRequest* attempt = &last_; attempt != nullptr; attempt = attempt->earlier()) {
    if (attempt->host() == &host && !attempt->excused()) return true;
  }
  return false;
}

// A list stands for each of its elements.
bool OtherHosts::HasMetadata(const upstream::Host& host, const config::MetadataValue::Struct& values) const {
  return std::all_of(values.begin(), values.end(), [&](const auto& wanted) {
    const config::MetadataValue* value =
        host.metadata() == nullptr ? nullptr : host.metadata()->Find(config::kLbNamespace, wanted.first);
    if (value == nullptr) return false;
    if (*value == wanted.second) return true;
    const auto* list = std::get_if<config::MetadataValue::List>(&value->value);
    return list != nullptr && std::find(list->begin(), list->end(), wanted.second) != list->end();
  });
}

}  // namespace pillion::proxy
