#include "source/proxy/lone_connection.h"

#include <algorithm>

namespace pillion::proxy {
namespace {

constexpr size_t kLargestOutput = 256 * 1024;

}  // namespace

LoneConnection::LoneConnection(WorkerContext& context, const config::Listener& listener,
                               ListenerConnectionOwner& owner, listener::Accepted accepted,
                               const LoneEnd& how)
    : ListenerConnection(context.worker, std::move(accepted.facts)),
      context_(context),
      owner_(owner),
      how_(how),
      listener_metadata_(config::ValueOf(listener.metadata)),
      output_limit_(std::min<size_t>(listener.per_connection_buffer_limit, kLargestOutput)),
      connection_(context.worker, std::move(accepted.transport), *this, {.output_limit = output_limit_}),
      end_(connection_, output_limit_),
      close_timer_(this, [](void* self) { static_cast<LoneConnection*>(self)->CloseNow(); }) {
  connection_.set_codec(end_);
  set_local_close_reason(how.local_close_reason);
  if (facts() != nullptr) connection_.Resume(std::move(accepted.preread), accepted.readable, accepted.hangup);
}

void LoneConnection::Start() {
  connection_.Start(connection_.transport().connects());
  if (!how_.close_after) {
    end_.Join(end_);
  } else if (*how_.close_after > base::Duration::zero()) {
    context_.worker.SetTimer(close_timer_, *how_.close_after);
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
  if (!how_.failure.empty()) record.downstream_transport_failure_reason = how_.failure;
  if (how_.flag != telemetry::ResponseFlag::kCount) record.response_flags.Set(how_.flag);
  record.listener_metadata = listener_metadata_;
  base::Arena arena(context_.worker.blocks());
  metadata::Annotations notes;
  if (has_notes()) {
    CopyNotes(arena, notes);
    record.annotations = &notes;
  }
  for (const auto& log : logs) log->Log(context_.worker.index(), record);
}

}  // namespace pillion::proxy
