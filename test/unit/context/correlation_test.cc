#include "source/context/correlation.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "source/context/vctx.h"

namespace pillion::context {
namespace {

using namespace std::chrono_literals;
using Outcome = CorrelationTable::Outcome;

constexpr base::MonotonicTime kStart{1000s};
constexpr base::Duration kGrace = 5s;

class CorrelationTest : public testing::Test {
 protected:
  Context Inbound(uint64_t trace, SpanId span, std::string_view request_id = {}) {
    Context context;
    if (trace != 0) context.trace_id = {trace, 7};
    context.span_id = span;
    context.request_id = request_id;
    return context;
  }
  void Add(Context& context, std::string_view key, std::string_view value) {
    uint32_t none = 0;
    context.baggage.Add({key, value, static_cast<uint32_t>(value.size())}, arena_, none);
  }
  void SetDeadline(Context& context, base::Duration left) {
    context.deadline = 1'795'000'000'000'000'000 + static_cast<uint64_t>(left.count());
    context.deadline_at = kStart + left;
  }
  Context Restore(Context outbound, Outcome expected, base::MonotonicTime now = kStart) {
    EXPECT_EQ(table_.Restore(outbound, now, arena_), expected);
    return outbound;
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  CorrelationTable table_{{.capacity = 16'384, .seed = 5}};
};

TEST_F(CorrelationTest, RestoresWhatTheApplicationDidNotForward) {
  Context inbound = Inbound(1, 2, "id");
  SetDeadline(inbound, 300ms);
  inbound.has_trace_flags = true;
  inbound.trace_flags = kSampled;
  inbound.biz_flags = kPaymentPath;
  inbound.cancel_reason = CancelReason::kTimeout;
  inbound.tenant = "acme";
  inbound.tracestate = "k=v";
  Add(inbound, "env", "grey");
  CorrelationTable::Ticket ticket = table_.Remember(inbound, kStart);
  for (const Context& known : {Inbound(1, 99), Inbound(0, 0, "id")}) {
    const Context outbound = Restore(known, Outcome::kRestored);
    EXPECT_EQ(outbound.trace_id, inbound.trace_id);
    EXPECT_EQ(outbound.span_id, known.trace_id ? 99u : 2u);  // its own parent stays
    EXPECT_EQ(outbound.deadline, inbound.deadline);
    EXPECT_EQ(outbound.deadline_at, inbound.deadline_at);
    EXPECT_EQ(outbound.biz_flags, kPaymentPath);
    EXPECT_EQ(outbound.cancel_reason, CancelReason::kNone);  // it is about the other request
    EXPECT_EQ(outbound.tenant, "acme");
    EXPECT_EQ(outbound.request_id, "id");
    EXPECT_EQ(outbound.tracestate, "k=v");
    EXPECT_EQ(outbound.baggage.Find("env")->value(), "grey");
  }
  table_.End(ticket, kStart + kGrace);
  EXPECT_EQ(table_.Read(kStart).restored, 2u);
  EXPECT_EQ(table_.Read(kStart).remembered, 1u);
}

TEST_F(CorrelationTest, NothingIsGuessed) {
  CorrelationTable::Ticket ticket = table_.Remember(Inbound(1, 2, "id"), kStart);
  Restore({}, Outcome::kUnknown);
  Restore(Inbound(3, 2), Outcome::kUnknown);
  Restore(Inbound(0, 0, "other"), Outcome::kUnknown);
  EXPECT_EQ(table_.Read(kStart).unknown, 3u);
  table_.End(ticket, kStart + kGrace);
}

TEST_F(CorrelationTest, WhatTheApplicationSetsStays) {
  Context inbound = Inbound(1, 2);
  inbound.tenant = "inbound";
  Add(inbound, "a", "inbound");
  Add(inbound, "b", "inbound");
  SetDeadline(inbound, 300ms);
  CorrelationTable::Ticket ticket = table_.Remember(inbound, kStart);
  Context outbound = Inbound(1, 3);
  outbound.tenant = "own";
  Add(outbound, "a", "own");
  SetDeadline(outbound, 200ms);
  const Context restored = Restore(outbound, Outcome::kRestored);
  EXPECT_EQ(restored.tenant, "own");
  EXPECT_EQ(restored.baggage.Find("a")->value(), "own");
  EXPECT_EQ(restored.baggage.Find("b")->value(), "inbound");
  EXPECT_EQ(restored.deadline, outbound.deadline);
  SetDeadline(outbound, 400ms);  // a later deadline than the inbound request's helps nobody
  EXPECT_EQ(Restore(outbound, Outcome::kRestored).deadline_at, inbound.deadline_at);
  table_.End(ticket, kStart + kGrace);
}

TEST_F(CorrelationTest, ARequestIdOfAnotherTraceKeepsItsTrace) {
  Context inbound = Inbound(1, 2, "id");
  inbound.tenant = "acme";
  CorrelationTable::Ticket ticket = table_.Remember(inbound, kStart);
  const Context restored = Restore(Inbound(8, 9, "id"), Outcome::kRestored);
  EXPECT_EQ(restored.trace_id, (TraceId{8, 7}));
  EXPECT_EQ(restored.span_id, 9u);
  EXPECT_EQ(restored.tenant, "acme");
  table_.End(ticket, kStart + kGrace);
}

TEST_F(CorrelationTest, AnEntryEndsAGraceTimeAfterItsRequest) {
  Context inbound = Inbound(1, 2, "id");
  CorrelationTable::Ticket ticket = table_.Remember(inbound, kStart);
  Restore(Inbound(1, 3), Outcome::kRestored, kStart + 1h);  // as long as it is in flight
  table_.End(ticket, kStart + 1h + kGrace);
  EXPECT_EQ(ticket.place, 0u);
  Restore(Inbound(1, 3), Outcome::kRestored, kStart + 1h + kGrace - 1ns);
  Restore(Inbound(1, 3), Outcome::kUnknown, kStart + 1h + kGrace);
  Restore(Inbound(0, 0, "id"), Outcome::kUnknown, kStart + 1h + kGrace);
}

TEST_F(CorrelationTest, TheParentTellsRequestsOfOneTraceApart) {
  std::vector<CorrelationTable::Ticket> tickets;
  for (SpanId span = 1; span <= 100; ++span) {  // a fan-out
    Context inbound = Inbound(1, span);
    SetDeadline(inbound, span * 1ms);
    tickets.push_back(table_.Remember(inbound, kStart));
  }
  for (SpanId span = 1; span <= 100; ++span) {
    EXPECT_EQ(Restore(Inbound(1, span), Outcome::kRestored).deadline_at, kStart + span * 1ms);
  }
  Restore(Inbound(1, 101), Outcome::kUnclear);  // any of more than can be compared
  for (CorrelationTable::Ticket& ticket : tickets) table_.End(ticket, kStart + kGrace);
}

TEST_F(CorrelationTest, TheRequestIdTellsThemApartToo) {
  Context one = Inbound(1, 5, "one"), two = Inbound(1, 5, "two");
  one.tenant = "one";
  two.tenant = "two";
  CorrelationTable::Ticket first = table_.Remember(one, kStart), second = table_.Remember(two, kStart);
  EXPECT_EQ(Restore(Inbound(1, 5, "two"), Outcome::kRestored).tenant, "two");
  EXPECT_EQ(Restore(Inbound(1, 5), Outcome::kPartly).tenant, "");
  table_.End(first, kStart + kGrace);
  table_.End(second, kStart + kGrace);
}

TEST_F(CorrelationTest, OfSeveralOnlyWhatAllSayIsRestored) {
  Context one = Inbound(1, 2, "id"), two = Inbound(1, 3, "id");
  for (Context* context : {&one, &two}) {
    SetDeadline(*context, 300ms);
    context->tenant = "acme";
    Add(*context, "env", "grey");
  }
  two.deadline_at -= 1us;  // the same on the wire, taken from the wall clock a little differently
  Add(one, "user", "a");
  Add(two, "user", "b");
  Add(one, "only", "one");
  two.biz_flags = kPaymentPath;
  CorrelationTable::Ticket first = table_.Remember(one, kStart), second = table_.Remember(two, kStart);
  Context restored = Restore(Inbound(1, 99), Outcome::kPartly);
  EXPECT_EQ(restored.deadline, one.deadline);
  EXPECT_EQ(restored.deadline_at, two.deadline_at);
  EXPECT_EQ(restored.tenant, "acme");
  EXPECT_EQ(restored.biz_flags, 0);
  EXPECT_EQ(restored.request_id, "id");
  EXPECT_EQ(restored.baggage.size(), 1u);
  EXPECT_EQ(restored.baggage.Find("env")->value(), "grey");
  restored = Restore(Inbound(0, 0, "id"), Outcome::kPartly);
  EXPECT_EQ(restored.trace_id, one.trace_id);
  EXPECT_EQ(restored.span_id, 0u);
  table_.End(first, kStart + kGrace);
  EXPECT_EQ(Restore(Inbound(1, 99), Outcome::kRestored, kStart + kGrace).biz_flags, kPaymentPath);
  table_.End(second, kStart + kGrace);
  EXPECT_EQ(table_.Read(kStart).partly, 2u);
}

TEST_F(CorrelationTest, DeadlinesThatDifferAreNotRestored) {
  Context one = Inbound(1, 2), two = Inbound(1, 3);
  SetDeadline(one, 300ms);
  CorrelationTable::Ticket first = table_.Remember(one, kStart), second = table_.Remember(two, kStart);
  EXPECT_FALSE(Restore(Inbound(1, 99), Outcome::kPartly).has_deadline());
  table_.End(first, kStart + kGrace);
  table_.End(second, kStart + kGrace);
}

TEST_F(CorrelationTest, OfTooManyOfOneKeyNothingIsRestored) {
  std::vector<CorrelationTable::Ticket> tickets;
  // One on the stack would not be aligned under AddressSanitizer (GCC 12).
  const auto owned = std::make_unique<CorrelationTable>(CorrelationTable::Options{.capacity = 60'000, .seed = 1});
  CorrelationTable& table = *owned;
  for (SpanId span = 1; span <= RecordTable::kMostOfOneKey; ++span) tickets.push_back(table.Remember(Inbound(1, span), kStart));
  Context outbound = Inbound(1, 1);
  EXPECT_EQ(table.Restore(outbound, kStart, arena_), Outcome::kRestored);
  CorrelationTable::Ticket refused = table.Remember(Inbound(1, 1), kStart);
  EXPECT_EQ(refused.place, 0u);
  EXPECT_EQ(table.Restore(outbound, kStart, arena_), Outcome::kUnclear);  // it may be that of the one that was refused
  EXPECT_EQ(table.Read(kStart).refused, 1u);
  EXPECT_EQ(table.Read(kStart).unclear, 1u);
  table.End(refused, kStart + kGrace);
  for (CorrelationTable::Ticket& ticket : tickets) table.End(ticket, kStart + kGrace);
}

TEST_F(CorrelationTest, TheBoundOfOneKeyHoldsAsRequestsComeAndGo) {
  std::vector<CorrelationTable::Ticket> tickets;
  SpanId span = 0;
  const auto remember = [&](base::MonotonicTime now) { tickets.push_back(table_.Remember(Inbound(1, ++span), now)); };
  for (size_t i = 0; i < RecordTable::kMostOfOneKey; ++i) remember(kStart);
  remember(kStart);
  EXPECT_EQ(table_.Read(kStart).refused, 1u);
  // The oldest, the newest, and some between.
  for (const size_t i : {0, 7, 100, 254, 255}) table_.End(tickets[i], kStart + 1s);
  for (int i = 0; i < 5; ++i) remember(kStart + 1s);
  EXPECT_EQ(table_.Read(kStart).refused, 1u);
  remember(kStart + 1s);
  EXPECT_EQ(table_.Read(kStart).refused, 2u);
  for (CorrelationTable::Ticket& ticket : tickets) table_.End(ticket, kStart + 2s);
  const uint64_t remembered = table_.Read(kStart).remembered;
  for (size_t i = 0; i < RecordTable::kMostOfOneKey; ++i) remember(kStart + 2s);
  EXPECT_EQ(table_.Read(kStart).remembered, remembered + RecordTable::kMostOfOneKey);
  EXPECT_EQ(table_.Read(kStart).refused, 2u);
}

TEST_F(CorrelationTest, IsBounded) {
  const auto owned = std::make_unique<CorrelationTable>(CorrelationTable::Options{.capacity = 64, .seed = 1});
  CorrelationTable& table = *owned;
  const uint64_t capacity = table.Read(kStart).capacity;
  EXPECT_EQ(capacity, 64u);
  std::vector<CorrelationTable::Ticket> tickets;
  for (uint64_t trace = 1; trace <= 1000; ++trace) tickets.push_back(table.Remember(Inbound(trace, 1), kStart));
  CorrelationTable::Counts counts = table.Read(kStart);
  EXPECT_EQ(counts.size, capacity);
  EXPECT_EQ(counts.remembered, capacity);
  EXPECT_EQ(counts.refused, 1000 - capacity);
  for (CorrelationTable::Ticket& ticket : tickets) table.End(ticket, kStart + kGrace);
  // What has ended gives way, also before its grace is over.
  for (uint64_t trace = 2001; trace <= 3000; ++trace) {
    CorrelationTable::Ticket ticket = table.Remember(Inbound(trace, 1), kStart + 1s);
    EXPECT_NE(ticket.place, 0u);
    Context outbound = Inbound(trace, 1);
    EXPECT_EQ(table.Restore(outbound, kStart + 1s, arena_), Outcome::kRestored);
    table.End(ticket, kStart + 1s + kGrace);
  }
  counts = table.Read(kStart);
  EXPECT_EQ(counts.size, capacity);
  EXPECT_EQ(counts.forgotten, 1000u);
  // And afterwards without being missed.
  CorrelationTable::Ticket ticket = table.Remember(Inbound(5000, 1), kStart + 1s + kGrace);
  counts = table.Read(kStart + 1s + kGrace);
  EXPECT_EQ(counts.size, 1u);
  EXPECT_EQ(counts.forgotten, 1000u);
  table.End(ticket, kStart + 1s + kGrace + kGrace);
}

TEST_F(CorrelationTest, WhatWasForgottenEarlyIsNotTakenForAnother) {
  const auto owned = std::make_unique<CorrelationTable>(CorrelationTable::Options{.capacity = 1, .seed = 1});  // one in a pool
  CorrelationTable& table = *owned;
  Context early = Inbound(1, 1);
  CorrelationTable::Ticket first = table.Remember(early, kStart);
  CorrelationTable::Ticket refused = table.Remember(Inbound(1, 2), kStart);
  EXPECT_EQ(refused.place, 0u);
  Context outbound = Inbound(1, 3);
  EXPECT_EQ(table.Restore(outbound, kStart, arena_), Outcome::kUnclear);
  table.End(first, kStart + kGrace);
}

TEST_F(CorrelationTest, OfARequestIdWhatWasForgottenEarlyIsMissedToo) {
  const auto owned = std::make_unique<CorrelationTable>(CorrelationTable::Options{.capacity = 1, .seed = 1});  // one in a pool
  CorrelationTable& table = *owned;
  CorrelationTable::Ticket alone = table.Remember(Inbound(1, 2, "alone"), kStart);
  CorrelationTable::Ticket live;
  uint64_t trace = 1;
  while (live.place == 0) live = table.Remember(Inbound(++trace, 2, "same"), kStart);  // in another pool
  CorrelationTable::Ticket ended;
  uint64_t ended_trace = trace;
  while (ended.place == 0) ended = table.Remember(Inbound(++ended_trace, 2, "same"), kStart);
  table.End(alone, kStart + kGrace);
  table.End(ended, kStart + kGrace);
  const auto outcome = [&](Context outbound) { return table.Restore(outbound, kStart, arena_); };
  EXPECT_EQ(outcome(Inbound(0, 0, "alone")), Outcome::kRestored);
  EXPECT_EQ(outcome(Inbound(trace, 3)), Outcome::kRestored);
  // Others take the room of both.
  for (uint64_t other = 1000; outcome(Inbound(1, 3)) != Outcome::kUnknown || outcome(Inbound(ended_trace, 3)) != Outcome::kUnknown;
       ++other) {
    CorrelationTable::Ticket ticket = table.Remember(Inbound(other, 2, std::to_string(other)), kStart);
    table.End(ticket, kStart + kGrace);
  }
  EXPECT_EQ(outcome(Inbound(0, 0, "alone")), Outcome::kUnknown);
  EXPECT_EQ(outcome(Inbound(0, 0, "same")), Outcome::kUnclear);
  EXPECT_EQ(outcome(Inbound(trace, 3)), Outcome::kRestored);
  table.End(live, kStart + kGrace);
}

TEST_F(CorrelationTest, WhoTakesTheRoomOfHisOwnTraceIsNotAllOfIt) {
  const auto owned = std::make_unique<CorrelationTable>(CorrelationTable::Options{.capacity = 1, .seed = 1});  // one in a pool
  CorrelationTable& table = *owned;
  CorrelationTable::Ticket first = table.Remember(Inbound(1, 1), kStart);
  table.End(first, kStart + kGrace);
  CorrelationTable::Ticket second = table.Remember(Inbound(1, 2), kStart);
  EXPECT_NE(second.place, 0u);
  Context outbound = Inbound(1, 3);
  EXPECT_EQ(table.Restore(outbound, kStart, arena_), Outcome::kUnclear);
  table.End(second, kStart + kGrace);
}

TEST_F(CorrelationTest, ARequestIdOutlivesATraceThatIsShared) {
  std::vector<CorrelationTable::Ticket> tickets;
  for (SpanId span = 1; span <= RecordTable::kMostOfOneKey; ++span) tickets.push_back(table_.Remember(Inbound(1, span), kStart));
  Context inbound = Inbound(1, 1, "id");
  inbound.tenant = "acme";
  tickets.push_back(table_.Remember(inbound, kStart));
  EXPECT_EQ(table_.Read(kStart).refused, 1u);  // too many of that one
  Restore(Inbound(1, 1), Outcome::kUnclear);
  EXPECT_EQ(Restore(Inbound(0, 0, "id"), Outcome::kRestored).tenant, "acme");
  for (CorrelationTable::Ticket& ticket : tickets) table_.End(ticket, kStart + kGrace);
}

TEST_F(CorrelationTest, ContextsOfEachSize) {
  // Those of which all has gone leave nothing to those that take their place; with and without a trace, by both ids.
  base::MonotonicTime now = kStart;
  for (int round = 0; round < 3; ++round) {
    for (size_t size = 1; size < 1000; size += 7) {
      const uint64_t trace = size % 2 == 0 ? 0 : size;
      const std::string id = "id" + std::to_string(size), value(size, static_cast<char>('a' + size % 26));
      Context inbound = Inbound(trace, trace == 0 ? 0 : 5, id);
      for (size_t at = 0, key = 0; at < size; at += 100, ++key) {
        Add(inbound, arena_.Copy("k" + std::to_string(key)), arena_.Copy(value.substr(at, 100)));
      }
      char bytes[kMostVctxBytes];
      uint32_t left_out = 0;
      if (EncodeVctx(inbound, bytes, left_out); left_out != 0) break;
      CorrelationTable::Ticket ticket = table_.Remember(inbound, now);
      for (const Context& known : {Inbound(trace, 9), Inbound(0, 0, id)}) {
        if (!known.trace_id && known.request_id.empty()) continue;
        const Context outbound = Restore(known, Outcome::kRestored, now);
        std::string restored;
        for (const Baggage::Entry& entry : outbound.baggage) restored += entry.value();
        ASSERT_EQ(restored, value);
      }
      table_.End(ticket, now + kGrace);
      now += 1s;
    }
  }
}

TEST_F(CorrelationTest, AContextWithoutIdsHasNoRecord) {
  CorrelationTable::Ticket ticket = table_.Remember({.tenant = "acme"}, kStart);
  EXPECT_EQ(ticket.place, 0u);
  EXPECT_EQ(table_.Read(kStart).size, 0u);
  table_.End(ticket, kStart + kGrace);
}

TEST_F(CorrelationTest, BehavesAsAMap) {
  // Ten traces that come and go, and what is found of them.
  base::MonotonicTime now = kStart;
  struct Live {
    Context context;
    CorrelationTable::Ticket ticket;
  };
  std::vector<Live> live[10];
  uint64_t number = 1;
  for (int step = 0; step < 20'000; ++step) {
    number = number * 6364136223846793005 + 1442695040888963407;
    const uint64_t trace = (number >> 33) % 10;
    std::vector<Live>& of_trace = live[trace];
    if ((number >> 50) % 2 == 0 && of_trace.size() < 8) {
      Live one{.context = Inbound(trace + 1, static_cast<SpanId>(step + 1)), .ticket = {}};
      one.context.biz_flags = static_cast<uint16_t>(step % 60'000 + 1);
      one.ticket = table_.Remember(one.context, now);
      ASSERT_NE(one.ticket.place, 0u);
      of_trace.push_back(one);
    } else if (!of_trace.empty()) {
      const size_t which = (number >> 40) % of_trace.size();
      const Context restored = Restore(Inbound(trace + 1, of_trace[which].context.span_id), Outcome::kRestored, now);
      ASSERT_EQ(restored.biz_flags, of_trace[which].context.biz_flags);
      table_.End(of_trace[which].ticket, now + kGrace);
      of_trace.erase(of_trace.begin() + static_cast<ptrdiff_t>(which));
      now += kGrace;
    }
  }
  for (std::vector<Live>& of_trace : live) {
    for (Live& one : of_trace) table_.End(one.ticket, now + kGrace);
  }
  EXPECT_GT(table_.Read(kStart).remembered, 5'000u);
  EXPECT_EQ(table_.Read(kStart).refused, 0u);
}

}  // namespace
}  // namespace pillion::context
