#include "source/limit/sliding_window.h"

#include <algorithm>

#include "source/base/check.h"

namespace pillion::limit {
namespace {

constexpr int64_t kSlicesOfOne = SlidingWindow::kSlices;
// Of a limit. Rounded up, and with a debt as large, all slices together have at most 65,535 units.
constexpr uint64_t kMostUnits = (UINT16_MAX - SlidingWindow::kSlices) / 2;
constexpr base::Duration kLongest = std::chrono::hours(24 * 366);

}  // namespace

const char* SlidingWindow::WhatIsWrong(const Terms& terms) {
  if (terms.limit < 1 || terms.limit > kMostLimit) return "a limit of 1 to 281474976710655";
  if (terms.length < base::Duration(kSlices) || terms.length > kLongest) return "a length of 16 ns to 366 days";
  return nullptr;
}

// Slices are rounded up, and so their 16 are never less than the length.
SlidingWindow::SlidingWindow(const Terms& terms)
    : terms_(terms),
      slice_((terms.length.count() + kSlicesOfOne - 1) / kSlicesOfOne),
      unit_((terms.limit + kMostUnits - 1) / kMostUnits) {
  PILLION_CHECK(WhatIsWrong(terms) == nullptr);
}

void SlidingWindow::BringTo(State& state, base::MonotonicTime now) const {
  const int64_t slice = SliceOf(now);
  if (slice == state.slice) return;
  if (slice > state.slice + kSlicesOfOne) {
    state = Fresh(now);
    return;
  }
  // Each slice takes the place of the one that is no longer counted.
  const auto put = [&](int64_t at, uint64_t units) {
    uint16_t& place = UnitsAt(state, at);
    state.before = static_cast<uint16_t>(state.before + units - place);
    place = static_cast<uint16_t>(units);
  };
  put(state.slice, UnitsOf(state.newest));
  for (int64_t empty = state.slice + 1; empty < slice; ++empty) put(empty, 0);
  state.slice = slice;
  state.newest = 0;
}

void SlidingWindow::ChargeAnyway(State& state, uint64_t cost) const {
  const uint64_t most = 2 * terms_.limit;
  const uint64_t used = uint64_t{state.before} * unit_ + state.newest;
  if (used < most) state.newest = std::min(state.newest + std::min(cost, most - used), kMostLimit);
}

void SlidingWindow::GiveBack(State& state, uint64_t cost, base::MonotonicTime charged_at) const {
  const int64_t slice = SliceOf(charged_at);
  if (slice == state.slice) {
    state.newest -= std::min<uint64_t>(state.newest, cost);
  } else if (slice >= state.slice - kSlicesOfOne && slice < state.slice) {
    // Rounded down: what others had in the same unit stays counted.
    uint16_t& place = UnitsAt(state, slice);
    const auto units = static_cast<uint16_t>(std::min<uint64_t>(place, cost / unit_));
    place = static_cast<uint16_t>(place - units);
    state.before = static_cast<uint16_t>(state.before - units);
  }
}

base::Duration SlidingWindow::Wait(const State& state, uint64_t cost, base::MonotonicTime now) const {
  if (cost <= Remaining(state)) return base::Duration::zero();
  // When the oldest goes, the newest is one of those before.
  const uint64_t newest = UnitsOf(state.newest);
  uint64_t units = state.before + newest;
  int64_t slice = newest * unit_ + cost > terms_.limit ? state.slice : state.slice - kSlicesOfOne;
  for (; slice < state.slice; ++slice) {
    units -= state.units[static_cast<uint64_t>(slice) % kSlices];
    if (units * unit_ + cost <= terms_.limit) break;
  }
  return base::Duration((slice + kSlicesOfOne + 1) * slice_) - now.time_since_epoch();
}

}  // namespace pillion::limit
