#include "source/upstream/pooled_connection.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "source/config/priority.h"
#include "source/tls/facts.h"
#include "source/upstream/cluster.h"

namespace pillion::upstream {
namespace {

uint64_t Milliseconds(base::Duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// Streams that a new connection may be expected to take, before its peer has said anything.
uint64_t AssumedCapacity(const config::UpstreamHttp& http, Protocol protocol) {
  if (protocol != Protocol::kHttp2) return 1;
  const uint64_t streams = std::max<uint32_t>(http.http2.max_concurrent_streams, 1);
  const uint32_t requests = http.options.max_requests_per_connection;
  return requests == 0 ? streams : std::min<uint64_t>(streams, requests);
}

}  // namespace

uint64_t NextConnectionId() {
  static std::atomic<uint64_t> next = 1;
  return next.fetch_add(1, std::memory_order_relaxed);
}

PooledConnection::PooledConnection(Pool& pool, config::Priority priority)
    : pool_(pool),
      cluster_(pool.cluster()),
      worker_(cluster_.worker()),
      protocol_(pool.protocol()),
      priority_(priority),
      id_(NextConnectionId()),
      begun_(worker_.now()),
      connection_(worker_, cluster_.Connect(*pool.host(), pool.needs(), protocol_), *this,
                  {.output_limit = OutputLimit(cluster_.config())}),
      codec_(cluster_.codecs().Make(protocol_ == Protocol::kAuto ? Protocol::kHttp1 : protocol_, connection_, *this)),
      connect_timer_(this, [](void* self) { static_cast<PooledConnection*>(self)->OnConnectTimeout(); }),
      idle_timer_(this, [](void* self) { static_cast<PooledConnection*>(self)->OnIdle(); }),
      age_timer_(this, [](void* self) { static_cast<PooledConnection*>(self)->OnTooOld(); }),
      end_(this, [](void* self) { static_cast<PooledConnection*>(self)->EndWhenIdle(); }),
      assumed_capacity_(AssumedCapacity(cluster_.config().http, protocol_ == Protocol::kAuto ? pool.agreed_ : protocol_)) {
  ClusterStats& stats = cluster_.stats();
  stats.upstream_cx_total.Increment();
  stats.upstream_cx_active.Increment();
  CountProtocol();
  pool_.figures_.Add(HostFigures::kCxTotal);
  pool_.figures_.Add(HostFigures::kCxActive);
  worker_.SetTimer(connect_timer_, cluster_.config().connect_timeout);
  connection_.set_codec(*codec_);
  connection_.Start(true);
}

PooledConnection::~PooledConnection() {
  if (state_ != State::kEnded) GiveBack();
}

bool PooledConnection::usable() const {
  return state_ == State::kOpen && !connection_.closing() && codec_->reusable() && codec_->capacity() > 0;
}

codec::ClientStream& PooledConnection::NewStream(codec::ResponseReceiver& receiver) {
  ++requests_;
  if (keepalive_ && codec_->active_streams() == 0) keepalive_->OnUse(idle_since_);
  codec::ClientStream& stream = codec_->NewStream(receiver);
  if (requests_ == cluster_.config().http.options.max_requests_per_connection) {
    cluster_.stats().upstream_cx_max_requests.Increment();
    Retire();
  }
  return stream;
}

void PooledConnection::Retire() {
  if (state_ != State::kOpen) return;
  state_ = State::kRetiring;
  pool_.OnRetired(*this);
  worker_.Step(end_);
}

void PooledConnection::Withdraw(base::Duration drain_time) {
  if (withdrawn_ || (state_ != State::kOpen && state_ != State::kRetiring)) return;
  withdrawn_ = true;
  Retire();
  worker_.SetTimer(age_timer_, drain_time);
}

void PooledConnection::CountProtocol() {
  if (protocol_ == Protocol::kHttp1) cluster_.stats().upstream_cx_http1_total.Increment();
  if (protocol_ == Protocol::kHttp2) cluster_.stats().upstream_cx_http2_total.Increment();
}

void PooledConnection::NoteOtherAddress() {
  const net::Address& remote = connection_.transport().remote_address();
  if (remote != pool_.host()->address()) remote_text_ = remote.text();
}

// TLS has agreed on a protocol; without one it is HTTP/1.
void PooledConnection::Agree() {
  const std::shared_ptr<tls::Facts> facts = tls();
  protocol_ = pool_.agreed_ = facts != nullptr && facts->alpn() == "h2" ? Protocol::kHttp2 : Protocol::kHttp1;
  CountProtocol();
  if (protocol_ == Protocol::kHttp1) return;
  codec_ = cluster_.codecs().Make(protocol_, connection_, *this);
  connection_.set_codec(*codec_);
}

void PooledConnection::OnConnected() {
  if (protocol_ == Protocol::kAuto) Agree();
  state_ = State::kOpen;
  connect_timer_.Cancel();
  connected_ = idle_since_ = worker_.now();
  connect_duration_ = connected_ - begun_;
  cluster_.stats().upstream_cx_connect_ms.Record(Milliseconds(connect_duration_));
  const config::HttpOptions& options = cluster_.config().http.options;
  if (options.idle_timeout > base::Duration::zero()) worker_.SetTimer(idle_timer_, options.idle_timeout);
  if (options.max_connection_duration > base::Duration::zero()) {
    worker_.SetTimer(age_timer_, options.max_connection_duration);
  }
  StartKeepalive();
  pool_.OnConnected(*this);
}

void PooledConnection::OnClosed(net::CloseReason reason, int error) {
  ClusterStats& stats = cluster_.stats();
  const State before = state_;
  state_ = State::kEnded;
  CountBytes();
  CountEnd(reason);
  GiveBack();
  if (before == State::kConnecting) {
    stats.upstream_cx_connect_fail.Increment();
    if (connect_timed_out_) stats.upstream_cx_connect_timeout.Increment();
    pool_.figures_.Add(HostFigures::kCxConnectFail);
    pool_.failure_text_ = connect_timed_out_ ? std::string_view() : connection_.transport().failure();
    pool_.OnConnectFailed(*this, connect_timed_out_ ? PoolFailure::kConnectTimeout : PoolFailure::kConnectFailed,
                          error);
  }
  stats.upstream_cx_length_ms.Record(Milliseconds(worker_.now() - begun_));
  if (before != State::kRetiring) --pool_.serving_;
  pool_.OnEnded(*this);
  connect_timer_.Cancel();
  idle_timer_.Cancel();
  age_timer_.Cancel();
  end_.Unlink();
  keepalive_.reset();
  worker_.Dispose(*this);
}

void PooledConnection::OnStreamEnd() {
  // A stream that ends with its connection was cut off.
  if (connection_.closed() || connection_.read_ended()) cut_streams_ = true;
  idle_since_ = worker_.now();
  const base::Duration idle = cluster_.config().http.options.idle_timeout;
  if (idle > base::Duration::zero()) worker_.SetTimer(idle_timer_, idle);
  if (state_ == State::kRetiring) worker_.Step(end_);
  OnCapacityChanged();
}

void PooledConnection::OnCapacityChanged() {
  if (state_ != State::kOpen) return;
  if (codec_->reusable()) {
    pool_.Place(*this);
  } else {
    Retire();
  }
}

void PooledConnection::OnFlood(codec::Flood flood, bool fatal) {
  if (fatal) cluster_.stats().floods[static_cast<size_t>(flood)]->Increment();
}

void PooledConnection::OnConnectionError(std::string_view) {
  cluster_.stats().upstream_cx_protocol_error.Increment();
}

void PooledConnection::OnCloseNotified() {
  if (!std::exchange(close_notified_, true)) cluster_.stats().upstream_cx_close_notify.Increment();
}

void PooledConnection::OnConnectTimeout() {
  connect_timed_out_ = true;
  connection_.Abort();
}

void PooledConnection::OnIdle() {
  // While streams are open the timer is old; the last one's end sets it again.
  if (state_ != State::kOpen || codec_->active_streams() > 0) return;
  cluster_.stats().upstream_cx_idle_timeout.Increment();
  Retire();
}

void PooledConnection::OnTooOld() {
  if (withdrawn_) return connection_.Close();
  if (state_ != State::kOpen) return;
  cluster_.stats().upstream_cx_max_duration_reached.Increment();
  Retire();
}

void PooledConnection::StartKeepalive() {
  const std::optional<config::KeepaliveOptions>& options = cluster_.config().http.http2.keepalive;
  if (protocol() != Protocol::kHttp2 || !options) return;
  keepalive_.emplace(worker_, connection_, *codec_, cluster_.random(),
                     net::KeepaliveTimes{.interval = options->interval,
                                         .timeout = options->timeout,
                                         .jitter_percent = options->interval_jitter_percent,
                                         .idle_interval = options->connection_idle_interval},
                     [this] { OnDead(); });
}

void PooledConnection::OnDead() {
  cluster_.stats().http2_keepalive_timeout.Increment();
  connection_.Close();
}

void PooledConnection::EndWhenIdle() {
  if (state_ != State::kRetiring || codec_->active_streams() > 0) return;
  codec_->StartDrain();
  connection_.Reconsider();
}

void PooledConnection::CountBytes() {
  ClusterStats& stats = cluster_.stats();
  const uint64_t read = connection_.bytes_read();
  const uint64_t written = connection_.bytes_written();
  stats.upstream_cx_rx_bytes_total.Add(read - counted_read_);
  stats.upstream_cx_tx_bytes_total.Add(written - counted_written_);
  counted_read_ = read;
  counted_written_ = written;
}

void PooledConnection::CountEnd(net::CloseReason reason) {
  ClusterStats& stats = cluster_.stats();
  const bool local = reason == net::CloseReason::kLocal ||
                     (reason == net::CloseReason::kFinished && !connection_.read_ended());
  stats.upstream_cx_destroy.Increment();
  (local ? stats.upstream_cx_destroy_local : stats.upstream_cx_destroy_remote).Increment();
  // A codec may let go of its streams without a word when the connection has ended.
  if (!cut_streams_ && codec_->active_streams() == 0) return;
  stats.upstream_cx_destroy_with_active_rq.Increment();
  (local ? stats.upstream_cx_destroy_local_with_active_rq : stats.upstream_cx_destroy_remote_with_active_rq)
      .Increment();
}

void PooledConnection::GiveBack() {
  cluster_.stats().upstream_cx_active.Decrement();
  pool_.figures_.Add(HostFigures::kCxActive, -1);
  cluster_.breakers(priority_).connections.Give();
}

}  // namespace pillion::upstream
