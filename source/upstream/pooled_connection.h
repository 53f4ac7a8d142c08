#pragma once

// One connection of a pool: transport and codec, its timers, and what is counted of it.
//
// | state       | meaning                                             | left by                                          |
// |-------------|-----------------------------------------------------|--------------------------------------------------|
// | kConnecting | the connect has begun                               | its end: kOpen, or kEnded after failure or timeout |
// | kOpen       | takes streams while the codec has capacity          | idle or age limit, requests limit, drain: kRetiring; end of the connection: kEnded |
// | kRetiring   | no new streams; ends gracefully behind the last one | end of the connection: kEnded                    |
// | kEnded      | disposed at the end of the turn                     | -                                                |
//
// Owned by its pool until it ends, then by the worker's turn. Never calls a request at once: what becomes free is
// given to those that wait in the pool's next step.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "source/base/timer_wheel.h"
#include "source/codec/codec.h"
#include "source/config/priority.h"
#include "source/event/worker.h"
#include "source/net/connection.h"
#include "source/net/keepalive.h"
#include "source/upstream/pool.h"

namespace pillion::upstream {

// The next connection's, unique in the process. Any thread.
uint64_t NextConnectionId();

class PooledConnection final : public base::ListNode<PooledConnectionTag>,
                               private event::Deferred,
                               private net::ConnectionOwner,
                               private codec::ClientEvents {
 public:
  // Takes over one connection of the breaker of `priority`, which it gives back in the end. The connect begins.
  PooledConnection(Pool& pool, config::Priority priority);
  ~PooledConnection();

  Host& host() { return *pool_.host(); }
  Protocol protocol() const { return protocol_; }  // kAuto until TLS has agreed on one
  std::shared_ptr<tls::Facts> tls() { return connection_.transport().tls(); }
  // What TLS says of why the connection ended; empty: nothing.
  std::string_view transport_failure() { return connection_.transport().failure(); }
  // By which look at identities it was looked at last.
  uint32_t checked() const { return checked_; }
  void set_checked(uint32_t check) { checked_ = check; }
  const net::Address& local_address() { return connection_.transport().local_address(); }
  // Its text; made when first asked for.
  const std::string& local_text() {
    if (local_text_.empty()) local_text_ = local_address().text();
    return local_text_;
  }
  // The peer's, where it is another one than the first of the host; else empty.
  const std::string& other_remote_text() {
    if (remote_text_.empty() && pool_.host()->has_several_addresses()) [[unlikely]] NoteOtherAddress();
    return remote_text_;
  }
  uint64_t id() const { return id_; }  // unique in the process
  // Streams that were opened on it before the last one: 0 while the first is open. A request that failed without an
  // answer on a connection that had served others may have met the end of an idle connection.
  uint64_t requests_served() const { return requests_ == 0 ? 0 : requests_ - 1; }
  base::Duration connect_duration() const { return connect_duration_; }
  base::MonotonicTime begun() const { return begun_; }
  base::MonotonicTime connected() const { return connected_; }  // with its handshake

 private:
  friend class Pool;
  enum class State : uint8_t { kConnecting, kOpen, kRetiring, kEnded };

  // For the pool.
  using base::ListNode<PooledConnectionTag>::Unlink;
  bool usable() const;  // takes another stream now
  uint64_t capacity() const { return usable() ? codec_->capacity() : 0; }
  uint64_t assumed_capacity() const { return assumed_capacity_; }  // streams it will take once it is open
  codec::ClientStream& NewStream(codec::ResponseReceiver& receiver);
  void Retire();
  // As Retire(), and what is still on it after `drain_time` is cut off: its certificates are good no more.
  void Withdraw(base::Duration drain_time);

  // net::ConnectionOwner
  void OnConnected() override;
  void OnClosed(net::CloseReason reason, int error) override;
  void OnActivity() override { CountBytes(); }

  // codec::ClientEvents
  void OnStreamEnd() override;
  void OnCapacityChanged() override;
  void OnFlood(codec::Flood flood, bool fatal) override;
  void OnConnectionError(std::string_view detail) override;
  void OnCloseNotified() override;

  // event::Deferred
  void Dispose() override { delete this; }

  void NoteOtherAddress();
  void Agree();
  void CountProtocol();
  void OnConnectTimeout();
  void OnIdle();
  void OnTooOld();
  void StartKeepalive();
  void OnDead();
  void EndWhenIdle();
  void CountBytes();
  void CountEnd(net::CloseReason reason);
  void GiveBack();

  Pool& pool_;
  ClusterShard& cluster_;
  event::Worker& worker_;
  Protocol protocol_;
  const config::Priority priority_;
  const uint64_t id_;
  const base::MonotonicTime begun_;
  base::MonotonicTime connected_{};
  base::MonotonicTime idle_since_{};
  std::string local_text_;
  std::string remote_text_;  // empty: that of the host
  base::Duration connect_duration_{};
  net::Connection connection_;
  std::unique_ptr<codec::ClientConnection> codec_;
  std::optional<net::Keepalive> keepalive_;  // HTTP/2 only, where it is configured
  base::Timer connect_timer_;
  base::Timer idle_timer_;
  base::Timer age_timer_;  // when it is withdrawn: its end
  event::Task end_;

  State state_ = State::kConnecting;
  bool connect_timed_out_ = false;
  bool withdrawn_ = false;
  bool close_notified_ = false;
  bool cut_streams_ = false;  // streams were open when the connection ended
  uint64_t assumed_capacity_ = 1;
  uint64_t requests_ = 0;
  uint32_t checked_ = 0;
  uint64_t counted_read_ = 0;
  uint64_t counted_written_ = 0;
};

}  // namespace pillion::upstream
