#pragma once

// A call of gRPC that a filter makes (filter/cluster_calls.h), by a connection of the worker's pool to the cluster, like any
// request. Never tried again.
//
// Owns itself: gone at the end of the turn in which its caller has heard its end or has cancelled it, or it has ended where
// nobody waits for that. Bounded: the message
// waits in it, of the answer it holds at most what the caller wants to have. On the caller's worker.

#include <optional>
#include <string>

#include "source/base/arena.h"
#include "source/base/buffer.h"
#include "source/base/intrusive_list.h"
#include "source/base/timer_wheel.h"
#include "source/codec/codec.h"
#include "source/codec/grpc/message.h"
#include "source/event/worker.h"
#include "source/filter/cluster_calls.h"
#include "source/proxy/worker_context.h"
#include "source/upstream/pool.h"

namespace pillion::proxy {

class ClusterCall final : public filter::ClusterCall,
                          public base::ListNode<ClusterCallTag>,
                          private codec::ResponseReceiver,
                          private upstream::PoolWaiter,
                          private event::Deferred {
 public:
  ClusterCall(WorkerContext& context, upstream::ClusterShard& cluster, const filter::ClusterCallRequest& request,
              filter::ClusterCallEvents* events);
  ~ClusterCall();

  // False: it can't begin, and is for nobody.
  bool Start(base::Duration timeout);
  // filter::ClusterCall
  void Cancel() override;
  // Lets go of all that is upstream's; the caller hears nothing more, and cancels it some time. Without a caller it is gone.
  void GiveUp();

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
  void SendWaiting();
  void OnTimeout();
  void CountNoAnswer(int status);
  // The answer has ended by itself, with this.
  void Finish(codec::grpc::Status status);
  // The caller is told, unless it was or does not want to be.
  void End(const codec::grpc::Status& status);
  // Nothing more is heard of upstream; what was going on is broken off.
  void Release();

  WorkerContext& context_;
  const event::Kept<upstream::ClusterShard> cluster_;
  event::Kept<upstream::ClusterShard> serving_;  // that has the host: another one where the cluster is an aggregate
  filter::ClusterCallEvents* const events_;  // null: nobody waits for its end
  base::Arena arena_;
  http::RequestHead& head_;
  base::Buffer waiting_;  // of the message
  codec::grpc::MessageReader reader_;
  std::optional<std::string> answer_;
  base::Timer timer_;
  upstream::Pool* pool_ = nullptr;
  upstream::Host* host_ = nullptr;           // kept by the pool
  codec::ClientStream* upstream_ = nullptr;  // while it is open
  base::MonotonicTime began_{};
  int http_status_ = 0;
  bool queued_ = false;    // at the pool
  bool blocked_ = false;   // upstream takes no more for now
  bool answered_ = false;  // its head has come
  bool over_ = false;
};

}  // namespace pillion::proxy
