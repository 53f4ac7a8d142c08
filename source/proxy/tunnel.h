#pragma once

// Two connections whose bytes go to each other as they are: the codecs of a TCP proxy. Each end reads only while the
// other has room to write, and a half-close of one is a half-close of the other.
//
// | end      | reads                                         | ends its connection                             |
// |----------|-----------------------------------------------|-------------------------------------------------|
// | alone    | no: there is no other end yet                  | -                                               |
// | joined   | while the other's output is below the limit    | when both directions have ended                 |
// | broken   | no                                             | at once, by a reset: the other was cut short    |

#include "source/codec/codec.h"

namespace pillion::proxy {

class TunnelEnd final : public codec::Connection {
 public:
  TunnelEnd(codec::Link& link, size_t output_limit) : link_(link), output_limit_(output_limit) {}

  // From now on what one reads the other writes. Both live until both connections have closed.
  void Join(TunnelEnd& other);

  // The other connection has closed: what it still wanted to say will not come.
  void OnOtherClosed(bool in_order);

  // codec::Connection
  size_t Receive(const base::Slice& data) override;
  void ReceiveEnd() override;
  void Abort(std::string_view) override { other_ = nullptr; }
  void Produce(size_t) override {}
  void OutputDrained() override;
  bool wants_read() const override { return other_ != nullptr && !paused_ && !read_ended_; }
  codec::Ending ending() const override;
  size_t active_streams() const override { return other_ == nullptr ? 0 : 1; }

  // This connection's peer has ended what it sends when we had ended what we send: the connection's end was its.
  bool peer_ended_last() const { return peer_ended_last_; }

  uint64_t pauses() const { return pauses_; }

 private:
  codec::Link& link_;
  const size_t output_limit_;
  TunnelEnd* other_ = nullptr;
  uint64_t pauses_ = 0;
  bool paused_ = false;       // the other end's output is over the limit
  bool read_ended_ = false;
  bool write_ended_ = false;
  bool broken_ = false;
  bool peer_ended_last_ = false;
};

}  // namespace pillion::proxy
