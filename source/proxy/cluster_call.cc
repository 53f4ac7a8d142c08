#include "source/proxy/cluster_call.h"

#include <utility>

#include "source/codec/grpc/status.h"
#include "source/config/priority.h"
#include "source/http/grpc_timeout.h"
#include "source/proxy/upstream_request.h"
#include "source/upstream/outlier_monitor.h"

namespace pillion::proxy {
namespace {

using codec::grpc::Code;
using codec::grpc::MessageReader;

// `lasting`: the caller's views are as good as the call.
http::RequestHead& MakeHead(const filter::ClusterCallRequest& request, bool secured, bool lasting, base::Arena& arena) {
  const auto kept = [&](std::string_view text) { return lasting ? text : arena.Copy(text); };
  http::RequestHead& head = *arena.New<http::RequestHead>(arena);
  head.method = "POST";
  head.method_id = http::Method::kPost;
  head.version = http::Version::kHttp2;
  head.scheme = secured ? "https" : "http";
  head.authority = kept(request.authority);
  head.path = request.path;
  head.headers.Add(http::HeaderId::kTe, "trailers");
  head.headers.Add(http::HeaderId::kContentType, "application/grpc");
  if (request.timeout > base::Duration::zero()) {
    head.headers.Add(http::HeaderId::kGrpcTimeout, http::GrpcTimeoutText(request.timeout, arena));
  }
  for (const auto& [name, value] : request.metadata) head.headers.Add(kept(name), kept(value));
  return head;
}

}  // namespace

ClusterCall::ClusterCall(WorkerContext& context, upstream::ClusterShard& cluster, const filter::ClusterCallRequest& request,
                         filter::ClusterCallEvents* events)
    : PoolWaiter(config::Priority::kDefault),
      context_(context),
      cluster_(&cluster),
      events_(events),
      arena_(context.worker.blocks()),
      head_(MakeHead(request, cluster.config().tls != nullptr, events != nullptr, arena_)),
      waiting_(context.worker.blocks()),
      reader_(request.most_received),
      timer_(this, [](void* self) { static_cast<ClusterCall*>(self)->OnTimeout(); }) {
  waiting_.Append(codec::grpc::Frame(request.message));
  context_.cluster_calls.PushBack(*this);
}

ClusterCall::~ClusterCall() = default;

void ClusterCall::Dispose() { context_.cluster_call_slab.Delete(this); }

bool ClusterCall::Start(base::Duration timeout) {
  const upstream::ClusterShard::Choice choice = cluster_->Choose({});
  serving_ = event::Kept<upstream::ClusterShard>(&choice.cluster);
  upstream::Pool::Result result{upstream::Pool::Result::kOverflow};
  if (choice.host == nullptr) {
    serving_->stats().CountStatus(503);
  } else {
    host_ = choice.host.get();
    pool_ = serving_->PoolOf(choice.host, UpstreamProtocol(serving_->config(), head_.version), priority(),
                             {.server_name = WantedServerName(serving_->config(), head_)});
    if (pool_ != nullptr) result = pool_->Request(*this);
  }
  if (result.kind == upstream::Pool::Result::kOverflow) {
    Release();
    context_.worker.Dispose(*this);
    return false;
  }
  if (timeout > base::Duration::zero()) context_.worker.SetTimer(timer_, timeout);
  queued_ = result.kind == upstream::Pool::Result::kQueued;
  if (!queued_) Open(*result.stream);
  return true;
}

void ClusterCall::Open(codec::ClientStream& stream) {
  queued_ = false;
  upstream_ = &stream;
  began_ = context_.worker.now();
  if (upstream::OutlierMonitor* monitor = host_->outlier_monitor()) monitor->OnConnected(context_.worker.index());
  upstream_->SendHead(head_, false);
  SendWaiting();
}

void ClusterCall::OnPoolReady(codec::ClientStream& stream, upstream::PooledConnection&) { Open(stream); }

void ClusterCall::OnPoolFailure(upstream::PoolFailure failure, int) {
  queued_ = false;
  if (failure != upstream::PoolFailure::kOverflow) CountNoAnswer(503);
  End({Code::kUnavailable, "no connection"});
}

void ClusterCall::CountNoAnswer(int status) {
  serving_->stats().CountStatus(status);
  if (upstream::OutlierMonitor* monitor = host_->outlier_monitor()) monitor->OnNoAnswer(context_.worker.index(), status);
}

void ClusterCall::SendWaiting() {
  while (!waiting_.empty() && !blocked_) {
    base::Slice data = waiting_.TakeFront();
    const bool last = waiting_.empty();
    blocked_ = !upstream_->SendData(std::move(data), last) && !last;
  }
}

void ClusterCall::OnSendReady() {
  blocked_ = false;
  SendWaiting();
}

void ClusterCall::OnResponseHead(http::ResponseHead& head, bool end) {
  answered_ = true;
  http_status_ = head.status;
  cluster_->stats().CountStatus(head.status);
  host_->figures(context_.worker.index())
      .Add(head.status >= 500 ? upstream::HostFigures::kRqError : upstream::HostFigures::kRqSuccess);
  if (upstream::OutlierMonitor* monitor = host_->outlier_monitor()) {
    monitor->OnAnswer(context_.worker.index(), OutlierStatus(serving_->config(), head_, head));
  }
  if (end && waiting_.empty()) upstream_ = nullptr;
  if (end || head.status != 200) return Finish(codec::grpc::StatusOf(head.headers, head.status));
}

void ClusterCall::OnData(base::Slice data, bool end) {
  reader_.Append(data.view());
  while (std::optional<std::string> message = reader_.Next()) {
    if (answer_) return Finish({Code::kInternal, "more than one message"});
    answer_ = std::move(message);
  }
  if (reader_.error() == MessageReader::Error::kCompressed) return Finish({Code::kInternal, "a compressed message"});
  if (reader_.error() == MessageReader::Error::kTooLong) return Finish({Code::kResourceExhausted, "too long a message"});
  if (!end) return;
  if (waiting_.empty()) upstream_ = nullptr;
  Finish({Code::kInternal, "the answer ended without a grpc-status"});
}

void ClusterCall::OnTrailers(http::HeaderMap& trailers) {
  if (waiting_.empty()) upstream_ = nullptr;
  Finish(codec::grpc::StatusOf(trailers, http_status_));
}

void ClusterCall::Finish(codec::grpc::Status status) {
  cluster_->stats().upstream_rq_time.Record(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(context_.worker.now() - began_).count()));
  if (status.ok() && !answer_) status = {Code::kInternal, "an answer without a message"};
  End(status);
}

