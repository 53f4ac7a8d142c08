#pragma once

// One stream that has all types, as the real Envoy 1.39 uses it, and what comes and goes on it.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "source/xds/named_resources.h"
#include "source/xds/subscription_stats.h"
#include "test/unit/xds/stream_world.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {

class AdsTest : public testing::Test, protected StreamWorld {
 protected:
  // Clusters ask for their endpoints, listeners for the routes that their content names.
  void Make(Form form) {
    form_ = form;
    stream_ = std::make_unique<Stream>(
        Stream::Options{.method = "/ads", .form = form, .aggregated = true, .max_message = 1000, .node_once = true, .name = "ads"},
        around());
    // In an order that is not that of the protocol.
    routes_ = &stream_->Add({.type_name = kRoutes}, route_);
    endpoints_ = &stream_->Add({.type_name = kEndpoints}, endpoint_);
    clusters_ = &stream_->Add({.type_name = kClusters, .all = true, .stats = &cluster_stats_}, cluster_);
    cluster_.then = [this](const Update&) {
      for (const auto& [name, version] : cluster_.held) {
        if (wanted_.insert(name).second) endpoints_->Subscribe(name);
      }
      for (const std::string& name : std::set<std::string>(wanted_)) {
        if (cluster_.held.contains(name)) continue;
        wanted_.erase(name);
        endpoints_->Unsubscribe(name);
      }
    };
    listener_.then = [this](const Update&) {
      for (const auto& [name, route] : listener_.contents) {
        if (routed_.insert(route).second) routes_->Subscribe(route);
      }
    };
    stream_->Start();
  }
  void AddListeners() { listeners_ = &stream_->Add({.type_name = kListeners, .all = true}, listener_); }

  void Answer(const google::protobuf::Message& response) { caller_.Answer(response.SerializeAsString()); }
  // What was sent since it was asked last.
  Lines Sent() { return SentSince(form_); }
  void Cut() {
    caller_.End({codec::grpc::Code::kUnavailable, "gone"});
    timers_.Advance(Stream::kSoonTo);
    ASSERT_TRUE(caller_.open());
  }
  // With the contents after each name.
  static DiscoveryResponse With(DiscoveryResponse response, const std::map<std::string, std::string>& contents) {
    for (const auto& [name, content] : contents) {
      *response.add_resources() = Body(response.type_url().substr(kTypeUrlHost.size()), name, content);
    }
    return response;
  }
  static DeltaDiscoveryResponse With(DeltaDiscoveryResponse response, const std::string& version,
                                     const std::map<std::string, std::string>& contents) {
    for (const auto& [name, content] : contents) {
      auto& resource = *response.add_resources();
      resource.set_name(name);
      resource.set_version(version);
      *resource.mutable_resource() = Body(response.type_url().substr(kTypeUrlHost.size()), name, content);
    }
    return response;
  }

  Form form_ = Form::kState;
  SubscriptionStats cluster_stats_{registry_, clock_, stats::Prefix("cluster_manager").Add("cds")};
  Wanter cluster_, endpoint_, listener_, route_;
  std::set<std::string> wanted_, routed_;
  std::unique_ptr<Stream> stream_;
  Subscription* clusters_ = nullptr;
  Subscription* endpoints_ = nullptr;
  Subscription* listeners_ = nullptr;
  Subscription* routes_ = nullptr;
};

}  // namespace pillion::xds
