#pragma once

// The hosts of one cluster that come apart from it (EDS). Ends before the cluster; main thread.

#include <functional>
#include <string>
#include <vector>

#include "source/config/resources.h"
#include "source/push/feed.h"
#include "source/upstream/cluster.h"
#include "source/upstream/eds_endpoints.h"
#include "source/upstream/host_source.h"
#include "source/xds/complaints.h"

namespace pillion::push {

class EndpointFeed final : public upstream::HostSource, private xds::NameWatcher {
 public:
  // `cluster` is of EDS; all outlives it.
  EndpointFeed(upstream::Cluster& cluster, xds::Planes& planes, const config::Resources& resources,
               const Feed::Surroundings& surroundings);
  ~EndpointFeed() override;

  // HostSource
  void Start(std::function<void()> first) override;

 private:
  std::vector<std::string> OnResource(const xds::Resource& resource) override;
  void OnRemoved(const std::string& version) override;
  void OnRequest() override { stats_.Attempt(); }
  void OnFailure() override { stats_.Failure(); }
  void OnRefused() override { stats_.Rejected(); }
  void OnGivenUp() override { initial_fetch_.Done(); }

  const std::string& name() const;

  upstream::Cluster& cluster_;
  xds::NamedResources& assignments_;
  const config::Resources& resources_;
  const Feed::Surroundings with_;
  upstream::EdsEndpoints endpoints_;
  xds::SubscriptionStats stats_;
  xds::Complaints notes_;
  xds::InitialFetch initial_fetch_;
  bool watching_ = false;
  std::shared_ptr<const google::protobuf::Any> body_;  // that assignment_ was made of
  std::shared_ptr<const config::Assignment> assignment_;
};

}  // namespace pillion::push
