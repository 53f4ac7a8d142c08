#pragma once

// The hosts of a STRICT_DNS cluster: every address of every name is a host. A LOGICAL_DNS cluster has one host: it goes by
// one address, the same as long as the name has it, and connections to it take whichever of the name's addresses answers
// first (net/happy_eyeballs.h), that one before the others. Each name is asked again after dns_refresh_rate, or, with
// respect_dns_ttl, after its answer's TTL where that is known.
//
// An answer that fails, or that has no address, takes no host away: the last good one stays (a name server in trouble
// must not take the service down with it). It is asked again after a delay that doubles with each failure, as
// dns_failure_refresh_rate says, or from the refresh rate up to kMostBackOff or that rate, whichever is more; a random part
// of up to a half is left out.
//
// Owned by the server, on the main thread; ends before the cluster and what it was given.

#include <functional>
#include <memory>
#include <vector>

#include "source/base/random.h"
#include "source/event/control_timer.h"
#include "source/net/name_resolver.h"
#include "source/upstream/cluster.h"

namespace pillion::upstream {

class DnsDiscovery {
 public:
  static constexpr base::Duration kMostBackOff = std::chrono::seconds(60);

  // Told of the first failure of a name after the start or a good answer.
  using Failed = std::function<void(const absl::Status& why)>;

  DnsDiscovery(Cluster& cluster, net::NameResolver& resolver, event::ControlTimers& timers, base::Random& random,
               Failed failed);
  DnsDiscovery(const DnsDiscovery&) = delete;
  DnsDiscovery& operator=(const DnsDiscovery&) = delete;
  ~DnsDiscovery();

  // Asks for every name. `first` is called once, when each has been answered or has failed.
  void Start(std::function<void()> first);

 private:
  struct Target {
    const config::Endpoint* endpoint;
    std::vector<net::Address> addresses;  // of the last good answer
    std::unique_ptr<event::ControlTimer> timer;
    uint32_t failures = 0;  // since the last good answer
    bool answered = false;
  };

  void Ask(Target& target);
  void OnAnswer(Target& target, absl::StatusOr<net::ResolvedName> answer);
  bool IsOneHost() const;  // of all addresses
  void UseAddresses(Target& target, std::vector<net::Address> addresses);
  base::Duration BackOff(uint32_t failures);
  void Update();

  Cluster& cluster_;
  net::NameResolver& resolver_;
  base::Random& random_;
  const Failed failed_;
  std::function<void()> first_;
  std::vector<std::unique_ptr<Target>> targets_;
  size_t unanswered_ = 0;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // told to answers that come too late
};

}  // namespace pillion::upstream
