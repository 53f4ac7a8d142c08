#pragma once

// The upstream side of HTTP/2: requests go out on streams that we open, answers come in.
// Owned by its pool's connection, on that connection's worker; ends with it.

#include <cstddef>
#include <string_view>

#include "source/codec/codec.h"
#include "source/codec/http2/session.h"

namespace pillion::codec::http2 {

class OutgoingStream;

class ClientConnection final : public codec::ClientConnection, private Session {
 public:
  // All outlive this. options.max_concurrent_streams bounds what is opened, beside what the peer allows.
  ClientConnection(Link& link, ClientEvents& events, base::BlockPool& pool, MemoryPool& memory,
                   const Options& options);
  ~ClientConnection() override;

  // codec::Connection
  [[nodiscard]] size_t Receive(const base::Slice& data) override;
  void ReceiveEnd() override;
  void Abort(std::string_view detail) override { AbortAll(detail); }
  void Produce(size_t budget) override;
  void OutputDrained() override { ResumeOutput(); }
  void Ping() override { SubmitPing(); }
  bool wants_read() const override { return true; }
  Ending ending() const override { return EndingNow(); }
  size_t active_streams() const override { return open_streams(); }

  // codec::ClientConnection
  ClientStream& NewStream(ResponseReceiver& receiver) override;
  size_t capacity() const override;
  bool reusable() const override;
  void StartDrain() override;

 private:
  friend class OutgoingStream;

  Stream* OnHeadersBegin(const nghttp2_frame& frame) override;
  void OnHeadersEnd(Stream& stream, bool end) override;
  void OnFrame(const nghttp2_frame& frame) override;
  void DestroyStream(Stream& stream) override;
  void OnStreamClosed(int32_t, bool) override { events_.OnStreamEnd(); }
  void TellFlood(Flood flood, bool fatal) override { events_.OnFlood(flood, fatal); }
  void TellConnectionError(std::string_view detail) override { events_.OnConnectionError(detail); }

  void RefuseUnsent();
  void SubmitHead(OutgoingStream& stream, const http::RequestHead& head, bool end);

  ClientEvents& events_;
};

}  // namespace pillion::codec::http2
