#pragma once

// What a stream has around it in a test: simulated time, figures, a log, and a caller whose other end is the test.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/xds/stream.h"
#include "test/support/fake_caller.h"
#include "test/support/simulated_timers.h"

namespace pillion::xds {

// A base of fixtures beside gtest's; outlives the streams that it is given to.
class StreamWorld {
 protected:
  Stream::Surroundings around() {
    return {.caller = caller_,
            .timers = timers_,
            .clock = clock_,
            .random = random_,
            .stats = stats_,
            .node = node_,
            .target = [this] { return target_; },
            .log = {.warn = [this](std::string_view line) { log_.emplace_back(line); },
                    .info = [this](std::string_view line) { told_.emplace_back(line); },
                    .debug = [this](std::string_view line) { details_.emplace_back(line); }}};
  }
  uint64_t Count(const std::string& name) { return registry_.control().counter(registry_.AddCounter(name))->value(); }
  int64_t Gauge(const std::string& name) { return registry_.control().gauge(registry_.AddGauge(name))->value(); }

  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  base::Random random_{1};
  stats::Registry registry_{1};
  ControlPlaneStats stats_{registry_};
  envoy::config::core::v3::Node node_;
  std::optional<client::Target> target_ = client::Target{};  // nothing: there is no host
  test::FakeCaller caller_;
  std::vector<std::string> log_;      // warnings
  std::vector<std::string> told_;     // what is for information
  std::vector<std::string> details_;  // for who debugs
};

}  // namespace pillion::xds
