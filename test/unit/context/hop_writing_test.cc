// A head goes out: what is written of what was read.

#include "source/context/trust.h"
#include "test/unit/context/hop_fixture.h"

namespace pillion::context {
namespace {

using namespace std::chrono_literals;

TEST_F(HopTest, WritesTheDefaultCarriers) {
  Context context = Read({{"traceparent", kTraceparent}, {"tracestate", "k=v"}, {"baggage", "a=1,env=grey"}, {"x-timeout-ms", "300"},
                          {"x-request-id", "id"}, {"accept", "*/*"}});
  context.tenant = "acme";
  EXPECT_EQ(Write(context), 0u);
  EXPECT_EQ(Field("traceparent"), kTraceparent);
  EXPECT_EQ(Field("tracestate"), "k=v");
  EXPECT_EQ(Field("baggage"), "a=1,env=grey");
  EXPECT_EQ(Field("x-timeout-ms"), "300");
  EXPECT_EQ(Field("x-request-id"), "id");
  EXPECT_EQ(Field("x-tenant"), "");
  EXPECT_EQ(Field("b3"), "");
  EXPECT_EQ(Field("accept"), "*/*");
  EXPECT_EQ(headers_.size(), 7u);
  const Context vctx = VctxWritten();
  EXPECT_TRUE(Agrees(vctx, context));
  EXPECT_TRUE(Agrees(context, vctx));
}

TEST_F(HopTest, WritesEveryCarrier) {
  Context context = Read({{"traceparent", kTraceparent}, {"x-timeout-ms", "300"}, {"x-tenant", "acme"}, {"x-request-id", "id"},
                          {"baggage", "a=1"}});
  Write(context, kAllCarriers);
  EXPECT_EQ(Field("b3"), "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
  EXPECT_EQ(Field("x-b3-traceid"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(Field("x-b3-spanid"), "00f067aa0ba902b7");
  EXPECT_EQ(Field("x-b3-sampled"), "1");
  EXPECT_EQ(Field("x-deadline"), std::to_string(In(300ms)));
  EXPECT_EQ(Field("x-tenant"), "acme");
  Fields fields;
  for (const http::HeaderField& field : headers_) fields.emplace_back(field.name(), field.value());
  const Context again = Read(fields);
  EXPECT_EQ(extraction_.found, kAllCarriers);
  EXPECT_TRUE(Agrees(context, again));
  EXPECT_TRUE(Agrees(again, context));
}

TEST_F(HopTest, GrpcHasFieldsOfItsOwn) {
  grpc_ = true;
  Context context = Read({{"grpc-timeout", "300m"}, {"traceparent", kTraceparent}});
  Write(context);
  EXPECT_EQ(Field("grpc-timeout"), "300m");
  EXPECT_EQ(Field("x-timeout-ms"), "");
  EXPECT_EQ(Field("x-vivo-context"), "");
  EXPECT_EQ(VctxWritten().deadline, In(300ms));
  EXPECT_EQ(Field("vctx-bin").find('='), std::string::npos);
}

TEST_F(HopTest, GrpcTakesTheTextFormToo) {
  grpc_ = true;
  Context one, other;
  one.tenant = "one";
  other.tenant = "other";
  EXPECT_EQ(Read({{"x-vivo-context", Vctx(one)}}).tenant, "one");
  const Context context = Read({{"x-vivo-context", Vctx(one)}, {"vctx-bin", Vctx(other)}, {"x-timeout-ms", "50"}});
  EXPECT_EQ(context.tenant, "other");
  Write(context);
  EXPECT_EQ(Field("x-vivo-context"), Vctx(context));  // both say the same from here on
  EXPECT_EQ(VctxWritten().tenant, "other");
  EXPECT_EQ(Field("x-timeout-ms"), "50");
  EXPECT_EQ(Field("grpc-timeout"), "50m");
}

// What nobody has looked at says what the rest says, too: whoever is behind may look at it.
TEST_F(HopTest, TheTextFormBesideGrpcsOwnNeverContradicts) {
  grpc_ = true;
  Context good, other;
  good.tenant = "good";
  other.tenant = "other";
  for (const std::string& text : {Vctx(other), Vctx(good), std::string("!")}) {
    const Context context = Read({{"x-vivo-context", text}, {"vctx-bin", Vctx(good)}});
    Write(context, kW3c);
    EXPECT_EQ(VctxWritten().tenant, "good");
    EXPECT_EQ(Field("x-vivo-context"), Vctx(context));
  }
  // Somebody who says in the one nothing that would not be let pass, and forges the other.
  Write(Context(Read({{"x-vivo-context", Vctx(other)}, {"vctx-bin", "dmN0eA"}})), kW3c);
  EXPECT_EQ(Field("vctx-bin") + Field("x-vivo-context"), "");
}

TEST_F(HopTest, OutsideOfGrpcItsFieldsAreLeftAlone) {
  const Context context = Read({{"vctx-bin", "!"}, {"grpc-timeout", "!"}});
  EXPECT_TRUE(extraction_.malformed.empty());
  Write(context);
  EXPECT_EQ(Field("vctx-bin"), "!");
  EXPECT_EQ(Field("grpc-timeout"), "!");
}

TEST_F(HopTest, TimeLeftIsToldAnew) {
  Context context = Read({{"x-timeout-ms", "300"}});
  Inject(context, {}, kMoment.monotonic + 100'100us, headers_);
  EXPECT_EQ(Field("x-timeout-ms"), "199");
  InjectTimeLeft(context, false, kMoment.monotonic + 250ms, headers_);
  EXPECT_EQ(Field("x-timeout-ms"), "50");
  InjectTimeLeft(context, false, kMoment.monotonic + 1s, headers_);
  EXPECT_EQ(Field("x-timeout-ms"), "1");
  EXPECT_EQ(VctxWritten().deadline, In(300ms));
  grpc_ = true;
  context = Read({{"grpc-timeout", "1S"}});
  Write(context);
  InjectTimeLeft(context, true, kMoment.monotonic + 400ms, headers_);
  EXPECT_EQ(Field("grpc-timeout"), "600m");
}

TEST_F(HopTest, AnEarlierDeadlineIsToldWhereOneWasAndNowhereElse) {
  Context context = Read({{"x-timeout-ms", "300"}, {"x-deadline", std::to_string(In(300ms))}, {"x-tenant", "acme"}});
  Write(context);
  Context told = context;
  CapDeadline(told, 100ms, kMoment);
  // Since then.
  headers_.Remove("traceparent");
  headers_.Remove("x-request-id");
  headers_.Remove("x-tenant");
  headers_.Add("x-tenant", "another");
  InjectDeadline(told, {}, kMoment.monotonic, headers_);
  EXPECT_EQ(Field("x-timeout-ms"), "100");
  EXPECT_EQ(Field("x-deadline"), std::to_string(In(100ms)));
  EXPECT_EQ(VctxWritten().deadline, In(100ms));
  EXPECT_EQ(Field("x-tenant"), "another");
  EXPECT_EQ(Field("traceparent") + Field("x-request-id"), "");
  headers_.Remove("x-vivo-context");
  headers_.Remove("x-timeout-ms");
  InjectDeadline(told, {}, kMoment.monotonic, headers_);
  EXPECT_EQ(Field("x-vivo-context") + Field("x-timeout-ms"), "");
}

TEST_F(HopTest, OtherCarriersStayAsTheyCame) {
  const std::string b3 = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-d-05e3ac9a4f6e3b90";
  const Context context = Read({{"b3", b3}, {"x-tenant", "acme"}, {"x-deadline", std::to_string(In(1s))}});
  Write(context);
  EXPECT_EQ(Field("b3"), b3);
  EXPECT_EQ(Field("x-tenant"), "acme");
  EXPECT_EQ(Field("x-deadline"), std::to_string(In(1s)));
  EXPECT_EQ(Field("traceparent"), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
}

// What was left out of them does not go on either.
TEST_F(HopTest, OthersOfWhichAPartWasLeftOutAreWrittenAnew) {
  const Context context = Read({{"traceparent", kTraceparent}, {"tracestate", "a=1,a=2"}, {"baggage", std::string(256, 'k') + "=1,b=2"}});
  EXPECT_EQ(extraction_.left_out, 2u);
  Write(context, {Carrier::kVctx});
  EXPECT_EQ(Field("traceparent"), kTraceparent);
  EXPECT_EQ(Field("tracestate"), "");
  EXPECT_EQ(Field("baggage"), "b=2");
}

TEST_F(HopTest, OthersThatContradictAreWrittenAnew) {
  Context context = Read({{"b3", "0000000000000007-0000000000000008-1"},
                          {"x-b3-traceid", "0000000000000007"},
                          {"x-b3-spanid", "0000000000000008"},
                          {"x-b3-parentspanid", "0000000000000009"},
                          {"traceparent", kTraceparent},
                          {"x-deadline", std::to_string(In(1s))},
                          {"x-tenant", "acme"},
                          {"x-timeout-ms", "999"},
                          {"x-context", XContext({.deadline = In(1s)})}});
  CapDeadline(context, 300ms, kMoment);
  context.tenant = {};
  Write(context, {Carrier::kTrace});
  EXPECT_EQ(Field("b3"), "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
  EXPECT_EQ(Field("x-b3-traceid"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(Field("x-b3-spanid"), "00f067aa0ba902b7");
  EXPECT_EQ(Field("x-b3-parentspanid"), "");
  EXPECT_EQ(Field("x-deadline"), std::to_string(In(300ms)));
  EXPECT_EQ(Field("x-timeout-ms"), "300");
  EXPECT_EQ(Field("x-tenant"), "");
  EXPECT_EQ(Field("x-context"), XContext(context));
  EXPECT_EQ(Field("x-vivo-context"), "");
}

TEST_F(HopTest, ARequestWithoutContextBegins) {
  base::Random random(1);
  Context context = Read({});
  BeginTrace(context, random);
  EXPECT_TRUE(context.trace_id);
  EXPECT_NE(context.span_id, 0u);
  EXPECT_EQ(context.trace_flags, kRandomTraceId);
  Write(context);
  EXPECT_EQ(Field("traceparent").size(), 55u);
  Context sampled = Read({{"b3", "1"}});
  BeginTrace(sampled, random);
  EXPECT_EQ(sampled.trace_flags, kSampled | kRandomTraceId);
  EXPECT_NE(sampled.trace_id, context.trace_id);
  Context goes_on = Read({{"traceparent", kTraceparent}});
  BeginTrace(goes_on, random);
  EXPECT_EQ(goes_on.trace_id, kTrace);
  EXPECT_EQ(goes_on.span_id, kSpan);
  EXPECT_EQ(goes_on.trace_flags, kSampled);
}

TEST_F(HopTest, WhatHasNoRoomIsCountedOnce) {
  Context context;
  const std::string big(900, 'x');
  Add(context, "a", big);
  Add(context, "b", big);
  Read({});
  EXPECT_EQ(Write(context), 1u);
  EXPECT_EQ(Field("baggage"), "a=" + big + ",b=" + big);
  EXPECT_EQ(VctxWritten().baggage.size(), 1u);
}

TEST_F(HopTest, AStrangersContextIsReplaced) {
  Fields fields = {{"traceparent", kTraceparent}, {"tracestate", "k=v"}, {"baggage", "a=1,env=grey,b=2"}, {"x-timeout-ms", "60000"},
                   {"x-request-id", "id"}, {"x-tenant", "acme"},
                   {"x-context", XContext({.cancel_reason = CancelReason::kError, .biz_flags = 0x8003})}};
  Context context = Read(fields);
  EXPECT_EQ(context.biz_flags, 0x8003);
  ReplaceAtEdge(context, {}, kMoment, arena_);
  EXPECT_FALSE(context.trace_id);
  EXPECT_FALSE(context.has_trace_flags);
  EXPECT_EQ(context.deadline, In(60s));
  EXPECT_EQ(context.biz_flags, 0);
  EXPECT_EQ(context.cancel_reason, CancelReason::kNone);
  EXPECT_TRUE(context.baggage.empty());
  EXPECT_TRUE(context.tenant.empty() && context.request_id.empty() && context.tracestate.empty());
  Write(context);
  for (const char* gone : {"traceparent", "tracestate", "baggage", "x-request-id", "x-tenant"}) EXPECT_EQ(Field(gone), "") << gone;

  context = Read(fields);
  const EdgePolicy policy{.keep_trace = true, .longest_deadline = 1s, .biz_flags = kRealNameCheck, .baggage = {"env", "b"}};
  ReplaceAtEdge(context, policy, kMoment, arena_);
  EXPECT_EQ(context.trace_id, kTrace);
  EXPECT_EQ(context.tracestate, "k=v");
  EXPECT_EQ(context.request_id, "id");
  EXPECT_EQ(context.deadline, In(1s));
  EXPECT_EQ(context.biz_flags, kRealNameCheck);
  EXPECT_EQ(context.baggage.size(), 2u);
  EXPECT_EQ(context.tenant, "");
  Write(context);
  EXPECT_EQ(Field("baggage"), "env=grey,b=2");
}

// A value with a ';' is one on each hop: what a reader of vctx alone would take for properties is not written there.
TEST_F(HopTest, AValueNeverBecomesAProperty) {
  const Context context = Read({{"baggage", "a=x%3Bk=v,b=y%3B%20z%2C,c=z;p=1"}});
  EXPECT_EQ(context.baggage.Find("a")->value(), "x;k=v");
  EXPECT_EQ(Write(context), 1u);
  const std::string baggage = Field("baggage");
  const Context written = VctxWritten();
  EXPECT_EQ(written.baggage.Find("a"), nullptr);
  EXPECT_EQ(written.baggage.Find("b")->value(), "y; z,");
  EXPECT_EQ(written.baggage.Find("c")->properties(), "p=1");
  const std::string vctx = Field("x-vivo-context");
  const Context next = Read({{"x-vivo-context", vctx}, {"baggage", baggage}});
  EXPECT_EQ(next.baggage.Find("a")->value(), "x;k=v");
  EXPECT_EQ(next.baggage.Find("a")->properties(), "");
  EXPECT_EQ(next.baggage.Find("c")->value(), "z");
}

}  // namespace
}  // namespace pillion::context
