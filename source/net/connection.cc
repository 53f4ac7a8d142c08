#include "source/net/connection.h"

#include <array>
#include <cerrno>
#include <utility>

namespace pillion::net {
namespace {

// Reads of one connection in one turn; then the others get theirs.
constexpr int kReadsPerTurn = 4;

constexpr size_t kPiecesPerWrite = 32;

}  // namespace

Connection::Connection(event::Worker& worker, std::unique_ptr<Transport> transport, ConnectionOwner& owner,
                       const ConnectionOptions& options)
    : worker_(worker),
      transport_(std::move(transport)),
      owner_(owner),
      options_(options),
      output_(worker.blocks()),
      flush_(this, [](void* self) { static_cast<Connection*>(self)->FlushOutput(); }),
      resume_(this, [](void* self) { static_cast<Connection*>(self)->ReadWhileWanted(); }),
      linger_timer_(this, [](void* self) {
        static_cast<Connection*>(self)->linger_expired_ = true;
        static_cast<Connection*>(self)->RequestClose(CloseReason::kFinished, 0, false);
      }),
      hands_over_(transport_->hands_over()) {}

Connection::~Connection() = default;

void Connection::Start(bool connecting) {
  state_ = connecting ? State::kConnecting : State::kOpen;
  const int error = transport_->Start(*this);
  if (error != 0) RequestClose(connecting ? CloseReason::kConnectFailed : CloseReason::kError, error, false);
}

void Connection::Resume(base::Slice preread, bool readable, bool hangup) {
  bytes_read_ += preread.size();
  rest_ = std::move(preread);
  readable_ = readable;
  hangup_ = hangup;
  worker_.Step(resume_);
}

void Connection::OnTransportReady(event::Readiness readiness) {
  if (state_ == State::kClosed || close_requested_) return;
  if (state_ == State::kConnecting) {
    if (!readiness.writable) return;
    OnConnectEnded();
    if (close_requested_) return;
  }
  if (readiness.writable && write_blocked_) {
    write_blocked_ = false;
    worker_.Flush(flush_);
  }
  if (!readiness.readable) return;
  readable_ = true;
  hangup_ = hangup_ || readiness.hangup;
  if (readiness.failed && !codec_->wants_read()) {
    // Nobody reads now, so nobody would see it.
    RequestClose(CloseReason::kError, transport_->connect_error(), false);
    return;
  }
  ReadWhileWanted();
}

void Connection::OnConnectEnded() {
  const int error = transport_->connect_error();
  if (error != 0) {
    RequestClose(CloseReason::kConnectFailed, error, false);
    return;
  }
  state_ = State::kOpen;
  worker_.Flush(flush_);
  owner_.OnConnected();
}

void Connection::ReadWhileWanted() {
  if (state_ == State::kLingering) {
    Discard();
    return;
  }
  if (state_ != State::kOpen || close_requested_) return;
  bool progress = true;
  for (int reads = 0; progress && !close_requested_ && codec_->wants_read();) {
    if (!rest_.empty()) {
      progress = Deliver(std::move(rest_));
    } else if (!readable_) {
      break;
    } else if (reads++ < kReadsPerTurn) {
      progress = ReadOnce();
    } else {
      worker_.Step(resume_);
      break;
    }
  }
  if (write_error_ != 0 && !(readable_ && codec_->wants_read())) RequestClose(CloseReason::kError, write_error_, false);
  if (codec_->ending() != codec::Ending::kOpen) worker_.Flush(flush_);
  owner_.OnActivity();
}

bool Connection::ReadOnce() {
  if (hands_over_) [[unlikely]] {
    base::Slice piece;
    const IoResult result = transport_->TakeBlock(piece);
    if (result.status != IoStatus::kOk) return OnReadFailed(result);
    bytes_read_ += piece.size();
    return Deliver(std::move(piece));
  }
  base::Block* block = worker_.read_block();
  const IoResult result = transport_->Read({block->data(), block->capacity()});
  if (result.status != IoStatus::kOk) return OnReadFailed(result);
  bytes_read_ += result.bytes;
  // Less than was asked for: nothing is left, and the next byte is a new edge. An end comes without one.
  if (result.bytes < block->capacity() && !hangup_) readable_ = false;
  block->AddReference();
  return Deliver(base::Slice(block, block->data(), result.bytes));
}

bool Connection::OnReadFailed(const IoResult& result) {
  switch (result.status) {
    case IoStatus::kOk:
      break;
    case IoStatus::kWouldBlock:
      readable_ = false;
      return false;
    case IoStatus::kEnd:
      readable_ = false;
      // Every later edge tells of the end again.
      if (!std::exchange(read_ended_, true)) codec_->ReceiveEnd();
      return false;
    case IoStatus::kError:
      RequestClose(CloseReason::kError, result.error, false);
      return false;
  }
  return false;
}

bool Connection::Deliver(base::Slice data) {
  const codec::Connection* const codec = codec_;
  const size_t taken = codec_->Receive(data);
  if (taken == data.size()) return true;
  data.RemovePrefix(taken);
  // What waits must not pin a whole read block for a few bytes.
  rest_ = data.size() < base::Buffer::kShareFrom && rest_.empty() ? base::Slice::Copy(worker_.blocks(), data.view())
                                                                  : std::move(data);
  return taken > 0 || codec_ != codec;
}

void Connection::Discard() {
  rest_ = base::Slice();
  for (int reads = 0; reads < kReadsPerTurn; ++reads) {
    base::Block* block = worker_.read_block();
    const IoResult result = transport_->Read({block->data(), block->capacity()});
    if (result.status == IoStatus::kWouldBlock) return;
    if (result.status != IoStatus::kOk) {
      RequestClose(CloseReason::kFinished, 0, false);
      return;
    }
  }
  worker_.Step(resume_);
}

void Connection::FlushOutput() {
  if (state_ == State::kClosed) return;
  if (close_requested_) {
    FinishClose(close_reason_, close_error_);
    return;
  }
  if (state_ != State::kOpen && state_ != State::kConnecting) return;
  // Also when nothing can be written now: heads that were sent in this turn live only until its end (codec.h).
  codec_->Produce(options_.output_limit);
  if (state_ == State::kConnecting) return;
  while (!write_blocked_ && write_error_ == 0 && !output_.empty() && WriteOutput()) {
    codec_->Produce(options_.output_limit);
  }
  if (close_requested_) {
    FinishClose(close_reason_, close_error_);
    return;
  }
  if (end_output_ && output_.empty() && !half_closed_) {
    half_closed_ = true;
    transport_->ShutdownWrite();
  }
  HandleEnding();
}

bool Connection::WriteOutput() {
  size_t offered = 0;
  IoResult result;
  if (hands_over_) [[unlikely]] {
    offered = output_.size();
    result = transport_->GiveBlocks(output_);
  } else {
    std::array<iovec, kPiecesPerWrite> pieces;
    const size_t count = output_.Peek(pieces);
    for (size_t i = 0; i < count; ++i) offered += pieces[i].iov_len;
    result = transport_->Write({pieces.data(), count});
    if (result.status == IoStatus::kOk) output_.Drain(result.bytes);
  }
  switch (result.status) {
    case IoStatus::kOk:
      bytes_written_ += result.bytes;
      write_blocked_ = result.bytes < offered;
      if (linger_timer_.armed()) worker_.SetTimer(linger_timer_, options_.linger);
      if (output_.size() <= options_.output_limit / 2) codec_->OutputDrained();
      return !write_blocked_;
    case IoStatus::kWouldBlock:
      write_blocked_ = true;
      return false;
    case IoStatus::kEnd:
    case IoStatus::kError:
      // What the peer said before it went, an early answer, may not have been read yet.
      write_error_ = result.error;
      readable_ = hangup_ = true;
      worker_.Step(resume_);
      return false;
  }
  return false;
}

void Connection::HandleEnding() {
  const codec::Ending ending = codec_->ending();
  if (ending == codec::Ending::kOpen) return;
  if (ending == codec::Ending::kAbort) {
    RequestClose(CloseReason::kFinished, 0, true);
  } else if (!output_.empty()) {
    // A peer that reads nothing holds the rest for one linger time after the last byte it took, not for ever.
    if (!linger_timer_.armed()) worker_.SetTimer(linger_timer_, options_.linger);
  } else if (ending == codec::Ending::kClose || read_ended_) {
    RequestClose(CloseReason::kFinished, 0, false);
  } else {
    state_ = State::kLingering;
    if (!half_closed_) transport_->ShutdownWrite();
    half_closed_ = true;
    worker_.SetTimer(linger_timer_, options_.linger);
    worker_.Step(resume_);
  }
}

void Connection::RequestClose(CloseReason reason, int error, bool abort) {
  if (state_ == State::kClosed) return;
  if (abort) transport_->Abort();
  reset_sent_ = reset_sent_ || abort;
  if (close_requested_) return;
  close_requested_ = true;
  close_reason_ = reason;
  close_error_ = error;
  worker_.Flush(flush_);
}

void Connection::FinishClose(CloseReason reason, int error) {
  state_ = State::kClosed;
  linger_timer_.Cancel();
  resume_.Unlink();
  rest_ = base::Slice();
  // What the peer got is not complete, and nothing but a reset may tell it so.
  if (!output_.empty()) {
    transport_->Abort();
    reset_sent_ = true;
  }
  reset_received_ = reason == CloseReason::kError && (error == ECONNRESET || error == EPIPE);
  output_.Clear();
  codec_->Abort(reason == CloseReason::kConnectFailed ? "connect failed" : "connection closed");
  owner_.OnClosed(reason, error);
}

}  // namespace pillion::net
