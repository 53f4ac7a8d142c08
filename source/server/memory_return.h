#pragma once

// What a large change was read into goes back to the system, and so does the code that read it, once a moment passed without
// more. Small changes leave too little to be looked for. Main thread.

#include <cstdint>
#include <memory>

#include "source/base/clock.h"
#include "source/event/control_timer.h"
#include "source/xds/journal.h"

namespace pillion::server {

class MemoryReturn final : public xds::Journal {
 public:
  // So many bytes are a large change: with less, what remains is not worth the look through the heap.
  static constexpr uint64_t kLarge = 256 * 1024;
  // So long nothing must come: while more does, what it takes would only be asked for again.
  static constexpr base::Duration kQuiet = std::chrono::milliseconds(500);

  // `timers` outlive it.
  explicit MemoryReturn(event::ControlTimers& timers);

  // So many bytes of configuration were read.
  void OnRead(uint64_t bytes);

  void OnChange(const xds::ResourceId& id, const xds::Holdings::Held* before, const xds::Holdings::Held* now,
                bool wanted) override;

 private:
  const std::unique_ptr<event::ControlTimer> quiet_;
  uint64_t read_ = 0;  // since it was given back last
};

}  // namespace pillion::server
