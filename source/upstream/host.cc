#include "source/upstream/host.h"

#include <algorithm>

namespace pillion::upstream {
namespace {

std::string HostName(const config::Endpoint& endpoint) {
  if (!endpoint.hostname.empty()) return endpoint.hostname;
  const auto* target = std::get_if<config::DnsTarget>(&endpoint.target);
  return target == nullptr ? "" : target->host;
}

}  // namespace

Host::Host(const net::Address& address, const config::Endpoint& endpoint, uint32_t workers)
    : address_(address),
      address_text_(address.text()),
      hostname_(HostName(endpoint)),
      weight_(std::max<uint32_t>(endpoint.weight, 1)),
      priority_(endpoint.priority),
      locality_(endpoint.locality),
      workers_(workers),
      figures_(std::make_unique<HostFigures[]>(workers)) {}

uint64_t Host::Sum(HostFigures::Figure figure) const {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < workers_; ++i) sum += figures_[i].cells[figure].load(std::memory_order_relaxed);
  return sum;
}

}  // namespace pillion::upstream
