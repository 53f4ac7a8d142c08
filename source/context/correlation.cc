#include "source/context/correlation.h"

#include <algorithm>
#include <cstring>

#include "source/base/xxhash64.h"
#include "source/context/bytes.h"
#include "source/context/vctx.h"

namespace pillion::context {
namespace {

// What a record by a request id begins with.
constexpr char kWhole = 'c';    // the context follows
constexpr char kByTrace = 't';  // its trace and span follow, by which the context is found: it is kept once
static_assert(1 + kMostVctxBytes <= RecordTable::kMostBytes);

void Increment(std::atomic<uint64_t>& count) { count.fetch_add(1, std::memory_order_relaxed); }

// Keeps of `agreed` what `other` says as well. False when that is less than before.
bool KeepCommon(Context& agreed, const Context& other, base::Arena& arena) {
  bool same = true;
  const auto keep = [&same](auto& ours, const auto& theirs) {
    if (ours == theirs) return;
    ours = {};
    same = false;
  };
  keep(agreed.deadline, other.deadline);
  if (agreed.has_deadline()) agreed.deadline_at = std::min(agreed.deadline_at, other.deadline_at);
  if (agreed.trace_id != other.trace_id) agreed.span_id = 0;
  keep(agreed.trace_id, other.trace_id);
  // Which span it was is not what a request that is restored is about.
  if (agreed.span_id != other.span_id) agreed.span_id = 0;
  keep(agreed.trace_flags, other.trace_flags);
  keep(agreed.has_trace_flags, other.has_trace_flags);
  keep(agreed.biz_flags, other.biz_flags);
  keep(agreed.request_id, other.request_id);
  keep(agreed.tenant, other.tenant);
  keep(agreed.tracestate, other.tracestate);
  keep(agreed.unknown, other.unknown);
  Baggage common;
  uint32_t left_out = 0;  // there are no more than there were
  for (const Baggage::Entry& entry : agreed.baggage) {
    const Baggage::Entry* theirs = other.baggage.Find(entry.key);
    if (theirs != nullptr && theirs->text == entry.text) common.Add(entry, arena, left_out);
  }
  same &= common.size() == agreed.baggage.size() && common.size() == other.baggage.size();
  agreed.baggage = common;
  return same;
}

bool Decode(const RecordTable::Found& found, base::Arena& arena, Context& context) {
  context = Context();
  context.deadline_at = found.deadline_at;
  return DecodeVctx(found.bytes, arena, context);
}

std::string_view WriteByTrace(const Context& context, char* out) {
  *out = kByTrace;
  const char* const end =
      WriteBigEndian(context.span_id, WriteBigEndian(context.trace_id.low, WriteBigEndian(context.trace_id.high, out + 1)));
  return {out, static_cast<size_t>(end - out)};
}

std::string_view WriteWhole(std::string_view record, char* out) {
  *out = kWhole;
  std::memcpy(out + 1, record.data(), record.size());
  return {out, 1 + record.size()};
}

void Add(Context& outbound, const Context& inbound, base::Arena& arena) {
  Context other = inbound;
  // On the monotonic clock: what the outbound request carries may be by another one.
  if (inbound.has_deadline() && (!outbound.has_deadline() || inbound.deadline_at < outbound.deadline_at)) {
    outbound.deadline = inbound.deadline;
    outbound.deadline_at = inbound.deadline_at;
  }
  other.deadline = 0;
  uint32_t left_out = 0;  // of the outbound request's own baggage nothing is
  Merge(outbound, other, arena, left_out);
}

}  // namespace

CorrelationTable::CorrelationTable(const Options& options)
    : seed_(options.seed),
      by_trace_(options.capacity, options.seed),
      by_request_id_(options.capacity, options.seed) {}

CorrelationTable::Ticket CorrelationTable::Remember(const Context& context, base::MonotonicTime now) {
  Ticket ticket;
  if (!context.trace_id && context.request_id.empty()) return ticket;
  const RecordTable::Key trace_id{context.trace_id.high, context.trace_id.low};
  const RecordTable::Key request_id = KeyOf(context.request_id);
  by_trace_.Expect(trace_id);
  by_request_id_.Expect(request_id);
  Context kept = context;
  kept.cancel_reason = CancelReason::kNone;
  char bytes[kMostVctxBytes];
  uint32_t left_out = 0;  // as it is for the next hop
  const std::string_view record = VctxBytes(kept, bytes, left_out);
  const RecordTable::Marks marks{context.span_id, context.request_id.empty() ? 0 : request_id.low};
  if (context.trace_id) {
    Note(by_trace_.Insert(trace_id, marks, record, context.deadline_at, now, ticket.by_trace));
  }
  if (!context.request_id.empty()) {
    char by_id[RecordTable::kMostBytes];
    const std::string_view all = ticket.by_trace != 0 ? WriteByTrace(context, by_id) : WriteWhole(record, by_id);
    Note(by_request_id_.Insert(request_id, marks, all, context.deadline_at, now, ticket.by_request_id));
  }
  return ticket;
}

void CorrelationTable::End(Ticket& ticket, base::MonotonicTime until) {
  by_trace_.End(ticket.by_trace, until);
  by_request_id_.End(ticket.by_request_id, until);
  ticket = {};
}

CorrelationTable::Outcome CorrelationTable::Restore(Context& outbound, base::MonotonicTime now, base::Arena& arena) {
  RecordTable::Answer answer;
  const RecordTable::Key request_id = KeyOf(outbound.request_id);
  const RecordTable::Marks marks{outbound.span_id, outbound.request_id.empty() ? 0 : request_id.low};
  if (outbound.trace_id) by_trace_.Find({outbound.trace_id.high, outbound.trace_id.low}, marks, now, arena, answer);
  const bool by_request_id = answer.size == 0 && !answer.unclear && !outbound.request_id.empty();
  if (by_request_id) FindByRequestId(request_id, marks, now, arena, answer);

  Outcome outcome = Outcome::kUnknown;
  Context agreed;
  for (size_t i = 0; i < answer.size && !answer.unclear; ++i) {
    Context inbound;
    // Two ids may have the same key; of the same text they are the same.
    if (!Decode(answer.found[i], arena, inbound) || (by_request_id && inbound.request_id != outbound.request_id)) continue;
    if (outcome == Outcome::kUnknown) {
      agreed = inbound;
      outcome = Outcome::kRestored;
    } else if (!KeepCommon(agreed, inbound, arena)) {
      outcome = Outcome::kPartly;
    }
  }
  if (answer.unclear) outcome = Outcome::kUnclear;
  if (outcome == Outcome::kRestored || outcome == Outcome::kPartly) Add(outbound, agreed, arena);
  Increment(outcomes_[static_cast<size_t>(outcome)]);
  return outcome;
}

void CorrelationTable::FindByRequestId(const RecordTable::Key& key, const RecordTable::Marks& marks, base::MonotonicTime now,
                                       base::Arena& arena, RecordTable::Answer& answer) {
  RecordTable::Answer by_id;
  by_request_id_.Find(key, marks, now, arena, by_id);
  answer.unclear = by_id.unclear;
  for (size_t i = 0; i < by_id.size && !answer.unclear; ++i) {
    RecordTable::Found found = by_id.found[i];
    RecordTable::Answer of_trace;
    if (found.bytes.front() == kByTrace) {
      const char* const at = found.bytes.data() + 1;
      const RecordTable::Key trace_id{ReadBigEndian<uint64_t>(at), ReadBigEndian<uint64_t>(at + 8)};
      by_trace_.Find(trace_id, {ReadBigEndian<uint64_t>(at + 16), key.low}, now, arena, of_trace);
      if (of_trace.size == 0) answer.unclear = true;  // it was forgotten before its time
    } else {
      found.bytes.remove_prefix(1);
      of_trace.found[of_trace.size++] = found;
    }
    answer.unclear |= of_trace.unclear || answer.size + of_trace.size > RecordTable::kMostFound;
    if (answer.unclear) break;
    for (size_t j = 0; j < of_trace.size; ++j) answer.found[answer.size++] = of_trace.found[j];
  }
}

CorrelationTable::Counts CorrelationTable::Read() const {
  const auto read = [](const Count& count) { return count.load(std::memory_order_relaxed); };
  const auto outcome = [&](Outcome of) { return read(outcomes_[static_cast<size_t>(of)]); };
  return {.remembered = read(remembered_),
          .refused = read(refused_),
          .forgotten = read(forgotten_),
          .size = by_trace_.size() + by_request_id_.size(),
          .capacity = by_trace_.capacity() + by_request_id_.capacity(),
          .unknown = outcome(Outcome::kUnknown),
          .restored = outcome(Outcome::kRestored),
          .partly = outcome(Outcome::kPartly),
          .unclear = outcome(Outcome::kUnclear)};
}

RecordTable::Key CorrelationTable::KeyOf(std::string_view request_id) const {
  return {request_id.size(), base::XxHash64(request_id, seed_)};
}

void CorrelationTable::Note(RecordTable::Taken taken) {
  switch (taken) {
    case RecordTable::Taken::kEarlierForgotten:
      Increment(forgotten_);
      [[fallthrough]];
    case RecordTable::Taken::kYes:
      return Increment(remembered_);
    case RecordTable::Taken::kFull:
    case RecordTable::Taken::kTooManyOfOneKey:
      return Increment(refused_);
  }
}

}  // namespace pillion::context
