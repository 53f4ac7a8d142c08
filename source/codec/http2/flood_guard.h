#pragma once

// Counts what a peer does that costs us more than it costs the peer. Pure: no clock; what a legitimate peer does is
// told apart by what it goes along with.
//
// | flood         | counts                                                   | is forgiven by                         |
// |---------------|----------------------------------------------------------|----------------------------------------|
// | reset         | streams reset by the peer before they were answered, and | streams that end well: one each        |
// |               | streams that we had to reset for what the peer sent      |                                        |
// | ping          | PING                                                     | reads: 10 each                         |
// | settings      | SETTINGS                                                 | reads: 1 each                          |
// | priority      | PRIORITY                                                 | streams opened: the bound each         |
// | window update | WINDOW_UPDATE                                            | streams opened: 2, DATA sent: 10 each  |
// | empty frame   | DATA without payload and without END_STREAM              | any other DATA: all                    |
// | outbound      | answers written while output() was never empty           | output() found empty: all              |

#include <algorithm>
#include <array>
#include <cstdint>

#include "source/codec/codec.h"
#include "source/codec/http2/options.h"

namespace pillion::codec::http2 {

class FloodGuard {
 public:
  explicit FloodGuard(const FloodBounds& bounds) : bounds_(bounds) {}

  // True: the bound was passed.
  [[nodiscard]] bool Charge(Flood flood) { return ++debt(flood) > Bound(flood); }

  void OnRead() {
    Forgive(Flood::kPing, 10);
    Forgive(Flood::kSettings, 1);
  }
  void OnStreamOpened() {
    // These two may be paid in advance: a peer grants window for all it got only later.
    debt(Flood::kPriority) -= bounds_.priorities;
    debt(Flood::kWindowUpdate) -= 2;
  }
  void OnStreamEndedWell() { Forgive(Flood::kReset, 1); }
  void OnDataSent() { debt(Flood::kWindowUpdate) -= 10; }
  void OnDataReceived() { debt(Flood::kEmptyFrame) = 0; }
  void OnOutputEmpty() { debt(Flood::kOutbound) = 0; }

 private:
  int64_t& debt(Flood flood) { return debts_[static_cast<size_t>(flood)]; }
  void Forgive(Flood flood, int64_t count) { debt(flood) = std::max<int64_t>(debt(flood) - count, 0); }
  int64_t Bound(Flood flood) const;

  const FloodBounds& bounds_;
  std::array<int64_t, static_cast<size_t>(Flood::kCount)> debts_{};
};

}  // namespace pillion::codec::http2
