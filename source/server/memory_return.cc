#include "source/server/memory_return.h"

#include "source/base/process_memory.h"

namespace pillion::server {

MemoryReturn::MemoryReturn(event::ControlTimers& timers) : quiet_(timers.New()) {}

void MemoryReturn::OnRead(uint64_t bytes) {
  read_ += bytes;
  if (read_ < kLarge) return;
  quiet_->Set(kQuiet, [this] {
    read_ = 0;
    base::GiveBackMemory();
  });
}

void MemoryReturn::OnChange(const xds::ResourceId&, const xds::Holdings::Held*, const xds::Holdings::Held* now, bool) {
  if (now != nullptr) OnRead(now->body->value().size());
}

}  // namespace pillion::server
