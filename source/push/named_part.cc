#include "source/push/named_part.h"

#include <variant>

namespace pillion::push {

NamedPart::NamedPart(xds::Planes& planes, const Feed::Surroundings& with, xds::Kind kind, std::string name,
                     config::Feed feed, const stats::Prefix& prefix)
    : stats_(with.registry, with.clock, prefix),
      scope_(with.registry, prefix),
      notes_(with.clock, with.warn),
      name_(std::move(name)),
      feed_(std::move(feed)),
      resources_(planes.Named(feed_.source, kind)),
      initial_fetch_(with.timers) {}

NamedPart::~NamedPart() {
  if (asked_) resources_.Unwatch(name_, *this);
}

bool NamedPart::of_file() const { return std::holds_alternative<config::PathSource>(feed_.source); }

void NamedPart::Ask() {
  asked_ = true;
  initial_fetch_.Start(feed_.initial_fetch_timeout, [this](bool late) {
    if (late) {
      stats_.InitialFetchTimeout();
      OnLate();
    }
    for (const std::function<void()>& ready : std::exchange(waiters_, {})) ready();
  });
  const std::weak_ptr<const bool> alive = alive_;
  resources_.Watch(name_, *this);
  // A file has been read by now; if it has none, nothing says when it will.
  if (!alive.expired() && of_file() && !has_come()) EndWait();
}

void NamedPart::WhenReady(std::function<void()> ready) {
  if (asked_ && !waiting()) return ready();
  waiters_.push_back(std::move(ready));
}

}  // namespace pillion::push
