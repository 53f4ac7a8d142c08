#include "source/net/proxy_head_transport.h"

namespace pillion::net {

int ProxyHeadTransport::Start(TransportEvents& events) {
  events_ = &events;
  TransportEvents& own = *this;
  return below_->Start(own);
}

void ProxyHeadTransport::OnTransportReady(event::Readiness readiness) {
  if (readiness.writable && !connected_ && connect_error_ == 0) {
    connect_error_ = below_->connect_error();
    connected_ = connect_error_ == 0;
    if (connected_ && head_.empty()) {
      head_ = ProxyHeadOfOwn(version_, below_->local_address(), below_->remote_address());
    }
  }
  // What fails fails again in the next call from above, which can tell.
  if (readiness.writable && connected_) (void)SendHead();
  events_->OnTransportReady(readiness);
}

IoResult ProxyHeadTransport::SendHead() {
  while (sent_ < head_.size()) {
    const iovec rest{head_.data() + sent_, head_.size() - sent_};
    const IoResult result = below_->Write({&rest, 1});
    if (result.status != IoStatus::kOk) return result;
    sent_ += result.bytes;
  }
  return {IoStatus::kOk};
}

IoResult ProxyHeadTransport::Write(std::span<const iovec> from) {
  const IoResult head = SendHead();
  return head.status == IoStatus::kOk ? below_->Write(from) : head;
}

}  // namespace pillion::net
