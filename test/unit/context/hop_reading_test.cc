// A head comes in: what is read of all carriers together.

#include "test/unit/context/hop_fixture.h"

namespace pillion::context {
namespace {

using namespace std::chrono_literals;

TEST_F(HopTest, NothingIsReadOfAHeadWithoutContext) {
  const Context& context = Read({{"accept", "*/*"}, {"x-context-other", "1"}});
  EXPECT_FALSE(context.has_deadline());
  EXPECT_FALSE(context.trace_id);
  EXPECT_TRUE(extraction_.found.empty());
  EXPECT_TRUE(extraction_.malformed.empty());
}

TEST_F(HopTest, EarlierCarriersWin) {
  Context first, second;
  first.trace_id = {1, 2};
  first.span_id = 3;
  first.request_id = "of-vctx";
  Add(first, "a", "vctx");
  second.trace_id = {4, 5};
  second.span_id = 6;
  second.biz_flags = kPaymentPath;
  const Context& context = Read({{"x-request-id", "of-std"},
                                 {"b3", "0000000000000007-0000000000000008-1"},
                                 {"traceparent", kTraceparent},
                                 {"tracestate", "k=v"},
                                 {"baggage", "a=w3c,b=w3c"},
                                 {"x-context", XContext(second)},
                                 {"x-tenant", "acme"},
                                 {"x-vivo-context", Vctx(first)}});
  EXPECT_EQ(context.trace_id, (TraceId{1, 2}));
  EXPECT_EQ(context.span_id, 3u);
  EXPECT_FALSE(context.has_trace_flags);  // those of other traces say nothing of this one
  EXPECT_EQ(context.tracestate, "");
  EXPECT_EQ(context.request_id, "of-vctx");
  EXPECT_EQ(context.biz_flags, kPaymentPath);
  EXPECT_EQ(context.tenant, "acme");
  EXPECT_EQ(context.baggage.size(), 2u);
  EXPECT_EQ(context.baggage.Find("a")->value(), "vctx");
  EXPECT_EQ(context.baggage.Find("b")->value(), "w3c");
  EXPECT_TRUE(extraction_.malformed.empty());
}

TEST_F(HopTest, LaterCarriersOfTheSameTraceAdd) {
  Context fixed;
  fixed.trace_id = kTrace;
  fixed.span_id = 9;
  const Context& context = Read({{"x-context", XContext(fixed)}, {"traceparent", kTraceparent}, {"tracestate", "k=v"}});
  EXPECT_EQ(context.span_id, 9u);
  EXPECT_TRUE(context.has_trace_flags);
  EXPECT_EQ(context.trace_flags, kSampled);
  EXPECT_EQ(context.tracestate, "k=v");
}

// Those of another carrier without a trace are none of this one's.
TEST_F(HopTest, TraceFlagsThatStandAloneSayNothingOfATrace) {
  Context fixed;
  fixed.trace_id = kTrace;
  fixed.span_id = kSpan;
  const std::string alone = "dmN0eAkAAQE=";  // trace flags of 1, and nothing else
  EXPECT_FALSE(Read({{"x-vivo-context", alone}, {"x-context", XContext(fixed)}}).has_trace_flags);
  const std::string not_sampled = std::string(kTraceparent, 53) + "00";
  const Context& context = Read({{"x-vivo-context", alone}, {"x-context", XContext(fixed)}, {"traceparent", not_sampled}});
  EXPECT_TRUE(context.has_trace_flags);
  EXPECT_EQ(context.trace_flags, 0);
  EXPECT_EQ(Read({{"x-vivo-context", alone}}).trace_flags, kSampled);
}

TEST_F(HopTest, OnlyWhatIsConfiguredIsRead) {
  read_ = {Carrier::kB3};
  const Context& context = Read({{"traceparent", "broken"}, {"b3", "0000000000000007-0000000000000008-1"}, {"x-tenant", "acme"}});
  EXPECT_EQ(context.trace_id, (TraceId{0, 7}));
  EXPECT_EQ(context.tenant, "");
  EXPECT_TRUE(extraction_.malformed.empty());
}

TEST_F(HopTest, TwoLinesOfASingleValuedFieldAreMalformed) {
  const std::string vctx = Vctx({.tenant = "t"});
  for (const auto& [name, value, carrier] : std::vector<std::tuple<std::string, std::string, Carrier>>{
           {"x-vivo-context", vctx, Carrier::kVctx},
           {"x-context", XContext({.biz_flags = 1}), Carrier::kXContext},
           {"traceparent", kTraceparent, Carrier::kTrace},
           {"b3", "1", Carrier::kB3},
           {"x-b3-sampled", "1", Carrier::kB3Multi},
           {"x-timeout-ms", "100", Carrier::kTimeout},
           {"x-request-id", "id", Carrier::kRequestId},
           {"x-deadline", "1", Carrier::kDeadline},
           {"x-tenant", "t", Carrier::kTenant}}) {
    Read({{name, value}});
    EXPECT_EQ(extraction_.found, CarrierSet{carrier}) << name;
    EXPECT_TRUE(extraction_.malformed.empty()) << name;
    const Context& context = Read({{name, value}, {"accept", "*/*"}, {name, value}});
    EXPECT_EQ(extraction_.malformed, CarrierSet{carrier}) << name;
    EXPECT_TRUE(extraction_.found.empty()) << name;
    EXPECT_FALSE(context.has_deadline() || context.trace_id) << name;
    EXPECT_TRUE(context.tenant.empty() && context.request_id.empty()) << name;
    Write(context, {});
    EXPECT_EQ(headers_.size(), 1u) << name;  // not forwarded
  }
}

TEST_F(HopTest, ListsAreJoined) {
  const Context& context = Read({{"traceparent", kTraceparent},
                                 {"tracestate", "a=1"},
                                 {"baggage", "k=1,l=2"},
                                 {"tracestate", "b=2"},
                                 {"baggage", "m=3,k=4"}});
  EXPECT_EQ(context.tracestate, "a=1,b=2");
  EXPECT_EQ(context.baggage.size(), 3u);
  EXPECT_EQ(context.baggage.Find("k")->value(), "1");
  EXPECT_TRUE(extraction_.malformed.empty());
}

TEST_F(HopTest, ABrokenTracestateIsDroppedAlone) {
  const Context& context = Read({{"traceparent", kTraceparent}, {"tracestate", "a=1,a=2"}});
  EXPECT_EQ(context.trace_id, kTrace);
  EXPECT_EQ(context.tracestate, "");
  EXPECT_EQ(extraction_.left_out, 1u);
  Write(context);
  EXPECT_EQ(Field("tracestate"), "");
  Read({{"tracestate", "a=1"}});
  EXPECT_EQ(extraction_.malformed, CarrierSet{Carrier::kTrace});
}

TEST_F(HopTest, DeadlinesOfAllCarriersTheEarliestCounts) {
  Context vctx, fixed;
  vctx.deadline = In(300ms);
  fixed.deadline = In(200ms);
  const Context& context =
      Read({{"x-vivo-context", Vctx(vctx)}, {"x-context", XContext(fixed)}, {"x-deadline", std::to_string(In(250ms))}});
  EXPECT_EQ(context.deadline, In(200ms));
  EXPECT_EQ(context.deadline_at, kMoment.monotonic + 200ms);
}

TEST_F(HopTest, WithinTheToleranceThePointInTimeCounts) {
  for (const base::Duration off : {-2ms, -1ms, 0ms, 1ms, 2ms}) {
    const Context& context = Read({{"x-deadline", std::to_string(In(300ms + off))}, {"x-timeout-ms", "300"}});
    EXPECT_EQ(context.deadline, In(300ms + off));
    EXPECT_EQ(context.deadline_at, kMoment.monotonic + 300ms + off);
    EXPECT_EQ(extraction_.clock_skew, 0ms);
  }
}

TEST_F(HopTest, BeyondItTheTimeLeftCounts) {
  for (const base::Duration off : {base::Duration(-5s), base::Duration(-2'000'001), base::Duration(2'000'001), base::Duration(5s)}) {
    const Context& context = Read({{"x-deadline", std::to_string(In(300ms + off))}, {"x-timeout-ms", "300"}});
    EXPECT_EQ(context.deadline, In(300ms));
    EXPECT_EQ(context.deadline_at, kMoment.monotonic + 300ms);
    EXPECT_EQ(extraction_.clock_skew, off);
  }
}

TEST_F(HopTest, TheSmallestTimeLeftCounts) {
  grpc_ = true;
  EXPECT_EQ(Read({{"x-timeout-ms", "300"}, {"grpc-timeout", "200m"}}).deadline, In(200ms));
  EXPECT_EQ(Read({{"x-timeout-ms", "100"}, {"grpc-timeout", "200m"}}).deadline, In(100ms));
  EXPECT_EQ(Read({{"x-timeout-ms", "-1"}, {"grpc-timeout", "200m"}}).deadline, In(200ms));
  EXPECT_EQ(extraction_.malformed, CarrierSet{Carrier::kTimeout});
  EXPECT_FALSE(Read({{"grpc-timeout", "200"}}).has_deadline());
  grpc_ = false;
  EXPECT_FALSE(Read({{"grpc-timeout", "200m"}}).has_deadline());  // it means nothing outside of gRPC
}

TEST_F(HopTest, FarAndPastDeadlinesSaturate) {
  EXPECT_FALSE(Read({{"x-deadline", "0"}}).has_deadline());
  Context far;
  far.deadline = UINT64_MAX;
  EXPECT_EQ(Read({{"x-vivo-context", Vctx(far)}}).deadline, UINT64_MAX);
  EXPECT_GT(TimeLeft(extraction_.context, kMoment.monotonic), 24h * 365);
  EXPECT_EQ(Read({{"x-deadline", "1"}}).deadline, 1u);
  EXPECT_LT(TimeLeft(extraction_.context, kMoment.monotonic), -24h * 365);
  EXPECT_EQ(Read({{"x-timeout-ms", "999999999999999999"}}).deadline, In(24h * 365 * 10));
  EXPECT_EQ(Read({{"x-timeout-ms", "0"}}).deadline_at, kMoment.monotonic);
  EXPECT_TRUE(extraction_.context.has_deadline());
}

TEST_F(HopTest, DeadlinesAreCappedNeverLengthened) {
  Context context;
  CapDeadline(context, 1s, kMoment);
  EXPECT_EQ(context.deadline, In(1s));
  EXPECT_EQ(context.deadline_at, kMoment.monotonic + 1s);
  CapDeadline(context, 2s, kMoment);
  EXPECT_EQ(context.deadline, In(1s));
  CapDeadline(context, 300ms, kMoment);
  EXPECT_EQ(context.deadline, In(300ms));
  CapDeadlineAt(context, kMoment.monotonic + 500ms, kMoment);
  EXPECT_EQ(context.deadline, In(300ms));
  CapDeadlineAt(context, kMoment.monotonic - 1ms, kMoment);
  EXPECT_EQ(context.deadline, kNow - 1'000'000);
  EXPECT_EQ(TimeLeft(context, kMoment.monotonic), -1ms);
}

}  // namespace
}  // namespace pillion::context
