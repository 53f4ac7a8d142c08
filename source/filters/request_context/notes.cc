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

}  // namespace

// Whole numbers that a double does not hold are texts.
void Notes::Note(base::Arena& arena, metadata::DynamicMetadata& metadata) {
  const auto note = [&](std::string_view key, const Value& value) { (void)metadata.SetKept(arena, kSpace, key, value); };
  const auto text = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) note(key, Value::Text(value));
  };
  if (context_.has_deadline()) {
    text("deadline", base::NumberText(context_.deadline, arena));
    const base::Duration left = context_.deadline_at - stream_.worker().now();
    note("time_left_ms", Value::Number(std::chrono::duration<double, std::milli>(left).count()));
  }
  if (context_.trace_id && context_.span_id != 0) {
    const std::string_view traceparent = context::EncodeTraceparent(context_, arena);
    constexpr size_t kTraceId = 3;
    text("trace_id", traceparent.substr(kTraceId, kTraceIdText));
    text("span_id", traceparent.substr(kTraceId + kTraceIdText + 1, kSpanIdText));
    note("sampled", Value::Flag((context_.trace_flags & context::kSampled) != 0));
  }
  text("request_id", context_.request_id);
  text("tenant", context_.tenant);
  note("biz_flags", Value::Number(context_.biz_flags));
  note("payment_path", Value::Flag((context_.biz_flags & context::kPaymentPath) != 0));
  note("real_name_check", Value::Flag((context_.biz_flags & context::kRealNameCheck) != 0));
  text("cancel_reason", NameOf(ReasonOf(context_, stream_.flags())));
  if (context_.baggage.empty()) return;
  auto* const members = arena.NewArray<metadata::Member>(context_.baggage.size());
  uint32_t size = 0;
  for (const context::Baggage::Entry& entry : context_.baggage) members[size++] = {entry.key, Value::Text(entry.value())};
  note("baggage", {.kind = Value::Kind::kObject, .size = size, .members = members});
}

CancelReason ReasonOf(const context::Context& context, telemetry::ResponseFlags flags) {
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
