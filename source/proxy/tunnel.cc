#include "source/proxy/tunnel.h"

namespace pillion::proxy {

void TunnelEnd::Join(TunnelEnd& other) {
  other_ = &other;
  other.other_ = this;
  link_.ReadingResumed();
  other.link_.ReadingResumed();
}

void TunnelEnd::OnOtherClosed(bool in_order) {
  other_ = nullptr;
  if (write_ended_ && read_ended_) return;
  if (in_order && !write_ended_) {
    write_ended_ = true;
    link_.EndOutput();
  }
  read_ended_ = true;  // nobody to give it to
  broken_ = !in_order;
  link_.OutputAdded();
}

size_t TunnelEnd::Receive(const base::Slice& data) {
  base::Buffer& output = other_->link_.output();
  output.Append(data.Share());
  other_->link_.OutputAdded();
  if (output.size() >= output_limit_) {
    paused_ = true;
    ++pauses_;
  }
  return data.size();
}

void TunnelEnd::ReceiveEnd() {
  read_ended_ = true;
  peer_ended_last_ = write_ended_;
  if (other_ == nullptr || other_->write_ended_) return;
  other_->write_ended_ = true;
  other_->link_.EndOutput();
  link_.OutputAdded();
}

void TunnelEnd::OutputDrained() {
  if (other_ == nullptr || !other_->paused_) return;
  other_->paused_ = false;
  other_->link_.ReadingResumed();
}

codec::Ending TunnelEnd::ending() const {
  if (broken_) return codec::Ending::kAbort;
  return read_ended_ && write_ended_ ? codec::Ending::kClose : codec::Ending::kOpen;
}

}  // namespace pillion::proxy
