#include "source/proxy/lone_connection.h"

#include <algorithm>

namespace pillion::proxy {
namespace {

constexpr size_t kLargestOutput = 256 * 1024;

}  // namespace

LoneConnection::LoneConnection(WorkerContext& context, const config::Listener& listener,
                               ListenerConnectionOwner& owner, listener::Accepted accepted,
                               std::optional<base::Duration> close_after, std::string_view failure)
    : ListenerConnection(context.worker, std::move(accepted.facts)),
      context_(context),
      owner_(owner),
      close_after_(close_after),
      failure_(failure),
      listener_metadata_(config::ValueOf(listener.metadata)),
      output_limit_(std::min<size_t>(listener.per_connection_buffer_limit, kLargestOutput)),
      connection_(context.worker, std::move(accepted.transport), *this, {.output_limit = output_limit_}),
      end_(connection_, output_limit_),
      close_timer_(this, [](void* self) { static_cast<LoneConnection*>(self)->CloseNow(); }) {
  connection_.set_codec(end_);
  if (facts() != nullptr) connection_.Resume(std::move(accepted.preread), accepted.readable, accepted.hangup);
}

void LoneConnection::Start() {
  connection_.Start(connection_.transport().connects());
  if (!close_after_) {
    end_.Join(end_);
  } else if (*close_after_ > base::Duration::zero()) {
    context_.worker.SetTimer(close_timer_, *close_after_);
  } else {
    connection_.Close();
  }
}

void LoneConnection::OnClosed(net::CloseReason, int) {
  close_timer_.Cancel();
  owner_.OnConnectionGone(*this);
  context_.worker.Dispose(*this);
}

void LoneConnection::Log(const AccessLogs& logs) {
  telemetry::RequestRecord record;
  Describe(record);
  if (!failure_.empty()) record.downstream_transport_failure_reason = failure_;
  record.listener_metadata = listener_metadata_;
  for (const auto& log : logs) log->Log(context_.worker.index(), record);
}

}  // namespace pillion::proxy
