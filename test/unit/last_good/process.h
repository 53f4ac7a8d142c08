#pragma once

// A process with a file of last good state, whose control plane is the test. Another one after it, or before it, has the same
// file.

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "source/last_good/last_good.h"
#include "source/xds/subscription_stats.h"
#include "test/support/fake_caller.h"
#include "test/support/simulated_timers.h"
#include "test/support/stat.h"
#include "test/unit/config/pushed.h"
#include "test/unit/xds/talk.h"

namespace pillion::last_good {

using Lines = std::vector<std::string>;

// What is to wait for a disk waits for the test.
class HeldOffload final : public Offload {
 public:
  void Run(std::function<void()> work, std::function<void()> done) override {
    EXPECT_EQ(work_, nullptr);
    work_ = std::move(work);
    done_ = std::move(done);
  }
  void Wait() override {
    if (auto work = std::exchange(work_, nullptr)) work();
  }

  bool busy() const { return done_ != nullptr; }
  void Finish() {
    Wait();
    std::exchange(done_, nullptr)();
  }

 private:
  std::function<void()> work_, done_;
};

// The resource of one name.
struct Wanted final : xds::NameWatcher {
  std::vector<std::string> OnResource(const xds::Resource& resource) override {
    versions.push_back(resource.version);
    return {};
  }
  void OnRemoved(const std::string&) override { versions.emplace_back("-"); }
  void OnRequest() override {}
  void OnFailure() override {}
  void OnGivenUp() override { ++given_up; }

  int given_up = 0;
  Lines versions;
};

inline google::protobuf::Any Cluster(const std::string& name, const std::string& more = "") {
  return config::Resource<envoy::config::cluster::v3::Cluster>("{name: " + name + more + "}");
}
inline google::protobuf::Any Endpoints(const std::string& name) {
  return config::Resource<envoy::config::endpoint::v3::ClusterLoadAssignment>("{cluster_name: " + name + "}");
}
inline google::protobuf::Any Listener(const std::string& name, const std::string& more = "") {
  return config::Resource<envoy::config::listener::v3::Listener>("{name: " + name + more + "}");
}

class Process {
 public:
  using Given = std::vector<std::pair<std::string, google::protobuf::Any>>;  // name

  Process(test::SimulatedClock& clock, const std::string& path, bool include_secrets = false,
          config::ApiSource::Protocol protocol = config::ApiSource::Protocol::kDelta, const Owner& owner = {"me", "us"})
      : timers(clock),
        source{.protocol = protocol, .aggregated = true, .cluster = "cp", .authority = "cp"},
        last_good({.path = path, .include_secrets = include_secrets}, owner,
                  {.timers = timers,
                   .clock = clock,
                   .registry = registry,
                   .offload = std::unique_ptr<Offload>(offload),
                   .info = [this](std::string_view line) { log.push_back("info: " + std::string(line)); },
                   .warn = [this](std::string_view line) { log.push_back("warn: " + std::string(line)); }}),
        planes({.caller = caller,
                .timers = timers,
                .clock = clock,
                .registry = registry,
                .node = {},
                .host_of = [](const std::string&) { return client::Target{}; },
                .log = {.warn = [](std::string_view) {}},
                .seed = 1,
                .journals = {&last_good},
                .fallback = &last_good}),
        stats(registry, clock, stats::Prefix("x")) {
    last_good.Attach(planes);
    planes.Start();
  }

  void WantClusters() { planes.All(source, xds::Kind::kClusters, stats, clusters); }
  void WantListeners() { planes.All(source, xds::Kind::kListeners, stats, listeners); }
  Wanted& Want(xds::Kind kind, const std::string& name) {
    Wanted& wanted = wanteds.emplace_back();
    planes.Named(source, kind).Watch(name, wanted);
    return wanted;
  }

  // A delta answer.
  void Answer(xds::Kind kind, const Given& given, const Lines& removed = {}) {
    ++nonce;
    xds::DeltaDiscoveryResponse response =
        xds::Delta(std::string(xds::NamesOf(kind).type), "n" + std::to_string(nonce), {}, removed);
    for (const auto& [name, body] : given) {
      auto& resource = *response.add_resources();
      resource.set_name(name);
      resource.set_version(std::to_string(nonce));
      *resource.mutable_resource() = body;
    }
    caller.Answer(response.SerializeAsString());
  }
  // What was sent on the last call.
  Lines Sent() {
    Lines lines;
    for (const std::string& bytes : caller.last().sent) {
      lines.push_back(source.protocol == config::ApiSource::Protocol::kDelta
                          ? xds::Line(xds::Parse<xds::DeltaDiscoveryRequest>(bytes))
                          : xds::Line(xds::Parse<xds::DiscoveryRequest>(bytes)));
    }
    return lines;
  }
  void Fail() { caller.End({codec::grpc::Code::kUnavailable, "away"}); }
  void Pass(base::Duration time = {}) { timers.Advance(time); }
  // Lets what is due be written.
  void Write() {
    Pass(LastGood::kGather);
    ASSERT_TRUE(offload->busy());
    offload->Finish();
  }
  Lines Log() { return std::exchange(log, {}); }
  // Of a counter or a gauge.
  int64_t Figure(const std::string& name) { return test::Stat(registry, "last_good." + name); }

  test::SimulatedTimers timers;
  stats::Registry registry{1};
  test::FakeCaller caller;
  const config::ApiSource source;
  Lines log;
  HeldOffload* const offload = new HeldOffload;  // last_good's
  LastGood last_good;
  xds::Planes planes;
  xds::SubscriptionStats stats;
  xds::Wanter clusters, listeners;
  std::deque<Wanted> wanteds;
  int nonce = 0;
};

}  // namespace pillion::last_good
