#pragma once

// A process whose control plane is the test: one delta stream for all.

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "source/push/feed.h"
#include "source/xds/planes.h"
#include "test/support/fake_caller.h"
#include "test/support/simulated_timers.h"
#include "test/unit/config/pushed.h"
#include "test/unit/xds/talk.h"

namespace pillion::push {

using Lines = std::vector<std::string>;

class PushedTest : public testing::Test {
 protected:
  using Resource = std::pair<std::string, google::protobuf::Any>;  // name

  // An answer of type `kind`.
  void Answer(xds::Kind kind, const std::vector<Resource>& resources, const std::vector<std::string>& removed = {}) {
    const std::string type(xds::NamesOf(kind).type);
    xds::DeltaDiscoveryResponse response = xds::Delta(type, "n" + std::to_string(++nonce_), {}, removed);
    for (const auto& [name, body] : resources) {
      auto& resource = *response.add_resources();
      resource.set_name(name);
      resource.set_version(std::to_string(nonce_));
      *resource.mutable_resource() = body;
    }
    caller_.Answer(response.SerializeAsString());
  }
  // What was sent since it was asked last: "Cluster node +a", a NACK with its text.
  Lines Sent() {
    Lines lines;
    for (; caller_.size() > 0 && seen_ < caller_.last().sent.size(); ++seen_) {
      const auto request = xds::Parse<xds::DeltaDiscoveryRequest>(caller_.last().sent[seen_]);
      lines.push_back(xds::Line(request));
      if (request.has_error_detail()) lines.back() += ": " + request.error_detail().message();
    }
    return lines;
  }
  uint64_t Count(const std::string& name) { return registry_.control().counter(registry_.AddCounter(name))->value(); }

  Feed::Surroundings with() {
    return {.timers = timers_, .clock = clock_, .registry = registry_, .warn = [this](std::string_view line) {
              log_.emplace_back(line);
            }};
  }
  const config::ApiSource& ads() const { return *process_.bootstrap->dynamic->ads; }
  // A listener with one connection manager of these fields, and these filters before its router: "{...}, ".
  std::shared_ptr<const config::Listener> ListenerOf(const std::string& manager, const std::string& filters = "") {
    return ListenerOfChains("{filters: [" + ManagerText(manager, filters) + "]}");
  }
  std::shared_ptr<const config::Listener> ListenerOfChains(const std::string& chains,
                                                           const std::string& listener_filters = "") {
    const config::Judged<config::Listener> judged = process_.resources->BuildListener(
        config::Resource<envoy::config::listener::v3::Listener>(
            "{name: in, address: {socket_address: {address: 127.0.0.1, port_value: 80}}, listener_filters: [" +
            listener_filters + "], filter_chains: [" + chains + "]}"),
        ads());
    for (const config::ConfigError& error : judged.errors) ADD_FAILURE() << config::ErrorText("", error);
    return judged.part;
  }
  static std::string ManagerText(const std::string& fields, const std::string& filters = "") {
    return "{name: http, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network."
           "http_connection_manager.v3.HttpConnectionManager, stat_prefix: in, " + fields + ", http_filters: [" + filters +
           "{name: router, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}}";
  }

  const config::Process process_;
  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  stats::Registry registry_{1};
  test::FakeCaller caller_;
  Lines log_;   // warnings
  Lines told_;  // what is for information
  xds::Planes planes_{{.caller = caller_,
                       .timers = timers_,
                       .clock = clock_,
                       .registry = registry_,
                       .node = {},
                       .host_of = [](const std::string&) { return client::Target{}; },
                       .log = {.warn = [this](std::string_view line) { log_.emplace_back(line); },
                               .info = [this](std::string_view line) { told_.emplace_back(line); }},
                       .seed = 1}};
  int nonce_ = 0;
  size_t seen_ = 0;
};

}  // namespace pillion::push
