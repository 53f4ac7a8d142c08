#include "source/server/turn_probe.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "source/stats/histogram.h"
#include "test/support/simulated_clock.h"

namespace pillion::server {
namespace {

// One timer, which goes off when the test says so, however late that is.
class LateTimers final : public event::ControlTimers {
 public:
  std::unique_ptr<event::ControlTimer> New() override { return std::make_unique<Timer>(*this); }
  void GoOff() { std::exchange(work_, nullptr)(); }

 private:
  class Timer final : public event::ControlTimer {
   public:
    explicit Timer(LateTimers& timers) : timers_(timers) {}
    void Set(base::Duration after, std::function<void()> work) override {
      EXPECT_EQ(after, TurnProbe::kInterval);
      timers_.work_ = std::move(work);
    }
    void Cancel() override { timers_.work_ = nullptr; }

   private:
    LateTimers& timers_;
  };

  std::function<void()> work_;
};

TEST(TurnProbeTest, CountsLateTimersAndLongTurns) {
  test::SimulatedClock clock;
  LateTimers timers;
  stats::Registry registry(1);
  std::vector<std::function<void()>> posted;
  TurnProbe probe(timers, clock, registry, [&](std::function<void()> work) { posted.push_back(std::move(work)); });
  probe.Start();
  const auto values = [&](const std::string& name) {
    const stats::Snapshot snapshot = registry.Read();
    for (const stats::Snapshot::Distribution& histogram : snapshot.histograms) {
      if (histogram.description->name() == "server.dispatcher." + name) return histogram.cumulative;
    }
    return stats::SparseCounts();
  };
  clock.Advance(TurnProbe::kInterval);
  timers.GoOff();
  ASSERT_EQ(posted.size(), 1u);
  EXPECT_EQ(values("poll_delay_us"), (stats::SparseCounts{{0, 1}}));
  EXPECT_TRUE(values("loop_duration_us").empty());
  clock.Advance(std::chrono::microseconds(30));  // for what else was due
  posted[0]();
  EXPECT_EQ(values("loop_duration_us"), (stats::SparseCounts{{30, 1}}));
  clock.Advance(TurnProbe::kInterval);
  timers.GoOff();
  EXPECT_EQ(values("poll_delay_us"), (stats::SparseCounts{{0, 1}, {30, 1}}));
}

}  // namespace
}  // namespace pillion::server
