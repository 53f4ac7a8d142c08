#pragma once

// What a large change was read into goes back to the system, and so does the code that read it, once a moment passed without
// more. Small changes leave too little to be looked for, and what is given back comes again with the next change: so it is
// done seldom, however often there are large ones. Main thread.

#include <cstdint>
#include <functional>
#include <memory>

#include "source/base/clock.h"
#include "source/base/process_memory.h"
#include "source/event/control_timer.h"
#include "source/xds/journal.h"

namespace pillion::server {

class MemoryReturn final : public xds::Journal {
 public:
  // So many bytes are a large change: with less, what remains is not worth the look through the heap.
  static constexpr uint64_t kLarge = 256 * 1024;
  // So long nothing must come: while more does, what it takes would only be asked for again.
  static constexpr base::Duration kQuiet = std::chrono::milliseconds(500);
  // Between one time and the next. What comes meanwhile waits for its end.
  static constexpr base::Duration kPause = std::chrono::seconds(60);

  // `timers` and `clock` outlive it.
  MemoryReturn(event::ControlTimers& timers, const base::Clock& clock,
               std::function<void()> give_back = base::GiveBackMemory);

  // So many bytes of configuration were read.
  void OnRead(uint64_t bytes);

  void OnChange(const xds::ResourceId& id, const xds::Holdings::Held* before, const xds::Holdings::Held* now,
                bool wanted) override;

 private:
  const base::Clock& clock_;
  const std::function<void()> give_back_;
  const std::unique_ptr<event::ControlTimer> timer_;
  base::MonotonicTime not_before_{};
  uint64_t read_ = 0;  // since it was given back last
};

}  // namespace pillion::server
