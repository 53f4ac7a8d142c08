#pragma once

// One connection: a transport below, a codec above, and between them what both need: bytes that were read and not
// taken yet, output that waits to be written, and an orderly end.
//
//   transport --Read--> (rest_) --Receive--> codec --output()--> output_ --Write--> transport
//
// | state      | reads                         | writes                   | left by                                   |
// |------------|-------------------------------|--------------------------|-------------------------------------------|
// | connecting | no                            | no                       | writable: open or closed                  |
// | open       | while the codec wants it      | what the codec produces  | codec's ending(), error, both ends: below |
// | lingering  | and discards                  | no, half-closed          | the peer's end, the timer                 |
// | closed     | no                            | no                       | -                                         |
//
// Who stops reading: the codec, by wants_read(); its receivers do that when what they send to is over its watermark.
// Owned by its owner (downstream connection, pool); single-threaded; ended by Worker::Dispose of the owner, never
// within a call from here.

#include <memory>
#include <string_view>

#include "source/base/buffer.h"
#include "source/base/timer_wheel.h"
#include "source/codec/codec.h"
#include "source/event/worker.h"
#include "source/net/transport.h"

namespace pillion::net {

enum class CloseReason : uint8_t {
  kFinished,       // the codec was done
  kPeerClosed,     // the peer ended it while nothing was in flight
  kError,          // the transport failed; errno is given
  kConnectFailed,  // errno is given
  kLocal,          // Close() or Abort() was called
};

class ConnectionOwner {
 public:
  // A connect that Start() began has ended well. Not told for accepted connections.
  virtual void OnConnected() = 0;
  // The last call. The codec has been told by Abort(). The owner may Dispose() itself and this now.
  virtual void OnClosed(CloseReason reason, int error) = 0;
  // After the codec has taken bytes or an end: something may have become idle, or ready to end.
  virtual void OnActivity() = 0;

 protected:
  ~ConnectionOwner() = default;
};

struct ConnectionOptions {
  // Output above which the codec is asked for no more data, and below half of which it may send again. Bytes.
  size_t output_limit = 256 * 1024;
  // How long a closing connection waits for the peer's end.
  base::Duration linger = std::chrono::seconds(1);
};

class Connection final : public codec::Link, private TransportEvents {
 public:
  Connection(event::Worker& worker, std::unique_ptr<Transport> transport, ConnectionOwner& owner,
             const ConnectionOptions& options);
  ~Connection();

  // Before Start(); the codec is owned by the owner and outlives the last event. May be replaced from within the
  // codec's Receive() (sniffing): the bytes that it did not take go to the new one.
  void set_codec(codec::Connection& codec) { codec_ = &codec; }

  // Before Start(): what others have read of it, and whether there may be more to read, and an end behind that.
  void Resume(base::Slice preread, bool readable, bool hangup);

  // Begins to connect (`connecting`), or to read. May call the owner's OnClosed() in the next turn, never at once.
  void Start(bool connecting);

  // codec::Link
  base::Buffer& output() override { return output_; }
  void OutputAdded() override { worker_.Flush(flush_); }
  void ReadingResumed() override { worker_.Step(resume_); }
  void EndOutput() override {
    end_output_ = true;
    worker_.Flush(flush_);
  }

  // Looks at the codec's ending() again in this turn: for an owner that changed the codec's mind from outside.
  void Reconsider() { worker_.Flush(flush_); }

  // Ends the connection in this turn without waiting for anything; output that was not written is lost.
  void Close() { RequestClose(CloseReason::kLocal, 0, false); }
  void Abort() { RequestClose(CloseReason::kLocal, 0, true); }

  Transport& transport() { return *transport_; }
  bool closed() const { return state_ == State::kClosed; }
  // How it ended, in Envoy's words: "Normal", "LocalReset", "RemoteReset". Static.
  std::string_view close_type() const {
    return reset_received_ ? "RemoteReset" : reset_sent_ ? "LocalReset" : "Normal";
  }
  // The peer did not end its side within the time that a closing connection waits for that.
  bool linger_expired() const { return linger_expired_; }
  // Closed, or about to be in this turn: it failed, or Close() or Abort() was called.
  bool closing() const { return close_requested_ || closed(); }
  bool connecting() const { return state_ == State::kConnecting; }
  // The peer has half-closed.
  bool read_ended() const { return read_ended_; }
  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t bytes_written() const { return bytes_written_; }

 private:
  enum class State : uint8_t { kConnecting, kOpen, kLingering, kClosed };

  void OnTransportReady(event::Readiness readiness) override;
  void OnConnectEnded();
  void ReadWhileWanted();
  // Reads once; false when there is nothing more to read now.
  bool ReadOnce();
  bool OnReadFailed(const IoResult& result);
  bool Deliver(base::Slice data);
  void Discard();
  void FlushOutput();
  bool WriteOutput();
  void HandleEnding();
  void RequestClose(CloseReason reason, int error, bool abort);
  void FinishClose(CloseReason reason, int error);

  event::Worker& worker_;
  std::unique_ptr<Transport> transport_;
  ConnectionOwner& owner_;
  const ConnectionOptions options_;
  codec::Connection* codec_ = nullptr;

  base::Buffer output_;
  base::Slice rest_;  // read, not taken by the codec yet
  event::Task flush_;
  event::Task resume_;
  base::Timer linger_timer_;

  State state_ = State::kOpen;
  const bool hands_over_;       // the transport takes and gives blocks
  bool readable_ = false;       // the transport may have bytes
  bool hangup_ = false;         // a short read does not mean that nothing is left
  bool write_blocked_ = false;  // until the transport is writable
  bool read_ended_ = false;
  bool end_output_ = false;     // half-close behind output_
  bool half_closed_ = false;
  bool close_requested_ = false;
  bool reset_sent_ = false;
  bool reset_received_ = false;
  bool linger_expired_ = false;
  CloseReason close_reason_ = CloseReason::kLocal;
  int close_error_ = 0;
  int write_error_ = 0;  // nothing more is written; what can still be read comes before the end
  uint64_t bytes_read_ = 0;
  uint64_t bytes_written_ = 0;
};

}  // namespace pillion::net
