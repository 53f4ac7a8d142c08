#include "source/overload/watch.h"

#include <gtest/gtest.h>

#include "test/support/simulated_timers.h"
#include "test/support/stat.h"

namespace pillion::overload {
namespace {

using config::OverloadEffect;
using config::ScaledTimeout;
using std::chrono::milliseconds;
using std::chrono::seconds;

// What a test says.
struct FakeMonitor final : Monitor {
  explicit FakeMonitor(absl::StatusOr<double>& pressure) : pressure(pressure) {}
  absl::StatusOr<double> Pressure() override { return pressure; }
  absl::StatusOr<double>& pressure;
};

class WatchTest : public testing::Test, public WatchEvents {
 protected:
  // Two resources, "a" and "b".
  void Start(std::vector<config::OverloadAction> actions, config::Overload config = {}) {
    config.refresh_interval = seconds(1);
    for (const char* const name : {"a", "b"}) {
      config.resources.push_back({.name = name, .monitor = config::CpuUtilization()});
    }
    config.actions = std::move(actions);
    const auto shared = std::make_shared<const config::Overload>(std::move(config));
    state_ = std::make_unique<State>(shared);
    std::vector<std::unique_ptr<Monitor>> monitors;
    monitors.push_back(std::make_unique<FakeMonitor>(a_));
    monitors.push_back(std::make_unique<FakeMonitor>(b_));
    watch_ = std::make_unique<Watch>(shared, std::move(monitors), *state_, registry_, timers_, *this);
    watch_->Start();
  }
  // One refresh with these pressures.
  void Refresh(absl::StatusOr<double> a, absl::StatusOr<double> b = 0.0) {
    a_ = std::move(a);
    b_ = std::move(b);
    timers_.Advance(seconds(1));
  }

  int64_t stat(std::string_view name) { return test::Stat(registry_, name); }
  double degree(OverloadEffect effect) { return state_->degree(effect); }

