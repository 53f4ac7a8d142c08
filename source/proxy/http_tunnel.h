#pragma once

// A tcp_proxy's bytes within one request of HTTP: the codec of the downstream connection, and the receiver of the answer.
//
// | state    | the client is read          | left by                                                               |
// |----------|-----------------------------|-----------------------------------------------------------------------|
// | kIdle    | no                          | Ask(): kAsking, or OnTunnelFailed()                                    |
// | kAsking  | no                          | a 2xx: kOpen; another answer, no stream, a reset: kIdle, OnTunnelFailed() |
// | kOpen    | while upstream has room     | both ends, a reset: kOver                                              |
// | kOver    | no; the connection ends     | -                                                                     |
//
// Owned by its connection's owner, which it outlives the connection with; on its worker.

#include <string>

#include "source/base/arena.h"
#include "source/codec/codec.h"
#include "source/config/tunneling.h"
#include "source/event/worker.h"
#include "source/metadata/annotations.h"
#include "source/telemetry/request_record.h"
#include "source/upstream/pool.h"

namespace pillion::proxy {

class HttpTunnel final : public codec::Connection, private codec::ResponseReceiver, private upstream::PoolWaiter {
 public:
  class Owner {
   public:
    virtual void OnTunnelOpen() = 0;
    // There will be none, before Ask() is called again. May come from within it.
    virtual void OnTunnelFailed(telemetry::ResponseFlag why) = 0;
    // Bytes have come from upstream.
    virtual void OnTunnelActivity() = 0;

   protected:
    ~Owner() = default;
  };

  // All outlive it.
  HttpTunnel(const config::Tunneling& config, Owner& owner, codec::Link& downstream, size_t output_limit,
             event::Worker& worker);
  ~HttpTunnel();

  // `record`: what is known of the connection, for the texts of the configuration.
  void Ask(upstream::Pool& pool, const telemetry::RequestRecord& record);

  const codec::ByteMeter& bytes() const { return meter_; }  // of the requests that were made for it

  // What the answer said, where that is wanted.
  void CopyNotes(base::Arena& arena, metadata::FilterState& to) const;

  // codec::Connection: the client's side.
  size_t Receive(const base::Slice& data) override;
  void ReceiveEnd() override;
  void Abort(std::string_view detail) override;
  void Produce(size_t) override {}
  void OutputDrained() override;
  bool wants_read() const override { return state_ == State::kOpen && !paused_ && !read_ended_; }
  codec::Ending ending() const override;
  size_t active_streams() const override { return stream_ == nullptr ? 0 : 1; }

 private:
  enum class State : uint8_t { kIdle, kAsking, kOpen, kOver };

  // codec::ResponseReceiver: upstream's side.
  base::Arena& arena() override { return arena_; }
  void OnInformational(http::ResponseHead&) override {}
  void OnResponseHead(http::ResponseHead& head, bool end) override;
  void OnData(base::Slice data, bool end) override;
  void OnTrailers(http::HeaderMap& trailers) override;
  void OnReset(codec::ResetReason reason, std::string_view detail) override;
  void OnSendReady() override;
  codec::ByteMeter* meter() override { return &meter_; }

  // upstream::PoolWaiter
  codec::ResponseReceiver& receiver() override { return *this; }
  void OnPoolReady(codec::ClientStream& stream, upstream::PooledConnection& connection) override;
  void OnPoolFailure(upstream::PoolFailure failure, int error) override;

  void MakeHead(bool secure, const telemetry::RequestRecord& record);
  void Open(codec::ClientStream& stream, upstream::PooledConnection& connection);
  void EndWrite();
  void EndIfBothEnded();
  void LetGo();

  const config::Tunneling& config_;
  Owner& owner_;
  codec::Link& downstream_;
  const size_t output_limit_;
  base::Arena arena_;
  http::RequestHead* head_ = nullptr;  // in the arena
  upstream::Pool* pool_ = nullptr;     // that was asked last
  codec::ClientStream* stream_ = nullptr;
  codec::ByteMeter meter_;
  std::string headers_note_;
  std::string trailers_note_;
  State state_ = State::kIdle;
  bool http2_ = false;           // of the connection
  bool paused_ = false;          // upstream has no room
  bool upstream_paused_ = false;  // the client has none
  bool read_ended_ = false;
  bool write_ended_ = false;
  bool broken_ = false;
};

}  // namespace pillion::proxy
