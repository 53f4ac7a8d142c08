#pragma once

// Which host another attempt should rather not have: what a retry policy says of hosts and of priorities. Made for one
// choice, on the stack, where there was an attempt before.

#include <vector>

#include "source/config/route.h"
#include "source/upstream/balancer.h"

namespace pillion::proxy {

class UpstreamRequest;

class OtherHosts final : public upstream::HostFilter {
 public:
  // `last`: the attempt before this one. Both outlive it.
  OtherHosts(const config::RetryPolicy& policy, const UpstreamRequest& last) : policy_(policy), last_(last) {}

  // Of the choice that is made; this outlives it.
  void Ask(upstream::PickContext& context);

 private:
  // The hosts where earlier attempts failed, whatever the policy says of them.
  class Failed final : public upstream::HostFilter {
   public:
    explicit Failed(const UpstreamRequest& last) : last_(last) {}
    bool Refuses(const upstream::Host& host) const override;

   private:
    const UpstreamRequest& last_;
  };

  bool Refuses(const upstream::Host& host) const override;
  bool HasMetadata(const upstream::Host& host, const config::MetadataValue::Struct& values) const;

  const config::RetryPolicy& policy_;
  const UpstreamRequest& last_;
  const Failed failed_{last_};
  std::vector<bool> tried_;  // priorities
};

}  // namespace pillion::proxy
