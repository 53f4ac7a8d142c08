#include "source/net/internal_listeners.h"

#include <cerrno>
#include <utility>

namespace pillion::net {

InternalListeners::InternalListeners(event::Worker& worker)
    : worker_(worker), accept_(this, [](void* self) { static_cast<InternalListeners*>(self)->AcceptWaiting(); }) {}

void InternalListeners::Add(std::string_view name, AcceptEvents& listener) { by_name_[std::string(name)] = &listener; }

void InternalListeners::Remove(const AcceptEvents& listener) {
  std::erase_if(by_name_, [&](const auto& entry) { return entry.second == &listener; });
}

std::unique_ptr<Transport> InternalListeners::Connect(const Address& address) {
  if (!by_name_.contains(address.internal_listener())) {
    return InternalTransport::Refused(worker_, address, ECONNREFUSED);
  }
  InternalTransport::Ends ends = InternalTransport::Pair(worker_, address, pipe_bytes_);
  waiting_.push_back(std::move(ends.downstream));
  worker_.Step(accept_);
  return std::move(ends.upstream);
}

void InternalListeners::AcceptWaiting() {
  // Those that come meanwhile are of the next step.
  std::deque<std::unique_ptr<InternalTransport>> waiting;
  waiting.swap(waiting_);
  for (std::unique_ptr<InternalTransport>& transport : waiting) {
    const auto found = by_name_.find(transport->local_address().internal_listener());
    if (found == by_name_.end()) {
      transport->Abort();  // it has gone since
      continue;
    }
    found->second->OnAccept(std::move(transport));
  }
}

}  // namespace pillion::net
