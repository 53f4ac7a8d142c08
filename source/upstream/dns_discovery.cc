#include "source/upstream/dns_discovery.h"

#include <algorithm>
#include <utility>

#include "source/upstream/address.h"

namespace pillion::upstream {
namespace {

net::DnsFamily FamilyOf(config::Cluster::DnsFamily family) {
  switch (family) {
    case config::Cluster::DnsFamily::kAuto:
      return net::DnsFamily::kAuto;
    case config::Cluster::DnsFamily::kV4Only:
      return net::DnsFamily::kV4Only;
    case config::Cluster::DnsFamily::kV6Only:
      return net::DnsFamily::kV6Only;
    case config::Cluster::DnsFamily::kV4Preferred:
      return net::DnsFamily::kV4Preferred;
    case config::Cluster::DnsFamily::kAll:
      return net::DnsFamily::kAll;
  }
  return net::DnsFamily::kAuto;
}

}  // namespace

DnsDiscovery::DnsDiscovery(Cluster& cluster, net::NameResolver& resolver, event::ControlTimers& timers,
                           base::Random& random, Failed failed)
    : cluster_(cluster),
      resolver_(resolver),
      random_(random),
      failed_(std::move(failed)) {
  for (const config::Endpoint& endpoint : cluster.config().endpoints) {
    auto target = std::make_unique<Target>();
    target->endpoint = &endpoint;
    if (const auto* address = std::get_if<config::Address>(&endpoint.target)) {
      target->addresses.push_back(SystemAddress(*address));  // it needs no answer
      target->answered = true;
    } else {
      target->timer = timers.New();
      ++unanswered_;
    }
    targets_.push_back(std::move(target));
  }
}

DnsDiscovery::~DnsDiscovery() { *alive_ = false; }

void DnsDiscovery::Start(std::function<void()> first) {
  first_ = std::move(first);
  if (unanswered_ < targets_.size()) Update();
  for (const std::unique_ptr<Target>& target : targets_) {
    if (target->timer != nullptr) Ask(*target);
  }
  if (unanswered_ == 0) std::exchange(first_, nullptr)();
}

void DnsDiscovery::Ask(Target& target) {
  cluster_.membership_stats().update_attempt.Increment();
  const auto& name = std::get<config::DnsTarget>(target.endpoint->target);
  resolver_.Resolve(name.host, name.port, FamilyOf(cluster_.config().dns_family),
                    [this, alive = alive_, &target](absl::StatusOr<net::ResolvedName> answer) {
                      if (*alive) OnAnswer(target, std::move(answer));
                    });
}

void DnsDiscovery::OnAnswer(Target& target, absl::StatusOr<net::ResolvedName> answer) {
  MembershipStats& stats = cluster_.membership_stats();
  base::Duration again = cluster_.config().dns_refresh_rate;
  if (answer.ok()) {
    stats.update_success.Increment();
    target.failures = 0;
    if (cluster_.config().respect_dns_ttl && answer->ttl_s > 0) again = std::chrono::seconds(answer->ttl_s);
    UseAddresses(target, std::move(answer->addresses));
    Update();
  } else {
    (absl::IsNotFound(answer.status()) ? stats.update_empty : stats.update_failure).Increment();
    again = BackOff(++target.failures);
    if (target.failures == 1) failed_(answer.status());
  }
  const auto jitter = static_cast<uint64_t>(cluster_.config().dns_jitter.count());
  if (jitter > 0) again += base::Duration(random_.Below(jitter));
  target.timer->Set(again, [this, &target] { Ask(target); });
  if (!std::exchange(target.answered, true) && --unanswered_ == 0) std::exchange(first_, nullptr)();
}

bool DnsDiscovery::IsOneHost() const {
  return cluster_.config().discovery == config::Cluster::Discovery::kLogicalDns;
}

void DnsDiscovery::UseAddresses(Target& target, std::vector<net::Address> addresses) {
  if (IsOneHost() && !target.addresses.empty()) {
    // The one in use is the first, while the name still has it: its connections stay.
    const auto found = std::find(addresses.begin(), addresses.end(), target.addresses.front());
    if (found != addresses.end()) std::rotate(addresses.begin(), found, found + 1);
  }
  target.addresses = std::move(addresses);
}

base::Duration DnsDiscovery::BackOff(uint32_t failures) {
  const std::optional<config::DnsBackOff>& configured = cluster_.config().dns_back_off;
  const base::Duration base = configured ? configured->base : cluster_.config().dns_refresh_rate;
  const base::Duration most = configured ? configured->max : std::max(base, kMostBackOff);
  base::Duration delay = base;
  for (uint32_t i = 1; i < failures && delay < most; ++i) delay *= 2;
  delay = std::min(delay, most);
  return delay - base::Duration(random_.Below(static_cast<uint64_t>(delay.count()) / 2 + 1));
}

void DnsDiscovery::Update() {
  Cluster::Endpoints endpoints;
  for (const std::unique_ptr<Target>& target : targets_) {
    for (const net::Address& address : target->addresses) {
      endpoints.emplace_back(address, target->endpoint);
      if (IsOneHost()) break;
    }
  }
  if (!cluster_.UpdateHosts(endpoints)) cluster_.membership_stats().update_no_rebuild.Increment();
  if (!IsOneHost() || targets_.empty()) return;
  const std::vector<net::Address>& addresses = targets_.front()->addresses;
  for (const std::shared_ptr<Host>& host : cluster_.hosts()->hosts) {
    if (addresses.empty() || host->address() != addresses.front()) continue;  // it is gone, and stays for its health
    host->set_addresses(AddressesOf(addresses, cluster_.config().happy_eyeballs));
  }
}

}  // namespace pillion::upstream
