#include "source/net/internal_transport.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pillion::net {
namespace {

// Who connects has no address; this is what is said of it.
const Address& ClientAddress() {
  static const Address* const address = new Address(Address::Internal("internal_client_address", ""));
  return *address;
}

}  // namespace

InternalTransport::InternalTransport(event::Worker& worker, const Address& local, const Address& remote,
                                     size_t pipe_bytes)
    : worker_(worker),
      local_(local),
      remote_(remote),
      pipe_bytes_(pipe_bytes),
      received_(worker.blocks()),
      notify_(this, [](void* self) { static_cast<InternalTransport*>(self)->Notify(); }) {}

InternalTransport::Ends InternalTransport::Pair(event::Worker& worker, const Address& address, size_t pipe_bytes) {
  Ends ends;
  ends.upstream.reset(new InternalTransport(worker, ClientAddress(), address, pipe_bytes));
  ends.downstream.reset(new InternalTransport(worker, address, ClientAddress(), pipe_bytes));
  ends.upstream->other_ = ends.downstream.get();
  ends.downstream->other_ = ends.upstream.get();
  return ends;
}

std::unique_ptr<InternalTransport> InternalTransport::Refused(event::Worker& worker, const Address& address, int error) {
  std::unique_ptr<InternalTransport> transport(new InternalTransport(worker, ClientAddress(), address, 1));
  transport->connect_error_ = error;
  return transport;
}

InternalTransport::~InternalTransport() {
  if (other_ == nullptr) return;
  other_->other_ = nullptr;
  // As close(2): bytes that nobody will read are a reset, else it is an end.
  if (aborted_ || !received_.empty()) {
    other_->reset_ = true;
  } else {
    other_->ended_ = true;
  }
  other_->Changed();
}

int InternalTransport::Start(TransportEvents& events) {
  events_ = &events;
  worker_.Step(notify_);
  return 0;
}

int InternalTransport::connect_error() {
  if (connect_error_ != 0) return connect_error_;
  return reset_ && !std::exchange(reset_told_, true) ? ECONNRESET : 0;  // as SO_ERROR
}

void InternalTransport::Changed() {
  if (events_ != nullptr) worker_.Step(notify_);
}

void InternalTransport::Notify() {
  const bool failed = reset_ || connect_error_ != 0;
  events_->OnTransportReady({.readable = !received_.empty() || ended_ || failed,
                             .writable = failed || other_ == nullptr || other_->received_.size() < pipe_bytes_,
                             .hangup = ended_ || failed,
                             .failed = failed});
}

IoResult InternalTransport::NothingToRead() {
  if (reset_ && !std::exchange(reset_told_, true)) return {.status = IoStatus::kError, .error = ECONNRESET};
  if (reset_ || ended_) return {.status = IoStatus::kEnd};
  return {.status = IoStatus::kWouldBlock};
}

void InternalTransport::MadeRoom() {
  if (other_ == nullptr || !other_->blocked_ || received_.size() > pipe_bytes_ / 2) return;
  other_->blocked_ = false;
  other_->Changed();
}

IoResult InternalTransport::Read(std::span<char> into) {
  if (received_.empty()) return NothingToRead();
  size_t bytes = 0;
  while (bytes < into.size() && !received_.empty()) {
    const base::Slice piece = received_.TakeFront(into.size() - bytes);
    std::memcpy(into.data() + bytes, piece.data(), piece.size());
    bytes += piece.size();
  }
  MadeRoom();
  return {.status = IoStatus::kOk, .bytes = bytes};
}

IoResult InternalTransport::TakeBlock(base::Slice& into) {
  if (received_.empty()) return NothingToRead();
  into = received_.TakeFront();
  MadeRoom();
  return {.status = IoStatus::kOk, .bytes = into.size()};
}

IoResult InternalTransport::Room() {
  if (reset_ && !std::exchange(reset_told_, true)) return {.status = IoStatus::kError, .error = ECONNRESET};
  if (reset_ || half_closed_ || other_ == nullptr) return {.status = IoStatus::kError, .error = EPIPE};
  const size_t held = other_->received_.size();
  return {.status = IoStatus::kOk, .bytes = held < pipe_bytes_ ? pipe_bytes_ - held : 0};
}

IoResult InternalTransport::Write(std::span<const iovec> from) {
  const IoResult room = Room();
  if (room.status != IoStatus::kOk) return room;
  size_t bytes = 0;
  for (const iovec& piece : from) {
    const size_t part = std::min(piece.iov_len, room.bytes - bytes);
    other_->received_.Append(std::string_view(static_cast<const char*>(piece.iov_base), part));
    bytes += part;
    blocked_ = blocked_ || part < piece.iov_len;
  }
  if (bytes == 0) return {.status = blocked_ ? IoStatus::kWouldBlock : IoStatus::kOk};
  other_->Changed();
  return {.status = IoStatus::kOk, .bytes = bytes};
}

IoResult InternalTransport::GiveBlocks(base::Buffer& from) {
  const IoResult room = Room();
  if (room.status != IoStatus::kOk) return room;
  size_t bytes = 0;
  while (bytes < room.bytes && !from.empty()) {
    base::Slice piece = from.TakeFront(room.bytes - bytes);
    bytes += piece.size();
    other_->received_.Append(std::move(piece));
  }
  blocked_ = blocked_ || !from.empty();
  if (bytes == 0) return {.status = blocked_ ? IoStatus::kWouldBlock : IoStatus::kOk};
  other_->Changed();
  return {.status = IoStatus::kOk, .bytes = bytes};
}

void InternalTransport::ShutdownWrite() {
  if (std::exchange(half_closed_, true) || other_ == nullptr) return;
  other_->ended_ = true;
  other_->Changed();
}

}  // namespace pillion::net
