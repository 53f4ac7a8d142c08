#pragma once

// One attempt to have a request answered by an upstream host: choosing the host, waiting for a stream to it, sending,
// receiving.
//
// | state    | meaning                              | left by                                                 |
// |----------|--------------------------------------|---------------------------------------------------------|
// | kIdle    | Start() was not called               | Start()                                                 |
// | kWaiting | queued at a pool                     | a stream: kOpen; a failure: kOver; Cancel(): kOver       |
// | kOpen    | the head was sent                    | both ends, a reset, Cancel(): kOver                     |
// | kOver    | nothing more comes                   | -                                                       |
//
// Owned by its stream, in whose arena it lives. Tells the stream of what comes, never from inside Start() or a send,
// except that Start() may fail at once (its result says so).

#include <optional>
#include <string_view>

#include "source/base/timer_wheel.h"
#include "source/codec/codec.h"
#include "source/config/route.h"
#include "source/proxy/retry.h"
#include "source/telemetry/request_record.h"
#include "source/upstream/cluster.h"
#include "source/upstream/pooled_connection.h"

namespace pillion::proxy {

class Stream;

// What the client gets when there is no answer from upstream.
struct UpstreamFailure {
  int status;
  std::string_view body;
  telemetry::ResponseFlag flag;
  std::string_view details;  // in the stream's arena, or static
  AttemptEnd end;
  bool stale_connection = false;  // it had served others before, and not a byte came in answer
  bool overloaded = false;   // x-envoy-overloaded
};

// What TLS asks for where the request says it (auto_sni); else empty.
std::string_view WantedServerName(const config::Cluster& cluster, const http::RequestHead& head);

// What a host of `cluster` is spoken to with, for a request of `downstream`.
upstream::Protocol UpstreamProtocol(const config::Cluster& cluster, http::Version downstream);

// What an answer says of its host, in terms of HTTP: of gRPC, the status that stands in the head. Where `cluster`, which has
// the host, says itself what an error is: 200, or 500 and above.
int OutlierStatus(const config::Cluster& cluster, const http::RequestHead& request, const http::ResponseHead& response);

class UpstreamRequest final : public codec::ResponseReceiver, private upstream::PoolWaiter {
 public:
  // `number` of this attempt, from 1. `earlier`: the attempt before it, or null.
  UpstreamRequest(Stream& stream, upstream::ClusterShard& cluster, config::Priority priority, uint32_t number,
                  UpstreamRequest* earlier);
  ~UpstreamRequest();

  enum class Timeout : uint8_t { kRequest, kTry, kTryIdle, kDuration };

  // `end`: the request has no body. A failure means that the request is over.
  [[nodiscard]] std::optional<UpstreamFailure> Start(bool end);

  // After OnUpstreamOpen(). False: stop until OnUpstreamSendReady().
  [[nodiscard]] bool SendData(base::Slice data, bool end);
  void SendTrailers(const http::HeaderMap& trailers);
  void PauseReading();
  void ResumeReading();

  // Gives up; the stream hears nothing more.
  void Cancel();
  // As Cancel(), because of a timeout: counted against cluster and host.
  void CancelForTimeout(Timeout timeout);

  // It is late. Hosts are told of that once.
  void TellLate();
  // Late, and another attempt is made beside it; it ends at `deadline` at the latest, by the cluster's bound; 0: none.
  void SetHedged(base::MonotonicTime deadline) {
    hedged_ = true;
    duration_deadline_ = deadline;
  }
  bool hedged() const { return hedged_; }
  base::MonotonicTime duration_deadline() const { return duration_deadline_; }
  // Its answer is not taken.
  void CountError();
  // The request is over with its answer, or for want of one in time.
  void TrackWhole();

  // What the access log says of it, and of all attempts, of which `newest` is the last.
  void Describe(UpstreamRequest& newest, telemetry::RequestRecord& record);
  // Of these the bytes alone; from this one back.
  void DescribeBytes(telemetry::RequestRecord& record) const;

  bool is_open() const { return state_ == State::kOpen; }
  bool is_over() const { return state_ == State::kOver; }
  bool request_ended() const { return request_ended_; }  // sent to its end

