#include "source/context/w3c.h"

#include <gtest/gtest.h>

#include <string>

#include "source/context/b3.h"
#include "source/context/standard.h"
#include "source/context/timeout.h"
#include "source/context/tx.h"
#include "source/context/x_context.h"

namespace pillion::context {
namespace {

using namespace std::chrono_literals;

constexpr TraceId kTrace{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
constexpr SpanId kSpan = 0x00f067aa0ba902b7;

Context Traced(uint8_t flags) {
  Context context;
  context.trace_id = kTrace;
  context.span_id = kSpan;
  context.trace_flags = flags;
  context.has_trace_flags = true;
  return context;
}

TEST(Traceparent, Reads) {
  for (const char* text : {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what comes later"}) {
    Context context;
    ASSERT_TRUE(DecodeTraceparent(text, context)) << text;
    EXPECT_EQ(context.trace_id, kTrace);
    EXPECT_EQ(context.span_id, kSpan);
    EXPECT_EQ(context.trace_flags, 1);
  }
}

TEST(Traceparent, RefusesTheRest) {
  for (const char* bad : {
           "",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
           "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
           "0X-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
           " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
       }) {
    Context context;
    EXPECT_FALSE(DecodeTraceparent(bad, context)) << bad;
  }
}

TEST(Traceparent, WritesKnownFlagsOnly) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  EXPECT_EQ(EncodeTraceparent(Traced(1), arena), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_EQ(EncodeTraceparent(Traced(0xff), arena), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03");
}

TEST(Tracestate, IsChecked) {
  for (const std::string& good : {std::string("a=1"), std::string("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"),
                                  std::string("a=1 , b=2"), std::string("a=1,,b=2,"), std::string("1a@b-c_d*e/f=v v"),
                                  "a=" + std::string(256, 'x')}) {
    EXPECT_TRUE(IsTracestate(good)) << good;
  }
  std::string members;
  for (int i = 0; i < 32; ++i) members += "k" + std::to_string(i) + "=v,";
  EXPECT_TRUE(IsTracestate(members));
  for (const std::string& bad : {std::string(), std::string(","), std::string("a"), std::string("=1"), std::string("a="),
                                 std::string("A=1"), std::string("a=1,a=2"), std::string("a=b=c"), std::string("a b=1"),
                                 std::string("a=\x80"),
                                 std::string("_a=1"), std::string("a=\x01"), "a=" + std::string(257, 'x'), std::string(257, 'a') + "=x",
                                 members + "last=1", "a=" + std::string(250, 'x') + ",b=" + std::string(250, 'x') + ",cdef=12345"}) {
    EXPECT_FALSE(IsTracestate(bad)) << bad;
  }
}

TEST(B3, ReadsAndWritesOneField) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  Context context;
  ASSERT_TRUE(DecodeB3("4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90", context));
  EXPECT_EQ(context.trace_id, kTrace);
  EXPECT_EQ(context.span_id, kSpan);
  EXPECT_EQ(context.trace_flags, kSampled);
  EXPECT_EQ(EncodeB3(context, arena), "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1");
  context = Context();
  ASSERT_TRUE(DecodeB3("a3ce929d0e0e4736-00f067aa0ba902b7", context));
  EXPECT_EQ(context.trace_id, (TraceId{0, kTrace.low}));
  EXPECT_FALSE(context.has_trace_flags);
  EXPECT_EQ(EncodeB3(context, arena), "0000000000000000a3ce929d0e0e4736-00f067aa0ba902b7");
  for (const char* state : {"0", "1", "d"}) {
    context = Context();
    ASSERT_TRUE(DecodeB3(state, context));
    EXPECT_TRUE(context.has_trace_flags);
    EXPECT_EQ(context.trace_flags, state[0] == '0' ? 0 : kSampled);
    EXPECT_FALSE(context.trace_id);
  }
  for (const char* bad : {"", "2", "-", "4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736-",
                          "a3ce929d0e0e4736-00f067aa0ba902b7-", "a3ce929d0e0e4736-00f067aa0ba902b7-2",
                          "a3ce929d0e0e4736-00f067aa0ba902b7-1-", "a3ce929d0e0e4736-00f067aa0ba902b7-1-1",
                          "A3CE929D0E0E4736-00f067aa0ba902b7", "0000000000000000-00f067aa0ba902b7", "a3ce929d0e0e4736-0000000000000000",
                          "a3ce929d0e0e473-00f067aa0ba902b7", "a3ce929d0e0e4736-00f067aa0ba902b7-1-05e3ac9a4f6e3b90-1"}) {
    context = Context();
    EXPECT_FALSE(DecodeB3(bad, context)) << bad;
  }
}

TEST(B3, ReadsAndWritesSeveralFields) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  const B3Fields written = EncodeB3Fields(Traced(1), arena);
  EXPECT_EQ(written.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(written.span_id, "00f067aa0ba902b7");
  EXPECT_EQ(written.sampled, "1");
  Context context;
  ASSERT_TRUE(DecodeB3(written, context));
  EXPECT_TRUE(Agrees(context, Traced(1)));
  Context undecided = Traced(0);
  undecided.has_trace_flags = false;
  EXPECT_EQ(EncodeB3Fields(undecided, arena).sampled, "");
  const auto read = [](const B3Fields& fields) {
    Context context;
    return !DecodeB3(fields, context) ? -1 : context.has_trace_flags ? context.trace_flags : 2;
  };
  EXPECT_EQ(read({.sampled = "0"}), 0);
  EXPECT_EQ(read({.sampled = "false"}), 0);
  EXPECT_EQ(read({.sampled = "true"}), 1);
  EXPECT_EQ(read({.sampled = "0", .flags = "1"}), 1);
  EXPECT_EQ(read({.flags = "0"}), 2);
  EXPECT_EQ(read({.flags = "2"}), -1);
  EXPECT_EQ(read({.sampled = "yes"}), -1);
  EXPECT_EQ(read({.trace_id = "a3ce929d0e0e4736"}), -1);
  EXPECT_EQ(read({.span_id = "a3ce929d0e0e4736"}), -1);
  EXPECT_EQ(read({.sampled = "1", .parent_span_id = "a3ce929d0e0e4736"}), 1);
  EXPECT_EQ(read({.sampled = "1", .parent_span_id = "x"}), -1);
}

TEST(XContext, ReadsAndWrites) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  Context context = Traced(1);
  context.deadline = 0x0102030405060708;
  context.cancel_reason = CancelReason::kTimeout;
  context.biz_flags = 0x8001;
  const std::string text(EncodeXContext(context, arena));
  EXPECT_EQ(text, "S/kvNXezTaajzpKdDg5HNgDwZ6oLqQK3AQIDBAUGBwgBgAE=");
  Context read;
  ASSERT_TRUE(DecodeXContext(text, read));
  EXPECT_EQ(read.deadline, context.deadline);
  EXPECT_EQ(read.cancel_reason, CancelReason::kTimeout);
  EXPECT_EQ(read.biz_flags, 0x8001);
  EXPECT_EQ(read.trace_id, kTrace);
  EXPECT_EQ(read.span_id, kSpan);
  EXPECT_FALSE(read.has_trace_flags);
  EXPECT_TRUE(Agrees(read, context));
  EXPECT_TRUE(DecodeXContext(text.substr(0, 47), read));
  EXPECT_FALSE(DecodeXContext(text.substr(0, 46), read));
  EXPECT_FALSE(DecodeXContext(text + "AAAA", read));
  EXPECT_FALSE(DecodeXContext("", read));
}

TEST(Timeout, ReadsAndWrites) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  EXPECT_EQ(ParseTimeoutMs("300"), 300ms);
  EXPECT_EQ(ParseTimeoutMs("0"), 0ms);
  EXPECT_EQ(ParseTimeoutMs("007"), 7ms);
  EXPECT_EQ(ParseTimeoutMs("999999999999999999"), kLongestTimeout);
  for (const char* bad : {"", "-1", "+1", "1e3", "1.5", " 1", "1 ", "1,2", "0x1", "9999999999999999999", "99999999999999999999"}) {
    EXPECT_EQ(ParseTimeoutMs(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(TimeoutMsText(1500us, arena), "1");
  EXPECT_EQ(TimeoutMsText(999us, arena), "1");
  EXPECT_EQ(TimeoutMsText(-5s, arena), "1");
  EXPECT_EQ(TimeoutMsText(299'999us, arena), "299");
  EXPECT_EQ(GrpcTimeLeftText(299'999us, arena), "299m");
  EXPECT_EQ(GrpcTimeLeftText(-5s, arena), "1m");
}

TEST(Standard, ReadsAndWrites) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  EXPECT_EQ(ParseDeadline("1795000000000000000"), 1795000000000000000u);
  EXPECT_EQ(ParseDeadline("0"), 0u);
  EXPECT_EQ(ParseDeadline("9223372036854775807"), 9223372036854775807u);
  for (const char* bad : {"", "-1", "9223372036854775808", "1.0", "1 ", "now"}) EXPECT_EQ(ParseDeadline(bad), std::nullopt) << bad;
  EXPECT_EQ(DeadlineText(1795000000000000000, arena), "1795000000000000000");
  EXPECT_EQ(DeadlineText(UINT64_MAX, arena), "9223372036854775807");
  EXPECT_TRUE(IsShortText("x", 1));
  EXPECT_FALSE(IsShortText("xy", 1));
  EXPECT_FALSE(IsShortText("", 1));
  EXPECT_FALSE(IsShortText("a\nb", 9));
}

TEST(Tx, IsPassedOnAsItIs) {
  Transaction transaction;
  EXPECT_TRUE(transaction.Take("vivoTX_xid", "10.0.0.1:8091:1"));
  EXPECT_TRUE(transaction.Take("vivoTX_branch_id", "2"));
  EXPECT_TRUE(transaction.Take("vivoTX_timeout", "\x00\xff"));
  EXPECT_FALSE(transaction.Take("vivotx_xid", "other"));
  EXPECT_EQ(transaction.xid, "10.0.0.1:8091:1");
  EXPECT_EQ(transaction.branch_id, "2");
  EXPECT_EQ(transaction.timeout, "\x00\xff");
}

}  // namespace
}  // namespace pillion::context
