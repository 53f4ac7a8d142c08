#pragma once

// Copies of a request for other clusters (request_mirror_policies), or for other hosts of its own, as a filter wishes
// (filter/mirror_wish.h). The request itself never waits for one, and none is tried again. Their answers are dropped; whom a
// filter names is told what they were, and what the request's own was, when both have ended.
//
// A Mirror is one copy. It owns itself: it is gone at the end of the turn in which it is over and the request has let go
// of it. What its upstream does not take at once waits in it, up to what the route holds of a body; then the copy is
// given up, and the request's cluster counts retry_or_shadow_abandoned. Once the request has ended the copy lives on
// until it is answered, or as long as its timeout, but not beyond the request's deadline; so does the connection manager,
// where a filter of it compares. On the request's worker.

#include <span>

#include "source/base/arena.h"
#include "source/base/buffer.h"
#include "source/base/intrusive_list.h"
#include "source/base/timer_wheel.h"
#include "source/codec/codec.h"
#include "source/event/worker.h"
#include "source/filter/stream_context.h"
#include "source/proxy/worker_context.h"
#include "source/route/table.h"
#include "source/upstream/pool.h"

namespace pillion::proxy {

class ConnectionManagerShard;

// UNKNOWN where `text`, a grpc-status, is none.
int GrpcStatusNumber(std::string_view text);

class Mirror final : public base::ListNode<MirrorTag>,
                     private codec::ResponseReceiver,
                     private upstream::PoolWaiter,
                     private event::Deferred {
 public:
  // What all copies of one request have in common.
  struct Source {
    const http::RequestHead& head;  // as it goes upstream
    bool end;                       // it has no body
    config::Priority priority;
    base::Duration timeout;         // from the request's end; zero: none
    base::MonotonicTime deadline;   // that a filter keeps for the request: the copy ends then as well; 0: none
    size_t most_held;               // of the body
    upstream::ClusterStats& stats;  // of the request's own cluster
  };
  // Status 0: there was none, or it broke off.
  struct OwnAnswer {
    int status = 0;
    int grpc_status = -1;
    base::MonotonicTime head_at{};
  };

  Mirror(WorkerContext& context, upstream::ClusterShard& cluster, const config::MirrorPolicy& policy,
         const Source& source, Mirror* next);
  ~Mirror();

  // Before Start(): of `manager`.
  void Compare(filter::MirrorObserver& observer, filter::StreamContext& stream, ConnectionManagerShard& manager);
  // `lane`: as PickContext has it.
  void Start(const upstream::LaneWish* lane);
  void SendData(const base::Slice& data, bool end);
  void SendTrailers(const http::HeaderMap& trailers);
  // The request is over. `complete`: all of it has come; else the copy is given up.
  void LetGo(bool complete, const OwnAnswer& own);
  // Ends the copy, wherever it is.
  void GiveUp();

  Mirror* next() const { return next_; }  // of the same request

 private:
  // codec::ResponseReceiver
  base::Arena& arena() override { return arena_; }
  void OnInformational(http::ResponseHead&) override {}
  void OnResponseHead(http::ResponseHead& head, bool end) override;
  void OnData(base::Slice data, bool end) override;
  void OnTrailers(http::HeaderMap& trailers) override;
  void OnReset(codec::ResetReason reason, std::string_view detail) override;
  void OnSendReady() override;

  // upstream::PoolWaiter
  codec::ResponseReceiver& receiver() override { return *this; }
  void OnPoolReady(codec::ClientStream& stream, upstream::PooledConnection& connection) override;
  void OnPoolFailure(upstream::PoolFailure failure, int error) override;

  // event::Deferred
  void Dispose() override;

  void Open(codec::ClientStream& stream);
  void OnNoAnswer(int status);
  void SendWaiting();
  void SentEnd();
  void ReceivedEnd();
  void OnTimeout();
  // Nothing more is heard of upstream.
  void End();
  // Both are over.
  void TellObserver();

  WorkerContext& context_;
  const event::Kept<upstream::ClusterShard> cluster_;
  event::Kept<upstream::ClusterShard> serving_;  // that has the host: another one where the cluster is an aggregate
  upstream::ClusterStats& source_stats_;
  Mirror* const next_;
  base::Arena arena_;
  http::RequestHead* head_;
  base::Buffer waiting_;
  const size_t most_held_;
  const base::Duration timeout_;
  const base::MonotonicTime deadline_;
  base::Timer timer_;
  http::HeaderMap* trailers_ = nullptr;    // that wait behind the body
  upstream::Pool* pool_ = nullptr;
  upstream::Host* host_ = nullptr;         // kept by the pool
  codec::ClientStream* upstream_ = nullptr;  // while it is open
  base::MonotonicTime began_{};
  filter::MirrorObserver* observer_ = nullptr;
  event::Kept<ConnectionManagerShard> manager_;  // that has the observer
  base::MonotonicTime compared_since_{};
  filter::MirroredAnswer answer_;  // to the copy
  OwnAnswer own_;
  bool queued_ = false;          // at the pool
  bool source_ended_ = false;    // all of the request has come
  bool sent_end_ = false;
  bool received_end_ = false;
  bool response_began_ = false;
  bool blocked_ = false;         // upstream takes no more for now
  bool over_ = false;
  bool let_go_ = false;
  bool ends_at_deadline_ = false;  // the timer is that of the deadline
};

// The copies of one request. Member of its stream.
class Mirrors {
 public:
  // `entry` says which, or, by their names, `policies`; of those whose cluster is not known there is none.
  void Start(const route::Entry& entry, WorkerContext& context, const Mirror::Source& source);
  void Start(std::span<const config::MirrorPolicy> policies, WorkerContext& context, const Mirror::Source& source);
  // `cluster` is the one that the wish means, `manager` that of the stream.
  void Start(const filter::MirrorWish& wish, filter::StreamContext& stream, upstream::ClusterShard& cluster,
             ConnectionManagerShard& manager, const Mirror::Source& source);
  void SendData(const base::Slice& data, bool end);
  void SendTrailers(const http::HeaderMap& trailers);
  void LetGo(bool complete, const Mirror::OwnAnswer& own);

  bool empty() const { return first_ == nullptr; }

 private:
  void Start(const config::MirrorPolicy& policy, upstream::ClusterShard* cluster, WorkerContext& context,
             const Mirror::Source& source);

  Mirror* first_ = nullptr;
};

}  // namespace pillion::proxy
