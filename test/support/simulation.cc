#include "test/support/simulation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test/support/loopback.h"

namespace pillion::test {
namespace {

constexpr int kMostTurns = 1'000'000;

}  // namespace

bool SimulatedLoop::has_work() const {
  if (posted_ || !ready_.empty() || worker_.has_work()) return true;
  const auto wakeup = const_cast<event::Worker&>(worker_).timers().NextWakeup();
  return wakeup && *wakeup <= clock_.MonotonicNow();
}

void SimulatedLoop::RunTurn() {
  worker_.BeginTurn();
  base::IntrusiveList<Ready, ReadyTag> ready;
  ready.Splice(ready_);
  while (Ready* next = ready.PopFront()) next->Deliver();
  posted_ = false;
  worker_.EndTurn();
}

Simulation::Simulation(uint32_t workers) : network_(std::make_unique<LoopbackNetwork>(clock_)) {
  for (uint32_t i = 0; i < workers; ++i) loops_.push_back(std::make_unique<SimulatedLoop>(i, clock_));
}

Simulation::~Simulation() = default;

void Simulation::RunUntilIdle() {
  for (int turns = 0; turns < kMostTurns; ++turns) {
    network_->Arrive();
    bool worked = false;
    for (const auto& loop : loops_) {
      if (!loop->has_work()) continue;
      loop->RunTurn();
      worked = true;
    }
    if (!worked) return;
  }
  ADD_FAILURE() << "not idle after " << kMostTurns << " turns";
}

void Simulation::AdvanceTime(base::Duration by) {
  const base::MonotonicTime end = clock_.MonotonicNow() + by;
  for (;;) {
    RunUntilIdle();
    base::MonotonicTime next = end;
    for (const auto& loop : loops_) {
      if (const auto wakeup = loop->worker().timers().NextWakeup()) next = std::min(next, *wakeup);
    }
    if (const auto arrival = network_->NextArrival()) next = std::min(next, *arrival);
    clock_.Advance(next - clock_.MonotonicNow());
    if (next >= end) break;
  }
  // Also without work: what the test does next finds the workers' time to be the clock's.
  for (const auto& loop : loops_) loop->RunTurn();
  RunUntilIdle();
}

}  // namespace pillion::test
