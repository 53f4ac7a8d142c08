#include "source/listener/inspection.h"

#include <utility>

namespace pillion::listener {

Inspection::Inspection(event::Worker& worker, std::shared_ptr<std::vector<FilterShard>> filters, base::Duration timeout,
                       InspectionOwner& owner, Accepted accepted)
    : worker_(worker),
      filters_(std::move(filters)),
      begun_(worker.now()),
      timeout_(timeout),
      owner_(owner),
      accepted_(std::move(accepted)),
      lookahead_(worker.blocks()),
      timer_(this, [](void* self) { static_cast<Inspection*>(self)->End(InspectionEnd::kTimeout); }) {
  if (accepted_.facts == nullptr) {
    accepted_.facts = std::make_unique<SocketFacts>();
    accepted_.facts->direct_remote = accepted_.transport->remote_address();
  }
  lookahead_.Adopt(std::move(accepted_.preread));
}

void Inspection::Start() {
  Run();
  if (ended_) return;
  if (accepted_.transport->Start(*this) != 0) {
    End(InspectionEnd::kError);
    return;
  }
  if (timeout_ > base::Duration::zero()) worker_.SetTimer(timer_, timeout_);
}

void Inspection::OnTransportReady(event::Readiness readiness) {
  if (ended_ || !readiness.readable) return;
  accepted_.readable = true;
  accepted_.hangup = accepted_.hangup || readiness.hangup;
  Run();
}

void Inspection::Run() {
  while (next_ < filters_->size()) {
    switch (Apply((*filters_)[next_])) {
      case Verdict::kContinue:
        ++next_;
        break;
      case Verdict::kNeedMore:
        if (!accepted_.readable || !Read()) return;
        break;
      case Verdict::kRefuse:
        End(InspectionEnd::kRefused);
        return;
    }
  }
  End(InspectionEnd::kDone);
}

Inspection::Verdict Inspection::Apply(FilterShard& filter) {
  const std::optional<config::PortPredicate>& disabled = filter.config.disabled;
  if (disabled && disabled->Matches(accepted_.transport->local_address().port())) return Verdict::kContinue;
  return std::visit([&](const auto& config) { return Apply(config, filter.stats); }, filter.config.filter);
}

bool Inspection::Read() {
  if (lookahead_.full()) {
    End(InspectionEnd::kError);
    return false;
  }
  const std::span<char> room = lookahead_.Room(read_hint_);
  const net::IoResult result = accepted_.transport->Read(room);
  switch (result.status) {
    case net::IoStatus::kOk:
      lookahead_.Commit(result.bytes);
      // As in net::Connection: what comes next is a new edge.
      if (result.bytes < room.size() && !accepted_.hangup) accepted_.readable = false;
      return true;
    case net::IoStatus::kWouldBlock:
      accepted_.readable = false;
      return false;
    case net::IoStatus::kEnd:
      End(InspectionEnd::kPeerClosed);
      return false;
    case net::IoStatus::kError:
      End(InspectionEnd::kError);
      return false;
  }
  return false;
}

void Inspection::End(InspectionEnd end) {
  if (std::exchange(ended_, true)) return;
  timer_.Cancel();
  accepted_.preread = lookahead_.Take();
  if (accepted_.preread.empty()) accepted_.preread = base::Slice();
  owner_.OnInspected(*this, end, accepted_);
  worker_.Dispose(*this);
}

}  // namespace pillion::listener