  UpstreamRequest* earlier() const { return earlier_; }
  uint32_t number() const { return number_; }
  upstream::ClusterShard& cluster() { return *cluster_; }
  const upstream::ClusterShard& cluster() const { return *cluster_; }
  const upstream::Host* host() const { return host_; }
  // It ended, but not for what its host is to blame: a connection that went idle, say.
  void Excuse() { excused_ = true; }
  bool excused() const { return excused_; }
  upstream::LaneOutcome lane_outcome() const { return lane_outcome_; }
  uint32_t level() const { return level_; }  // the host's priority among all that there were
  upstream::PooledConnection* connection() { return connection_; }  // null until open
  base::MonotonicTime head_sent() const { return head_sent_; }

 private:
  enum class State : uint8_t { kIdle, kWaiting, kOpen, kOver };

  // codec::ResponseReceiver
  base::Arena& arena() override;
  void OnInformational(http::ResponseHead& head) override;
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

  void Open(codec::ClientStream& stream, upstream::PooledConnection& connection);
  std::string_view ResetText(std::string_view reason);
  UpstreamFailure FailureOf(upstream::PoolFailure failure, int error);
  UpstreamFailure FailureOf(codec::ResetReason reason, std::string_view detail);
  void SentEnd();
  void ReceivedEnd();
  // What the host says of its load, where its weight is made of that (upstream_request_tracking.cc).
  void ReadLoad(const http::HeaderMap& fields);
  // What its clusters track (upstream_request_tracking.cc): of the answer's head; and once, when it is over, of all.
  void TrackHead(const http::ResponseHead& head);
  void Track();
  void EndOfBoth();
  void CountResponse(int status);
  void TellOutlierMonitor(const http::ResponseHead& head);
  void TellOutlierMonitor(int status_of_no_answer);

  Stream& stream_;
  const event::Kept<upstream::ClusterShard> cluster_;  // of the route
  event::Kept<upstream::ClusterShard> serving_;        // that has the host: another one where that is an aggregate
  const uint32_t number_;
  UpstreamRequest* const earlier_;
  upstream::Host* host_ = nullptr;  // kept by the pool, which is kept by this as its waiter
  uint32_t level_ = 0;
  upstream::LaneOutcome lane_outcome_;
  upstream::Pool* pool_ = nullptr;
  codec::ClientStream* upstream_ = nullptr;  // while kOpen
  upstream::PooledConnection* connection_ = nullptr;
  codec::ByteMeter meter_;
  std::string_view local_address_;  // in the arena; only where somebody logs
  std::string_view other_remote_address_;  // the same; empty: that of the host
  uint64_t connection_id_ = 0;
  telemetry::AttemptedHost attempted_;
  std::string_view transport_failure_;  // why no connection came about, or it ended
  base::MonotonicTime connect_began_{};  // of the connection
  base::MonotonicTime connect_ended_{};
  base::MonotonicTime began_{};
  base::MonotonicTime head_sent_{};
  base::MonotonicTime request_sent_{};
  base::MonotonicTime response_began_{};
  base::MonotonicTime body_began_{};
  base::MonotonicTime response_got_{};
  base::MonotonicTime duration_deadline_{};  // once it is hedged
  State state_ = State::kIdle;
  bool served_others_ = false;   // the connection, before this request
  bool excused_ = false;
  bool hedged_ = false;
  bool told_late_ = false;
  bool tracked_ = false;
  bool head_ends_ = false;       // the request has no body
  bool request_ended_ = false;   // sent
  bool response_ended_ = false;  // received
  bool http2_ = false;           // of the connection
  bool raw_ = false;             // that carries what follows a CONNECT
  // Bytes, while sizes are tracked.
  uint64_t body_sent_ = 0;
  uint64_t body_received_ = 0;
  uint64_t answer_head_ = 0;  // 0: none has come
  uint64_t answer_fields_ = 0;
  std::shared_ptr<tls::Facts> tls_;  // of the connection; only where somebody logs
};

}  // namespace pillion::proxy
