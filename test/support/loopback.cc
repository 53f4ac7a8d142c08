#include "test/support/loopback.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "test/support/loopback_transport.h"

namespace pillion::test {

LoopbackListener::LoopbackListener(LoopbackNetwork& network, SimulatedLoop& loop, const net::Address& address,
                                   net::AcceptEvents& events)
    : network_(network), loop_(loop), address_(address), events_(events) {
  network_.listeners_[address.text()].push_back(this);
}

LoopbackListener::~LoopbackListener() {
  std::erase(network_.listeners_[address_.text()], this);
  for (const auto& transport : waiting_) transport->Abort();
}

void LoopbackListener::Resume() {
  paused_ = false;
  if (!waiting_.empty()) loop_.Notify(*this);
}

void LoopbackListener::Deliver() {
  while (!paused_ && !waiting_.empty()) {
    std::unique_ptr<net::Transport> transport = std::move(waiting_.front());
    waiting_.pop_front();
    events_.OnAccept(std::move(transport));
  }
}

std::unique_ptr<net::Transport> LoopbackNetwork::Connect(SimulatedLoop& loop, const net::Address& address) {
  ++connects_;
  const LoopbackFaults faults = faults_[address.text()];
  const net::Address local = *net::Address::Ip("127.0.0.1", next_port_++);
  auto client = std::make_unique<LoopbackTransport>(*this, loop, local, address, faults, faults.reset_to_server);
  if (faults.connect_error != 0 && faults.connect_error_at_once) {
    client->FailAtOnce(faults.connect_error);
  } else if (!faults.connect_hangs) {
    // There and back.
    After(2 * faults.delay, [this, faults, slot = client->self_] {
      if (slot->end != nullptr) FinishConnect(*slot->end, faults);
    });
  }
  return client;
}

void LoopbackNetwork::FinishConnect(LoopbackTransport& client, const LoopbackFaults& faults) {
  std::deque<LoopbackListener*>& listeners = listeners_[client.remote_.text()];
  if (faults.connect_error != 0 || listeners.empty()) {
    client.Refuse(faults.connect_error != 0 ? faults.connect_error : ECONNREFUSED);
    return;
  }
  LoopbackListener* listener = listeners.front();
  listeners.pop_front();
  listeners.push_back(listener);
  auto server = std::make_unique<LoopbackTransport>(*this, listener->loop_, client.remote_, client.local_, faults,
                                                    faults.reset_to_client);
  LoopbackTransport::Join(client, *server);
  client.Connected();
  listener->waiting_.push_back(std::move(server));
  if (!listener->paused_) listener->loop_.Notify(*listener);
}

std::pair<std::unique_ptr<net::Transport>, std::unique_ptr<net::Transport>> LoopbackNetwork::Pair(
    SimulatedLoop& client_loop, SimulatedLoop& server_loop, const LoopbackFaults& faults) {
  const net::Address client_address = *net::Address::Ip("127.0.0.1", next_port_++);
  const net::Address server_address = *net::Address::Ip("127.0.0.1", next_port_++);
  auto client = std::make_unique<LoopbackTransport>(*this, client_loop, client_address, server_address, faults,
                                                    faults.reset_to_server);
  auto server = std::make_unique<LoopbackTransport>(*this, server_loop, server_address, client_address, faults,
                                                    faults.reset_to_client);
  LoopbackTransport::Join(*client, *server);
  return {std::move(client), std::move(server)};
}

void LoopbackNetwork::After(base::Duration delay, std::function<void()> arrival) {
  arrivals_.emplace(clock_.MonotonicNow() + delay, std::move(arrival));
  if (delay == base::Duration::zero()) Arrive();
}

void LoopbackNetwork::Arrive() {
  while (!arrivals_.empty() && arrivals_.begin()->first <= clock_.MonotonicNow()) {
    const std::function<void()> arrival = std::move(arrivals_.begin()->second);
    arrivals_.erase(arrivals_.begin());
    arrival();
  }
}

std::optional<base::MonotonicTime> LoopbackNetwork::NextArrival() const {
  if (arrivals_.empty()) return std::nullopt;
  return arrivals_.begin()->first;
}

LoopbackTransport::LoopbackTransport(LoopbackNetwork& network, SimulatedLoop& loop, const net::Address& local,
                                     const net::Address& remote, const LoopbackFaults& faults, uint64_t reset_behind)
    : network_(network),
      loop_(loop),
      local_(local),
      remote_(remote),
      faults_(faults),
      reset_behind_(reset_behind),
      self_(std::make_shared<Slot>(Slot{this})) {}

LoopbackTransport::~LoopbackTransport() {
  self_->end = nullptr;
  if (other_ == nullptr || reset_) return;
  // close(2): bytes that nobody will read, or SO_LINGER with no time, are a reset; else an end.
  if (abort_ || !received_.empty()) {
    Send([](LoopbackTransport& end) { end.OnReset(); });
  } else if (!half_closed_) {
    Send([](LoopbackTransport& end) { end.OnEnd(); });
  }
}

void LoopbackTransport::Join(LoopbackTransport& client, LoopbackTransport& server) {
  client.other_ = server.self_;
  server.other_ = client.self_;
}

void LoopbackTransport::Connected() { Changed(); }

void LoopbackTransport::Refuse(int error) {
  connect_error_ = error;
  Changed();
}

int LoopbackTransport::Start(net::TransportEvents& events) {
  if (start_error_ != 0) return start_error_;
  events_ = &events;
  if (other_ != nullptr || connect_error_ != 0) loop_.Notify(*this);
  return 0;
}

int LoopbackTransport::connect_error() {
  if (start_error_ != 0) return start_error_;
  if (connect_error_ != 0) return connect_error_;
  return reset_ && !std::exchange(reset_told_, true) ? ECONNRESET : 0;  // SO_ERROR
}

void LoopbackTransport::Deliver() {
  const bool failed = reset_ || connect_error_ != 0;
  events_->OnTransportReady({.readable = !received_.empty() || ended_ || failed,
                             .writable = room() > 0 || half_closed_ || failed,
                             .hangup = ended_ || failed,
                             .failed = failed});
}

void LoopbackTransport::Changed() {
  if (events_ != nullptr) loop_.Notify(*this);
}

size_t LoopbackTransport::room() const { return faults_.pipe_bytes - under_way_; }

net::IoResult LoopbackTransport::Read(std::span<char> into) {
  if (!received_.empty()) {
    const size_t bytes = std::min({into.size(), received_.size(), faults_.most_read});
    std::copy_n(received_.begin(), bytes, into.begin());
    received_.erase(0, bytes);
    // A read that gave less than it could: the rest comes as if it had just arrived.
    if (bytes < into.size() && !received_.empty()) Changed();
    Send([bytes](LoopbackTransport& writer) {
      writer.under_way_ -= bytes;
      if (std::exchange(writer.blocked_, false)) writer.Changed();
    });
    return {.status = net::IoStatus::kOk, .bytes = bytes};
  }
  if (reset_ && !std::exchange(reset_told_, true)) return {.status = net::IoStatus::kError, .error = ECONNRESET};
  if (reset_ || ended_) return {.status = net::IoStatus::kEnd};
  return {.status = net::IoStatus::kWouldBlock};
}

net::IoResult LoopbackTransport::Write(std::span<const iovec> from) {
  if (reset_ || half_closed_) {
    const int error = reset_ && !std::exchange(reset_told_, true) ? ECONNRESET : EPIPE;
    return {.status = net::IoStatus::kError, .error = error};
  }
  size_t offered = 0;
  for (const iovec& piece : from) offered += piece.iov_len;
  const size_t bytes = std::min({offered, room(), faults_.most_written});
  if (bytes < offered) {
    blocked_ = room() == bytes;
    if (!blocked_) Changed();
  }
  if (bytes == 0) return {.status = net::IoStatus::kWouldBlock};
  std::string sent;
  for (const iovec& piece : from) {
    sent.append(static_cast<const char*>(piece.iov_base), std::min(piece.iov_len, bytes - sent.size()));
  }
  under_way_ += bytes;
  sent_ += bytes;
  if (sent_ >= reset_behind_) {
    sent.resize(bytes - (sent_ - reset_behind_));
    Send([sent](LoopbackTransport& reader) { reader.OnBytes(sent); });
    ResetBoth();
  } else if (other_->end == nullptr) {
    // Nobody is there: what comes back is a reset.
    network_.After(2 * faults_.delay, [slot = self_] {
      if (slot->end != nullptr) slot->end->OnReset();
    });
  } else {
    Send([sent = std::move(sent)](LoopbackTransport& reader) { reader.OnBytes(sent); });
  }
  return {.status = net::IoStatus::kOk, .bytes = bytes};
}

void LoopbackTransport::ShutdownWrite() {
  if (std::exchange(half_closed_, true) || reset_ || other_ == nullptr) return;
  Send([](LoopbackTransport& end) { end.OnEnd(); });
}

void LoopbackTransport::Send(std::function<void(LoopbackTransport&)> arrival) {
  if (other_ == nullptr) return;
  network_.After(faults_.delay, [slot = other_, arrival = std::move(arrival)] {
    if (slot->end != nullptr) arrival(*slot->end);
  });
}

void LoopbackTransport::ResetBoth() {
  Send([](LoopbackTransport& end) { end.OnReset(); });
  OnReset();
}

void LoopbackTransport::OnBytes(std::string bytes) {
  if (reset_) return;
  received_ += bytes;
  Changed();
}

void LoopbackTransport::OnEnd() {
  ended_ = true;
  Changed();
}

void LoopbackTransport::OnReset() {
  reset_ = true;
  Changed();
}

}  // namespace pillion::test
