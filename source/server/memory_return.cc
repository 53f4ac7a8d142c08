#include "source/server/memory_return.h"

#include <algorithm>
#include <utility>

namespace pillion::server {

MemoryReturn::MemoryReturn(event::ControlTimers& timers, const base::Clock& clock, std::function<void()> give_back)
    : clock_(clock), give_back_(std::move(give_back)), timer_(timers.New()) {}

void MemoryReturn::OnRead(uint64_t bytes) {
  read_ += bytes;
  if (read_ < kLarge) return;
  timer_->Set(std::max(kQuiet, not_before_ - clock_.MonotonicNow()), [this] {
    read_ = 0;
    not_before_ = clock_.MonotonicNow() + kPause;
    give_back_();
  });
}

void MemoryReturn::OnChange(const xds::ResourceId&, const xds::Holdings::Held*, const xds::Holdings::Held* now, bool) {
  if (now != nullptr) OnRead(now->body->value().size());
}

}  // namespace pillion::server
