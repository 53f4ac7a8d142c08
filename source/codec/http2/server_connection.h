#pragma once

// The downstream side of HTTP/2: requests come in on streams that the peer opens, answers go out.
// Owned by its downstream connection, on that connection's worker; ends with it.

#include <cstddef>
#include <string_view>

#include "source/codec/codec.h"
#include "source/codec/http2/frame_scanner.h"
#include "source/codec/http2/session.h"
#include "source/codec/http2/stream_history.h"

namespace pillion::codec::http2 {

class IncomingStream;

class ServerConnection final : public codec::ServerConnection, private Session {
 public:
  // All outlive this.
  ServerConnection(Link& link, ServerEvents& events, base::BlockPool& pool, MemoryPool& memory,
                   const Options& options);
  ~ServerConnection() override;

  // codec::Connection
  [[nodiscard]] size_t Receive(const base::Slice& data) override;
  void ReceiveEnd() override { ReceiveFin(); }
  void Abort(std::string_view detail) override { AbortAll(detail); }
  void Produce(size_t budget) override;
  void OutputDrained() override;
  void Ping() override { SubmitPing(); }
  void ForgiveReset() override { floods_.OnStreamEndedWell(); }
  bool wants_read() const override { return !read_blocked_; }
  Ending ending() const override { return EndingNow(); }
  size_t active_streams() const override { return open_streams(); }

  // codec::ServerConnection
  void StartDrain() override;
  void FinishDrain() override;
  size_t ResetStuck() override { return ResetStuckStreams(); }

 private:
  friend class IncomingStream;

  Stream* OnHeadersBegin(const nghttp2_frame& frame) override;
  void OnHeadersEnd(Stream& stream, bool end) override;
  void OnFrame(const nghttp2_frame& frame) override;
  void DestroyStream(Stream& stream) override;
  void OnStreamClosed(int32_t stream_id, bool reset_by_us) override;
  void TellFlood(Flood flood, bool fatal) override { events_.OnFlood(flood, fatal); }
  void TellConnectionError(std::string_view detail) override { events_.OnConnectionError(detail); }

  void SubmitHead(IncomingStream& stream, const http::ResponseHead& head, bool end);

  // Whether a frame may be one that nghttp2 lets pass and we don't: to be seen when what comes before it was taken.
  bool NeedsLook(const FrameHead& head);
  // False: it is, and the connection was ended.
  bool IsAccepted(const FrameHead& head);

  ServerEvents& events_;
  FrameScanner scanner_;
  StreamHistory history_;
  uint32_t continuations_ = 0;
  bool read_blocked_ = false;  // too many answers wait to be taken
  uint32_t open_input_ = 0;  // a stream that takes DATA and trailers for sure; 0: none is known
};

}  // namespace pillion::codec::http2
