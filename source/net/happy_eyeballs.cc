#include "source/net/happy_eyeballs.h"

#include <algorithm>
#include <utility>

#include "source/base/check.h"

namespace pillion::net {

Addresses Interleaved(const Addresses& addresses, const FamilyOrder& order) {
  PILLION_CHECK(order.count > 0);
  Addresses result;
  if (addresses.empty()) return result;
  result.reserve(addresses.size());
  const int family = order.first == AF_UNSPEC ? addresses.front().family() : order.first;
  Addresses first, other;
  for (const Address& address : addresses) (address.family() == family ? first : other).push_back(address);
  auto next = first.begin();
  auto next_other = other.begin();
  while (result.size() < addresses.size()) {
    for (uint32_t i = 0; i < order.count && next != first.end(); ++i) result.push_back(*next++);
    if (next_other != other.end()) result.push_back(*next_other++);
  }
  return result;
}

// Owned by the race while it is open, then by the worker's turn.
class HappyEyeballsTransport::Attempt final : public TransportEvents, public event::Deferred {
 public:
  Attempt(HappyEyeballsTransport& race, std::unique_ptr<Transport> transport)
      : race_(&race), transport_(std::move(transport)) {}

  Transport& transport() { return *transport_; }
  int Start() { return transport_->Start(*this); }
  void Leave() { race_ = nullptr; }

 private:
  void OnTransportReady(event::Readiness readiness) override {
    if (race_ != nullptr) race_->OnAttemptReady(*this, readiness);
  }
  void Dispose() override { delete this; }

  HappyEyeballsTransport* race_;  // null: it was left
  const std::unique_ptr<Transport> transport_;
};

HappyEyeballsTransport::HappyEyeballsTransport(event::Worker& worker, Connector& connector,
                                               std::shared_ptr<const Addresses> addresses, const ConnectOptions* options)
    : worker_(worker),
      connector_(connector),
      addresses_(std::move(addresses)),
      options_(options),
      timer_(this, [](void* self) { static_cast<HappyEyeballsTransport*>(self)->OnTimer(); }) {
  Make();
}

HappyEyeballsTransport::~HappyEyeballsTransport() = default;

Transport& HappyEyeballsTransport::chosen() { return attempts_.front()->transport(); }

const Address& HappyEyeballsTransport::remote_address() const { return attempts_.front()->transport().remote_address(); }

HappyEyeballsTransport::Attempt& HappyEyeballsTransport::Make() {
  timer_.Cancel();  // it was for this one
  const Address& address = (*addresses_)[next_++];
  return *attempts_.emplace_back(std::make_unique<Attempt>(*this, connector_.Connect(address, options_)));
}

int HappyEyeballsTransport::Start(TransportEvents& events) {
  if (std::exchange(events_, &events) != nullptr) return 0;
  return Begin(attempts_.front().get()) ? 0 : error_;
}

bool HappyEyeballsTransport::Begin(Attempt* attempt) {
  while (attempt != nullptr) {
    const int error = attempt->Start();
    if (error == 0) {
      if (next_ < addresses_->size()) worker_.SetTimer(timer_, kNextAttempt);
      return true;
    }
    Attempt* const next = next_ < addresses_->size() ? &Make() : nullptr;
    Fail(*attempt, error);
    attempt = next;
  }
  return state_ == State::kRacing;
}

void HappyEyeballsTransport::Fail(Attempt& attempt, int error) {
  error_ = error;
  if (attempts_.size() == 1) {
    state_ = State::kFailed;
    timer_.Cancel();
    return;
  }
  const auto found = std::ranges::find(attempts_, &attempt, &std::unique_ptr<Attempt>::get);
  std::unique_ptr<Attempt> failed = std::move(*found);
  attempts_.erase(found);
  Leave(std::move(failed));
}

void HappyEyeballsTransport::Leave(std::unique_ptr<Attempt> attempt) {
  attempt->Leave();
  worker_.Dispose(*attempt.release());
}

void HappyEyeballsTransport::OnAttemptReady(Attempt& attempt, event::Readiness readiness) {
  if (state_ != State::kRacing) {
    if (state_ == State::kConnected) events_->OnTransportReady(readiness);
    return;
  }
  if (!readiness.writable) return;
  const int error = attempt.transport().connect_error();
  if (error != 0) {
    Attempt* const next = next_ < addresses_->size() ? &Make() : nullptr;
    Fail(attempt, error);
    Begin(next);
    if (state_ != State::kFailed) return;
  } else {
    state_ = State::kConnected;
    timer_.Cancel();
    for (std::unique_ptr<Attempt>& each : attempts_) {
      if (each.get() != &attempt) Leave(std::move(each));
    }
    std::erase(attempts_, nullptr);
  }
  events_->OnTransportReady(readiness);
}

void HappyEyeballsTransport::OnTimer() {
  if (!Begin(&Make())) events_->OnTransportReady({.writable = true});
}

int HappyEyeballsTransport::connect_error() {
  if (state_ == State::kRacing) return 0;
  return state_ == State::kFailed ? error_ : chosen().connect_error();
}

void HappyEyeballsTransport::Abort() {
  for (const std::unique_ptr<Attempt>& attempt : attempts_) attempt->transport().Abort();
}

std::unique_ptr<Transport> ConnectToHost(event::Worker& worker, Connector& connector, const Address& address,
                                         const std::shared_ptr<const Addresses>& addresses,
                                         const ConnectOptions* options) {
  if (addresses == nullptr) [[likely]] return connector.Connect(address, options);
  return std::make_unique<HappyEyeballsTransport>(worker, connector, addresses, options);
}

}  // namespace pillion::net