  void OnDegree(OverloadEffect effect, double before, double now) override {
    EXPECT_EQ(degree(effect), now);
    seen_ += std::string(config::OverloadEffectName(effect)).substr(sizeof "envoy" - 1) + " " +
             std::to_string(before).substr(0, 4) + " " + std::to_string(now).substr(0, 4) + "\n";
  }
  void OnMonitorFailed(const std::string& resource, const absl::Status& why) override {
    seen_ += resource + " " + std::string(why.message()) + "\n";
  }
  void OnShrinkHeap() override { seen_ += "shrink\n"; }
  std::string Seen() { return std::exchange(seen_, {}); }

  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  stats::Registry registry_{1};
  absl::StatusOr<double> a_ = 0.0;
  absl::StatusOr<double> b_ = 0.0;
  std::string seen_;
  std::unique_ptr<State> state_;
  std::unique_ptr<Watch> watch_;
};

TEST_F(WatchTest, ThresholdIsReachedByItself) {
  Start({{OverloadEffect::kStopAcceptingRequests, {{.resource = 0, .none = 0.5, .all = 0.5}}}});
  const std::string name = "overload.envoy.overload_actions.stop_accepting_requests.";
  Refresh(0.49);
  EXPECT_EQ(Seen(), "");
  EXPECT_EQ(stat("overload.a.pressure"), 49);
  Refresh(0.5);
  EXPECT_EQ(Seen(), ".overload_actions.stop_accepting_requests 0.00 1.00\n");
  EXPECT_EQ(stat(name + "active"), 1);
  EXPECT_EQ(stat(name + "scale_percent"), 100);
  Refresh(0.6);
  EXPECT_EQ(Seen(), "");
  Refresh(0.4);
  EXPECT_EQ(Seen(), ".overload_actions.stop_accepting_requests 1.00 0.00\n");
  EXPECT_EQ(stat(name + "active"), 0);
  EXPECT_EQ(stat(name + "scale_percent"), 0);
}

TEST_F(WatchTest, ScaledInBetween) {
  Start({{OverloadEffect::kDisableKeepalive, {{.resource = 0, .none = 0.4, .all = 0.8}}}});
  Refresh(0.4);
  EXPECT_EQ(degree(OverloadEffect::kDisableKeepalive), 0);
  Refresh(0.5);
  EXPECT_DOUBLE_EQ(degree(OverloadEffect::kDisableKeepalive), 0.25);
  EXPECT_EQ(stat("overload.envoy.overload_actions.disable_http_keepalive.scale_percent"), 25);
  EXPECT_EQ(stat("overload.envoy.overload_actions.disable_http_keepalive.active"), 0);
  base::Random random(1);
  int acts = 0;
  for (int i = 0; i < 4000; ++i) acts += state_->Acts(OverloadEffect::kDisableKeepalive, random);
  EXPECT_NEAR(acts, 1000, 100);
  Refresh(0.8);
  EXPECT_EQ(degree(OverloadEffect::kDisableKeepalive), 1);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(state_->Acts(OverloadEffect::kDisableKeepalive, random));
}

TEST_F(WatchTest, TheTriggerThatSaysMostCounts) {
  Start({{OverloadEffect::kRejectConnections,
          {{.resource = 0, .none = 0.9, .all = 0.9}, {.resource = 1, .none = 0, .all = 1}}}});
  Refresh(0.1, 0.3);
  EXPECT_DOUBLE_EQ(degree(OverloadEffect::kRejectConnections), 0.3);
  Refresh(0.9, 0.3);
  EXPECT_EQ(degree(OverloadEffect::kRejectConnections), 1);
  Refresh(0.1, 0);
  EXPECT_EQ(degree(OverloadEffect::kRejectConnections), 0);
}

TEST_F(WatchTest, AMonitorThatFailsLeavesThingsAsTheyAre) {
  Start({{OverloadEffect::kRejectConnections, {{.resource = 0, .none = 0.9, .all = 0.9}}}});
  Refresh(1.0);
  Seen();
  Refresh(absl::UnavailableError("gone"));
  EXPECT_EQ(Seen(), "a gone\n");
  EXPECT_EQ(degree(OverloadEffect::kRejectConnections), 1);
  EXPECT_EQ(stat("overload.a.failed_updates"), 1);
  EXPECT_EQ(stat("overload.b.failed_updates"), 0);
  EXPECT_EQ(stat("overload.a.skipped_updates"), 0);
  EXPECT_EQ(stat("overload.a.pressure"), 100);
}

TEST_F(WatchTest, ShrinksAtOnceAndEveryTenSeconds) {
  Start({{OverloadEffect::kShrinkHeap, {{.resource = 0, .none = 0.5, .all = 1}}}});
  Refresh(0.9);
  EXPECT_EQ(Seen(), ".overload_actions.shrink_heap 0.00 0.80\n");
  Refresh(1.0);
  EXPECT_EQ(Seen(), ".overload_actions.shrink_heap 0.80 1.00\nshrink\n");
  timers_.Advance(milliseconds(9999));
  EXPECT_EQ(Seen(), "");
  timers_.Advance(milliseconds(1));
  EXPECT_EQ(Seen(), "shrink\n");
  Refresh(0.0);
  Seen();
  timers_.Advance(seconds(60));
  EXPECT_EQ(Seen(), "");
  EXPECT_EQ(stat("overload.envoy.overload_actions.shrink_heap.shrink_count"), 2);
}

TEST_F(WatchTest, LoadShedPointsCountWhatTheyShed) {
  Start({{OverloadEffect::kShedAccept, {{.resource = 0, .none = 0.5, .all = 0.5}}},
         {OverloadEffect::kShedHeaders, {{.resource = 0, .none = 0.9, .all = 0.9}}}});
  base::Random random(1);
  EXPECT_FALSE(state_->RefusesConnection(random));
  Refresh(0.5);
  EXPECT_TRUE(state_->RefusesConnection(random));
  EXPECT_TRUE(state_->RefusesConnection(random));
  EXPECT_FALSE(state_->RefusesRequest(random));
  EXPECT_EQ(stat("overload.envoy.load_shed_points.tcp_listener_accept.shed_load_count"), 2);
  EXPECT_EQ(stat("overload.envoy.load_shed_points.tcp_listener_accept.scale_percent"), 100);
  EXPECT_EQ(stat("overload.envoy.load_shed_points.http_connection_manager_decode_headers.shed_load_count"), 0);
}

TEST_F(WatchTest, TimeoutsShrinkTowardsTheirFloors) {
  config::Overload config;
  config.floors[static_cast<size_t>(ScaledTimeout::kConnectionIdle)] = config::TimeoutFloor{.duration = seconds(10)};
  config.floors[static_cast<size_t>(ScaledTimeout::kStreamIdle)] = config::TimeoutFloor{.part = 0.5};
  config.floors[static_cast<size_t>(ScaledTimeout::kHandshake)] = config::TimeoutFloor{};
  Start({{OverloadEffect::kReduceTimeouts, {{.resource = 0, .none = 0, .all = 1}}}}, config);
  const auto scaled = [&](ScaledTimeout timeout, base::Duration full) { return state_->Scaled(timeout, full); };
  EXPECT_EQ(scaled(ScaledTimeout::kConnectionIdle, seconds(100)), seconds(100));
  EXPECT_TRUE(state_->Scales(ScaledTimeout::kStreamIdle));
  EXPECT_FALSE(state_->Scales(ScaledTimeout::kConnectionDuration));
  Refresh(0.5);
  EXPECT_EQ(scaled(ScaledTimeout::kConnectionIdle, seconds(100)), seconds(55));
  EXPECT_EQ(scaled(ScaledTimeout::kStreamIdle, seconds(100)), seconds(75));
  EXPECT_EQ(scaled(ScaledTimeout::kConnectionDuration, seconds(100)), seconds(100));
  EXPECT_EQ(scaled(ScaledTimeout::kStreamIdle, base::Duration::zero()), base::Duration::zero());
  Refresh(1.0);
  EXPECT_EQ(scaled(ScaledTimeout::kConnectionIdle, seconds(100)), seconds(10));
  EXPECT_EQ(scaled(ScaledTimeout::kConnectionIdle, seconds(4)), seconds(4));  // shorter than its floor
  EXPECT_EQ(scaled(ScaledTimeout::kHandshake, seconds(15)), milliseconds(1));
}

}  // namespace
}  // namespace pillion::overload
