#pragma once

// Colours that go no further than this hop, in the process's own log: each cause once for a configuration.

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace pillion::filters::grey_rules {

enum class NotCarried : uint8_t {
  kNoContext,  // there is no context filter in front, or a route has it disabled
  kNoRoom,     // in the baggage of the context
};

struct NotCarriedLog {
  void (*write)(std::string_view line);  // called on any thread
};

// Before there is a second thread; `log` outlives all of them. Null: there is none.
void SetNotCarriedLog(const NotCarriedLog* log);

// What was said of one configuration. Any thread.
class NotCarriedOnce {
 public:
  // filter "grey" of http.in.: ... . `colour`: of the first such request.
  void Say(NotCarried why, std::string_view filter, std::string_view stat_prefix, std::string_view colour);
  bool Said(NotCarried why) const { return said_[static_cast<size_t>(why)].load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<bool>, 2> said_{};
};

}  // namespace pillion::filters::grey_rules
