#include "test/support/peer.h"

#include <array>

#include "source/base/check.h"

namespace pillion::test {

Peer::Peer(std::unique_ptr<net::Transport> transport) : transport_(std::move(transport)) {
  error_ = transport_->Start(*this);
}

void Peer::Send(std::string_view bytes) {
  to_send_ += bytes;
  Write();
}

void Peer::EndSending() {
  end_sending_ = true;
  Write();
}

void Peer::Reset() {
  transport_->Abort();
  transport_.reset();
}

void Peer::ReadAgain() {
  reading_ = true;
  Read();
}

void Peer::OnTransportReady(event::Readiness readiness) {
  if (transport_ == nullptr) return;
  if (error_ == 0) error_ = transport_->connect_error();
  if (readiness.readable && reading_) Read();
  if (readiness.writable) Write();
}

void Peer::Read() {
  std::array<char, 16 * 1024> buffer;
  while (transport_ != nullptr) {
    const net::IoResult result = transport_->Read(buffer);
    if (result.status == net::IoStatus::kOk) {
      received_.append(buffer.data(), result.bytes);
      continue;
    }
    if (result.status == net::IoStatus::kEnd) ended_ = true;
    if (result.status == net::IoStatus::kError) error_ = result.error;
    return;
  }
}

void Peer::Write() {
  if (transport_ == nullptr) return;
  while (!to_send_.empty()) {
    const iovec piece{to_send_.data(), to_send_.size()};
    const net::IoResult result = transport_->Write({&piece, 1});
    if (result.status == net::IoStatus::kError) error_ = result.error;
    if (result.status != net::IoStatus::kOk) return;
    to_send_.erase(0, result.bytes);
  }
  if (end_sending_) transport_->ShutdownWrite();
}

}  // namespace pillion::test
