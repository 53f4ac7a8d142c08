#include "source/upstream/host.h"

#include <algorithm>

namespace pillion::upstream {
namespace {

std::string HostName(const config::Endpoint& endpoint) {
  if (!endpoint.hostname.empty()) return endpoint.hostname;
  const auto* target = std::get_if<config::DnsTarget>(&endpoint.target);
  return target == nullptr ? "" : target->host;
}

bool IsCanary(const config::Metadata* metadata) {
  const config::MetadataValue* value = metadata == nullptr ? nullptr : metadata->Find(config::kLbNamespace, "canary");
  const bool* canary = value == nullptr ? nullptr : std::get_if<bool>(&value->value);
  return canary != nullptr && *canary;
}

uint32_t EdsFlags(config::EndpointHealth health) {
  switch (health) {
    case config::EndpointHealth::kUnknown:
    case config::EndpointHealth::kHealthy:
      return 0;
    case config::EndpointHealth::kUnhealthy:
    case config::EndpointHealth::kTimeout:
      return kFailedEds;
    case config::EndpointHealth::kDraining:
      return kDrainingEds;
    case config::EndpointHealth::kDegraded:
      return kDegradedEds;
  }
  return 0;
}

bool Set(std::atomic<uint32_t>& cell, uint32_t value) {
  return cell.exchange(value, std::memory_order_relaxed) != value;
}

}  // namespace

Host::Host(const net::Address& address, const config::Endpoint& endpoint, uint32_t workers)
    : address_(address),
      address_text_(address.text()),
      additional_addresses_(endpoint.additional_addresses),
      hostname_(HostName(endpoint)),
      locality_(endpoint.locality),
      metadata_(endpoint.metadata),
      locality_metadata_(endpoint.locality_metadata),
      check_(endpoint.check),
      canary_(IsCanary(endpoint.metadata.get())),
      workers_(workers),
      figures_(std::make_unique<HostFigures[]>(workers)) {
  Update(endpoint);
}

void Host::set_addresses(std::shared_ptr<const net::Addresses> addresses) {
  const bool several = addresses != nullptr;
  const absl::MutexLock lock(&addresses_mutex_);
  addresses_ = std::move(addresses);
  several_addresses_.store(several, std::memory_order_relaxed);
}

bool Host::Is(const config::Endpoint& endpoint) const {
  if (hostname_ != HostName(endpoint) || locality_ != endpoint.locality) return false;
  const auto same = [](const auto& a, const auto& b) { return a == b || (a != nullptr && b != nullptr && *a == *b); };
  return same(metadata_, endpoint.metadata) && same(locality_metadata_, endpoint.locality_metadata) &&
         same(check_, endpoint.check) && same(additional_addresses_, endpoint.additional_addresses);
}

void Host::Report(uint32_t weight, base::MonotonicTime now) {
  const int64_t at = now.time_since_epoch().count();
  int64_t none = 0;
  reported_.weight.store(weight, std::memory_order_relaxed);
  reported_.since.compare_exchange_strong(none, at, std::memory_order_relaxed);
  reported_.last.store(at, std::memory_order_relaxed);
}

bool Host::Update(const config::Endpoint& endpoint) {
  bool changed = Set(weight_, std::max<uint32_t>(endpoint.weight, 1));
  changed |= Set(priority_, endpoint.priority);
  changed |= Set(locality_weight_, endpoint.locality_weight);
  changed |= Set(flags_, (flags() & ~kEdsFlags) | EdsFlags(endpoint.health));
  return changed;
}

uint64_t Host::Sum(HostFigures::Figure figure) const {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < workers_; ++i) sum += figures_[i].cells[figure].load(std::memory_order_relaxed);
  return sum;
}

}  // namespace pillion::upstream
