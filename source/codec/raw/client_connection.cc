#include "source/codec/raw/client_connection.h"

#include <utility>

namespace pillion::codec::raw {

ClientStream& ClientConnection::NewStream(ResponseReceiver& receiver) {
  receiver_ = &receiver;
  meter_.Set(receiver.meter());
  state_ = State::kAsked;
  active_ = true;
  return *this;
}

void ClientConnection::SendHead(const http::RequestHead&, bool end) {
  if (end) EndRequest();
  link_.OutputAdded();  // for Produce()
}

bool ClientConnection::SendData(base::Slice data, bool end) {
  if (receiver_ == nullptr || request_ended_) return true;
  if (meter_) meter_->wire_sent += data.size();
  link_.output().Append(std::move(data));
  link_.OutputAdded();
  if (end) {
    EndRequest();
    return true;
  }
  send_blocked_ = link_.output().size() > output_limit_;
  return !send_blocked_;
}

void ClientConnection::EndRequest() {
  if (receiver_ == nullptr || request_ended_) return;
  request_ended_ = true;
  link_.EndOutput();
  EndIfBothEnded();
}

void ClientConnection::EndIfBothEnded() {
  if (!request_ended_ || !response_ended_) return;
  receiver_ = nullptr;
  Close(Ending::kClose);
}

size_t ClientConnection::Receive(const base::Slice& data) {
  if (meter_ && receiver_ != nullptr) meter_->wire_received += data.size();
  if (receiver_ != nullptr) receiver_->OnData(data.Share(), false);
  return data.size();
}

void ClientConnection::ReceiveEnd() {
  if (receiver_ == nullptr) return;
  response_ended_ = true;
  receiver_->OnData({}, true);
  EndIfBothEnded();
}

void ClientConnection::Abort(std::string_view detail) {
  state_ = State::kOver;
  if (ResponseReceiver* const receiver = std::exchange(receiver_, nullptr)) {
    receiver->OnReset(ResetReason::kConnectionEnd, detail);
  }
  if (std::exchange(active_, false)) events_.OnStreamEnd();
}

void ClientConnection::Produce(size_t) {
  if (state_ == State::kAsked) {
    state_ = State::kOpen;
    base::Arena& arena = receiver_->arena();
    auto* const head = arena.New<http::ResponseHead>(arena);
    head->status = 200;
    link_.ReadingResumed();
    receiver_->OnResponseHead(*head, false);
  }
  // Told before a write, never in a call from a receiver.
  if (state_ == State::kOver && std::exchange(active_, false)) events_.OnStreamEnd();
}

void ClientConnection::OutputDrained() {
  if (!std::exchange(send_blocked_, false)) return;
  if (receiver_ != nullptr && !request_ended_) receiver_->OnSendReady();
}

void ClientConnection::Reset(ResetReason) {
  if (receiver_ == nullptr) return;
  receiver_ = nullptr;
  link_.output().Clear();
  Close(Ending::kAbort);
}

void ClientConnection::ResumeReading() {
  if (!std::exchange(paused_, false)) return;
  link_.ReadingResumed();
}

void ClientConnection::StartDrain() {
  if (!active_) Close(Ending::kClose);
}

void ClientConnection::Close(Ending ending) {
  state_ = State::kOver;
  if (ending_ == Ending::kOpen) ending_ = ending;
  link_.OutputAdded();
}

}  // namespace pillion::codec::raw