void ClusterCall::OnReset(codec::ResetReason, std::string_view detail) {
  upstream_ = nullptr;
  serving_->stats().upstream_rq_rx_reset.Increment();
  if (!answered_) CountNoAnswer(503);
  host_->figures(context_.worker.index()).Add(upstream::HostFigures::kRqError);
  End({Code::kUnavailable, std::string(detail)});
}

void ClusterCall::OnTimeout() {
  cluster_->stats().upstream_rq_timeout.Increment();
  host_->figures(context_.worker.index()).Add(upstream::HostFigures::kRqTimeout);
  if (!answered_) CountNoAnswer(504);
  End({Code::kDeadlineExceeded, "no end within the timeout"});
}

void ClusterCall::End(const codec::grpc::Status& status) {
  if (over_) return;
  Release();
  context_.worker.Dispose(*this);
  if (events_ != nullptr) events_->OnCallEnd(status, status.ok() ? std::string_view(*answer_) : std::string_view());
}

void ClusterCall::Cancel() {
  Release();
  context_.worker.Dispose(*this);
}

void ClusterCall::GiveUp() {
  Release();
  if (events_ == nullptr) context_.worker.Dispose(*this);
}

void ClusterCall::Release() {
  if (std::exchange(over_, true)) return;
  if (std::exchange(queued_, false)) pool_->Cancel(*this);
  if (codec::ClientStream* const stream = std::exchange(upstream_, nullptr)) {
    if (!answered_) serving_->stats().upstream_rq_tx_reset.Increment();
    stream->Reset(codec::ResetReason::kCancel);
  }
  ReleaseStream();
  timer_.Cancel();
  waiting_.Clear();
  base::ListNode<ClusterCallTag>::Unlink();
}

}  // namespace pillion::proxy
