#include "source/context/correlation.h"

#include <algorithm>
#include <utility>

#include "source/base/xxhash64.h"
#include "source/context/vctx.h"

namespace pillion::context {
namespace {

using By = RecordTable::By;

// Of the bytes the magic at least is not kept.
static_assert(kMostVctxBytes - 4 <= RecordTable::kMostBytes);

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
  context.deadline = found.facts.deadline;
  context.deadline_at = found.facts.deadline_at;
  context.trace_id = {found.ids.trace_high, found.ids.trace_low};
  if (context.trace_id) {
    context.span_id = found.ids.span;
    context.trace_flags = found.facts.trace_flags;
    context.has_trace_flags = found.facts.has_trace_flags;
  }
  const bool good = DecodeVctxRest(found.text, arena, context);
  context.cancel_reason = CancelReason::kNone;  // that of the other request
  return good;
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
    : seed_(options.seed), records_(options.capacity, options.seed) {}

CorrelationTable::Ticket CorrelationTable::Remember(const Context& context, base::MonotonicTime now) {
  const RecordTable::Ids ids = IdsOf(context);
  if (ids.empty()) return {};
  const RecordTable::Room room = records_.Reserve(ids, now);
  char bytes[kMostVctxBytes];
  uint32_t left_out = 0;  // as it is for the next hop
  const std::string_view rest = VctxRest(context, bytes, left_out);
  const RecordTable::Facts facts{.deadline = context.deadline,
                                 .deadline_at = context.deadline_at,
                                 .trace_flags = context.trace_flags,
                                 .has_trace_flags = context.has_trace_flags};
  const RecordTable::Taken taken = records_.Insert(room, ids, facts, rest);
  if (taken.place != 0) Increment(remembered_);
  if (taken.refused) Increment(refused_);
  if (taken.forgotten) Increment(forgotten_);
  return {taken.place};
}

void CorrelationTable::End(Ticket& ticket, base::MonotonicTime until) {
  records_.End(std::exchange(ticket.place, 0), until);
}

CorrelationTable::Outcome CorrelationTable::Restore(Context& outbound, base::MonotonicTime now, base::Arena& arena) {
  RecordTable::Answer answer;
  const RecordTable::Ids ids = IdsOf(outbound);
  if (ids.has_trace()) records_.Find(By::kTrace, ids, now, arena, answer);
  const bool by_request_id = answer.size == 0 && !answer.unclear && ids.request != 0;
  if (by_request_id) records_.Find(By::kRequest, ids, now, arena, answer);

  Outcome outcome = Outcome::kUnknown;
  Context agreed;
  for (size_t i = 0; i < answer.size && !answer.unclear; ++i) {
    Context inbound;
    // Two ids may have the same hash; of the same text they are the same.
    if (!Decode(*answer.found[i], arena, inbound) || (by_request_id && inbound.request_id != outbound.request_id)) continue;
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

CorrelationTable::Counts CorrelationTable::Read(base::MonotonicTime now) const {
  const auto read = [](const Count& count) { return count.load(std::memory_order_relaxed); };
  const auto outcome = [&](Outcome of) { return read(outcomes_[static_cast<size_t>(of)]); };
  return {.remembered = read(remembered_),
          .refused = read(refused_),
          .forgotten = read(forgotten_),
          .size = records_.Size(now),
          .capacity = records_.capacity(),
          .unknown = outcome(Outcome::kUnknown),
          .restored = outcome(Outcome::kRestored),
          .partly = outcome(Outcome::kPartly),
          .unclear = outcome(Outcome::kUnclear)};
}

RecordTable::Ids CorrelationTable::IdsOf(const Context& context) const {
  const uint64_t hash = context.request_id.empty() ? 0 : std::max<uint64_t>(base::XxHash64(context.request_id, seed_), 1);
  return {.trace_high = context.trace_id.high, .trace_low = context.trace_id.low, .span = context.span_id, .request = hash};
}

}  // namespace pillion::context
