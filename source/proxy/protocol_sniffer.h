#pragma once

// The codec of a connection whose protocol is not known yet: it reads until the bytes are HTTP/2's preface
// (RFC 9113, 3.4) or can't be, and hands all of them to the codec that the events name.

#include <string_view>

#include "source/codec/codec.h"

namespace pillion::proxy {

class ProtocolSniffer final : public codec::Connection {
 public:
  class Events {
   public:
    // Makes the codec, which takes the place of this object on the link. The sniffer is destroyed by this call.
    virtual codec::Connection& OnProtocol(bool http2) = 0;

   protected:
    ~Events() = default;
  };

  ProtocolSniffer(Events& events, base::BlockPool& pool) : events_(events), pool_(pool) {}

  size_t Receive(const base::Slice& data) override;
  void ReceiveEnd() override { ended_ = true; }
  void Abort(std::string_view) override { ended_ = true; }
  void Produce(size_t) override {}
  void OutputDrained() override {}
  bool wants_read() const override { return !ended_; }
  codec::Ending ending() const override { return ended_ ? codec::Ending::kClose : codec::Ending::kOpen; }
  size_t active_streams() const override { return 0; }

 private:
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

  Events& events_;
  base::BlockPool& pool_;
  size_t matched_ = 0;  // bytes of the preface that came already
  bool ended_ = false;
};

}  // namespace pillion::proxy
