#pragma once

// What a stream has around it in a test: simulated time, figures, a log, and a caller whose other end is the test.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/xds/stream.h"
#include "test/support/fake_caller.h"
#include "test/support/simulated_timers.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {

using Lines = std::vector<std::string>;

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
  // What was sent on the last call since this was asked last, as lines.
  Lines SentSince(Form form) {
    Lines lines;
    if (caller_.size() != calls_) seen_ = 0;
    calls_ = caller_.size();
    const auto& sent = caller_.last().sent;
    for (; seen_ < sent.size(); ++seen_) {
      lines.push_back(form == Form::kState ? Line(Parse<DiscoveryRequest>(sent[seen_]))
                                           : Line(Parse<DeltaDiscoveryRequest>(sent[seen_])));
    }
    return lines;
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
  size_t calls_ = 0;                  // when SentSince() was asked last
  size_t seen_ = 0;
};

}  // namespace pillion::xds
