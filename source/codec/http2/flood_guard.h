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
// | window update | WINDOW_UPDATE                                            | streams opened: 2, DATA sent: by bound |
// | empty frame   | DATA without payload and without END_STREAM              | any other DATA, HEADERS: all           |
// | outbound      | answers that wait in output(); frames of any type that   | what has left output(), in portions    |
// |               | do                                                       |                                        |

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
  void OnDataSent() {
    debt(Flood::kWindowUpdate) -= bounds_.window_updates_per_data;
    ++debt(Flood::kOutboundFrames);
  }
  void OnContentReceived() { debt(Flood::kEmptyFrame) = 0; }

  // Before frames go into output(), in which `waiting` bytes of those before are still; and after.
  void BeginOutput(size_t waiting) {
    if (waiting == 0) {
      debt(Flood::kOutbound) = debt(Flood::kOutboundFrames) = 0;
      StartPortion();
    } else if (written_ - waiting >= portion_start_) {
      debt(Flood::kOutbound) -= older_answers_;
      debt(Flood::kOutboundFrames) -= older_frames_;
      StartPortion();
    }
    waiting_ = waiting;
  }
  void EndOutput(size_t waiting) { written_ += waiting - waiting_; }
  // True: DATA waits. Then what the peer makes us write ends its connection, never what it asked for.
  bool output_is_full() const {
    return debts_[static_cast<size_t>(Flood::kOutboundFrames)] > bounds_.outbound_frames / 2;
  }

 private:
  int64_t& debt(Flood flood) { return debts_[static_cast<size_t>(flood)]; }
  void Forgive(Flood flood, int64_t count) { debt(flood) = std::max<int64_t>(debt(flood) - count, 0); }
  int64_t Bound(Flood flood) const;
  void StartPortion() {
    older_answers_ = debt(Flood::kOutbound);
    older_frames_ = debt(Flood::kOutboundFrames);
    portion_start_ = written_;
  }

  const FloodBounds& bounds_;
  std::array<int64_t, static_cast<size_t>(Flood::kCount)> debts_{};

  // What went into output() is forgiven in portions: one, when all bytes before the next have been written.
  uint64_t written_ = 0;
  uint64_t portion_start_ = 0;
  size_t waiting_ = 0;
  int64_t older_answers_ = 0;  // of the portion before
  int64_t older_frames_ = 0;
};

}  // namespace pillion::codec::http2
