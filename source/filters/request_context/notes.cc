#include "source/filters/request_context/notes.h"

#include "source/base/number_text.h"
#include "source/context/w3c.h"

namespace pillion::filters::request_context {
namespace {

using context::CancelReason;
using metadata::Value;
using telemetry::ResponseFlag;

constexpr size_t kTraceIdText = 32;
constexpr size_t kSpanIdText = 16;

// In the namespace; texts that are empty are not there.
class Writer {
 public:
  Writer(base::Arena& arena, metadata::DynamicMetadata& metadata) : arena_(arena), metadata_(metadata) {}

  void Note(std::string_view key, const Value& value) { (void)metadata_.SetKept(arena_, Notes::kSpace, key, value); }
  void Text(std::string_view key, std::string_view value) {
    if (!value.empty()) Note(key, Value::Text(value));
  }

 private:
  base::Arena& arena_;
  metadata::DynamicMetadata& metadata_;
};

void WriteBaggage(const context::Baggage& baggage, base::Arena& arena, metadata::DynamicMetadata& metadata) {
  auto* const members = arena.NewArray<metadata::Member>(baggage.size());
  uint32_t size = 0;
  for (const context::Baggage::Entry& entry : baggage) members[size++] = {entry.key, Value::Text(entry.value())};
  Writer(arena, metadata).Note("baggage", {.kind = Value::Kind::kObject, .size = size, .members = members});
}

}  // namespace

void NoteContext(const context::Context& context, base::Arena& arena, metadata::DynamicMetadata& metadata) {
  Writer writer(arena, metadata);
  if (context.trace_id && context.span_id != 0) {
    const std::string_view traceparent = context::EncodeTraceparent(context, arena);
    constexpr size_t kTraceId = 3;
    writer.Text("trace_id", traceparent.substr(kTraceId, kTraceIdText));
    writer.Text("span_id", traceparent.substr(kTraceId + kTraceIdText + 1, kSpanIdText));
    writer.Note("sampled", Value::Flag((context.trace_flags & context::kSampled) != 0));
  }
  writer.Text("request_id", context.request_id);
  writer.Text("tenant", context.tenant);
  writer.Note("biz_flags", Value::Number(context.biz_flags));
  writer.Note("payment_path", Value::Flag((context.biz_flags & context::kPaymentPath) != 0));
  writer.Note("real_name_check", Value::Flag((context.biz_flags & context::kRealNameCheck) != 0));
  if (!context.baggage.empty()) WriteBaggage(context.baggage, arena, metadata);
}

// Whole numbers that a double does not hold are texts.
void Notes::Note(base::Arena& arena, metadata::DynamicMetadata& metadata) {
  Writer writer(arena, metadata);
  if (context_.has_deadline()) {
    writer.Text("deadline", base::NumberText(context_.deadline, arena));
    const base::Duration left = context_.deadline_at - stream_.worker().now();
    writer.Note("time_left_ms", Value::Number(std::chrono::duration<double, std::milli>(left).count()));
  }
  NoteContext(context_, arena, metadata);
  writer.Text("cancel_reason", NameOf(ReasonOf(context_, stream_.flags())));
  noted_ = true;
}

void Notes::NoteBaggage(base::Arena& arena, metadata::DynamicMetadata& metadata) {
  if (noted_) WriteBaggage(context_.baggage, arena, metadata);
}

CancelReason ReasonOf(const context::Context& context, telemetry::ResponseFlags flags) {
  if (flags.empty()) return context.cancel_reason;
  const auto any = [&](std::initializer_list<ResponseFlag> of) {
    for (const ResponseFlag flag : of) {
      if (flags.Has(flag)) return true;
    }
    return false;
  };
  if (any({ResponseFlag::kDownstreamConnectionTermination, ResponseFlag::kDownstreamRemoteReset})) {
    return CancelReason::kCancel;
  }
  if (any({ResponseFlag::kUpstreamRequestTimeout, ResponseFlag::kDurationTimeout, ResponseFlag::kStreamIdleTimeout,
           ResponseFlag::kUpstreamMaxStreamDurationReached})) {
    return CancelReason::kTimeout;
  }
  if (any({ResponseFlag::kUpstreamConnectionFailure, ResponseFlag::kUpstreamConnectionTermination,
           ResponseFlag::kUpstreamRemoteReset, ResponseFlag::kUpstreamProtocolError, ResponseFlag::kUpstreamOverflow,
           ResponseFlag::kNoHealthyUpstream})) {
    return CancelReason::kError;
  }
  return context.cancel_reason;
}

std::string_view NameOf(CancelReason reason) {
  switch (reason) {
    case CancelReason::kNone:
      return {};
    case CancelReason::kTimeout:
      return "timeout";
    case CancelReason::kCancel:
      return "cancel";
    case CancelReason::kError:
      return "error";
  }
  return "other";
}

}  // namespace pillion::filters::request_context
