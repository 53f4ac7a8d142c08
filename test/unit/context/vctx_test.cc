#include "source/context/vctx.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "source/context/base64.h"

namespace pillion::context {
namespace {

using namespace std::literals;

class VctxTest : public testing::Test {
 protected:
  static std::string Tlv(char type, std::string_view value) {
    return std::string{type, static_cast<char>(value.size() >> 8), static_cast<char>(value.size())} + std::string(value);
  }
  static std::string Entry(std::string_view key, std::string_view value) {
    return Tlv(4, std::string{static_cast<char>(key.size())} + std::string(key) + std::string(value));
  }
  bool Decode(const std::string& tlvs) { return DecodeBytes("vctx" + tlvs); }
  bool DecodeBytes(const std::string& bytes) {
    context_ = Context();
    return DecodeVctx(arena_.Copy(bytes), arena_, context_);
  }
  std::string Encode() {
    char bytes[kMostVctxBytes];
    left_out_ = 0;
    return std::string(bytes, EncodeVctx(context_, bytes, left_out_));
  }
  void Add(std::string_view key, std::string_view value) {
    uint32_t none = 0;
    context_.baggage.Add({arena_.Copy(key), arena_.Copy(value), static_cast<uint32_t>(value.size())}, arena_, none);
  }

  const std::string deadline_ = Tlv(1, "\x18\x5e\xd5\x2d\x4a\x1b\x00\x01"sv);
  const std::string trace_ = Tlv(2, "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36"sv);
  const std::string span_ = Tlv(3, "\x00\xf0\x67\xaa\x0b\xa9\x02\xb7"sv);

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  Context context_;
  uint32_t left_out_ = 0;
};

TEST_F(VctxTest, ReadsAndWritesAllTypes) {
  const std::string known = deadline_ + trace_ + span_ + Tlv(9, "\x03") + Tlv(8, "id-1") + Tlv(5, "\x00\x03"sv) + Tlv(6, "\x02") +
                            Entry("env", "grey") + Tlv(7, "acme") + Entry("a", "1") + Entry("b", "") + Tlv(10, "x=y");
  const std::string bytes = known + Tlv(0x20, "new") + Tlv(0x1f, "");
  ASSERT_TRUE(Decode(bytes));
  EXPECT_EQ(context_.deadline, 0x185ed52d4a1b0001u);
  EXPECT_EQ(context_.trace_id, (TraceId{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736}));
  EXPECT_EQ(context_.span_id, 0x00f067aa0ba902b7u);
  EXPECT_TRUE(context_.has_trace_flags);
  EXPECT_EQ(context_.trace_flags, 3);
  EXPECT_EQ(context_.request_id, "id-1");
  EXPECT_EQ(context_.biz_flags, kPaymentPath | kRealNameCheck);
  EXPECT_EQ(context_.cancel_reason, CancelReason::kCancel);
  EXPECT_EQ(context_.tenant, "acme");
  EXPECT_EQ(context_.tracestate, "x=y");
  ASSERT_EQ(context_.baggage.size(), 3u);
  EXPECT_EQ(context_.baggage.Find("env")->value(), "grey");
  EXPECT_EQ(context_.baggage.Find("b")->value(), "");
  EXPECT_EQ(context_.unknown, Tlv(0x20, "new") + Tlv(0x1f, ""));
  EXPECT_EQ(Encode(), "vctx" + bytes);
  EXPECT_EQ(left_out_, 0u);
}

TEST_F(VctxTest, AnyOrderIsReadAndTheDeadlineIsWrittenFirst) {
  ASSERT_TRUE(Decode(Tlv(0x40, "u1") + Entry("k", "v") + Tlv(0x41, "u2") + trace_ + deadline_));
  EXPECT_EQ(context_.unknown, Tlv(0x40, "u1") + Tlv(0x41, "u2"));
  EXPECT_EQ(Encode(), "vctx" + deadline_ + trace_ + Entry("k", "v") + Tlv(0x40, "u1") + Tlv(0x41, "u2"));
}

TEST_F(VctxTest, NothingIsAContextToo) {
  ASSERT_TRUE(Decode(""));
  EXPECT_EQ(Encode(), "vctx");
  ASSERT_TRUE(Decode(Tlv(1, std::string(8, '\0')) + Tlv(2, std::string(16, '\0')) + Tlv(7, "") + Tlv(8, "")));
  EXPECT_FALSE(context_.has_deadline());
  EXPECT_FALSE(context_.trace_id);
  EXPECT_EQ(Encode(), "vctx");
}

TEST_F(VctxTest, RefusesWhatIsMalformed) {
  EXPECT_FALSE(DecodeBytes(""));
  EXPECT_FALSE(DecodeBytes("vct"));
  EXPECT_FALSE(DecodeBytes("vctX" + deadline_));
  for (const char type : {1, 2, 3, 5, 6, 9}) {  // of a fixed size
    EXPECT_FALSE(Decode(Tlv(type, ""))) << int{type};
    EXPECT_FALSE(Decode(Tlv(type, "abc"))) << int{type};
    EXPECT_FALSE(Decode(Tlv(type, std::string(17, 'a')))) << int{type};
  }
  for (const std::string& once : {deadline_, trace_, span_, Tlv(5, "ab"), Tlv(6, "\1"), Tlv(7, "t"), Tlv(8, "r"), Tlv(9, "\1"),
                                  Tlv(10, "a=b"), Tlv(7, "")}) {
    EXPECT_TRUE(Decode(once));
    EXPECT_FALSE(Decode(once + once));
    EXPECT_FALSE(Decode(once + Tlv(0x30, "") + once));
  }
  EXPECT_FALSE(Decode(Tlv(0, "")));
  EXPECT_FALSE(Decode(Tlv(0, "abc")));
  EXPECT_FALSE(Decode(Tlv(4, "")));
  EXPECT_FALSE(Decode(Tlv(4, "\0v"sv)));
  EXPECT_FALSE(Decode(Tlv(4, "\2k")));
  EXPECT_FALSE(Decode(Tlv(7, std::string(129, 't'))));
  EXPECT_TRUE(Decode(Tlv(7, std::string(128, 't'))));
  EXPECT_FALSE(Decode(Tlv(8, std::string(129, 'r'))));
  EXPECT_TRUE(Decode(Tlv(8, std::string(128, 'r'))));
  for (const char* text : {"a\r\nb: c", "a\x01", "a\n", " a", "a ", "\x7f"}) {  // it would be written into a field
    EXPECT_FALSE(Decode(Tlv(7, text))) << text;
    EXPECT_FALSE(Decode(Tlv(8, text))) << text;
    EXPECT_FALSE(Decode(Tlv(10, std::string(text) + "=a"))) << text;
  }
  EXPECT_FALSE(Decode(Tlv(10, "no member")));
  EXPECT_FALSE(Decode(Tlv(10, "a=b ")));
  EXPECT_FALSE(Decode(Tlv(10, "a=b\r\nc: d")));
}

TEST_F(VctxTest, RefusesWhatEndsTooEarly) {
  const std::string all = "vctx" + deadline_ + trace_ + Entry("key", "value") + Tlv(0x50, "unknown");
  const std::string boundaries[] = {"vctx", "vctx" + deadline_, "vctx" + deadline_ + trace_,
                                    "vctx" + deadline_ + trace_ + Entry("key", "value"), all};
  for (size_t size = 0; size <= all.size(); ++size) {
    const std::string some = all.substr(0, size);
    const bool whole = std::find(std::begin(boundaries), std::end(boundaries), some) != std::end(boundaries);
    EXPECT_EQ(DecodeBytes(some), whole) << size;
  }
}

TEST_F(VctxTest, HasABound) {
  EXPECT_TRUE(Decode(Tlv(0x20, std::string(kMostVctxBytes - 4 - 3, 'x'))));
  EXPECT_EQ(Encode().size(), kMostVctxBytes);
  EXPECT_EQ(left_out_, 0u);
  EXPECT_FALSE(Decode(Tlv(0x20, std::string(kMostVctxBytes - 4 - 3 + 1, 'x'))));
}

TEST_F(VctxTest, LeavesOutFromTheEnd) {
  context_.deadline = 1;
  context_.tenant = "tenant";
  context_.tracestate = "a=b";
  context_.trace_id = {1, 2};
  context_.unknown = "\x21\x00\x01u\x22\x00\x00"sv;
  Add("long", std::string(600, 'l'));
  Add("env", "grey");
  Add("longer", std::string(500, 'm'));
  Add("short", "s");
  const std::string bytes = Encode();
  EXPECT_EQ(bytes, "vctx" + Tlv(1, "\0\0\0\0\0\0\0\1"sv) + Tlv(2, "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"sv) + Entry("env", "grey") +
                       Tlv(7, "tenant") + Entry("long", std::string(600, 'l')));
  EXPECT_EQ(left_out_, 5u);  // two entries, tracestate, two unknown types
}

TEST_F(VctxTest, TextIsBase64) {
  ASSERT_TRUE(Decode(deadline_));
  uint32_t left_out = 0;
  const std::string padded(EncodeVctxText(context_, true, arena_, left_out));
  const std::string unpadded(EncodeVctxText(context_, false, arena_, left_out));
  EXPECT_EQ(padded, "dmN0eAEACBhe1S1KGwAB");
  EXPECT_EQ(unpadded, padded);
  for (const std::string& text : {padded, unpadded}) {
    Context read;
    ASSERT_TRUE(DecodeVctxText(text, arena_, read));
    EXPECT_EQ(read.deadline, context_.deadline);
  }
  Context read;
  EXPECT_FALSE(DecodeVctxText(padded + ",", arena_, read));
  EXPECT_FALSE(DecodeVctxText("", arena_, read));
  const size_t before = arena_.bytes_taken();
  EXPECT_FALSE(DecodeVctxText(std::string(1'000'000, 'A'), arena_, read));
  EXPECT_EQ(arena_.bytes_taken(), before);  // it is not even decoded
}

TEST_F(VctxTest, PropertiesStayWithTheValue) {
  ASSERT_TRUE(Decode(Entry("k", "v;p=1;q") + Entry("l", "a;b c") + Entry("m", ";")));
  EXPECT_EQ(context_.baggage.Find("k")->value(), "v");
  EXPECT_EQ(context_.baggage.Find("k")->properties(), "p=1;q");
  EXPECT_EQ(context_.baggage.Find("l")->value(), "a;b c");  // no properties
  EXPECT_EQ(context_.baggage.Find("m")->value(), ";");
  EXPECT_EQ(Encode(), "vctx" + Entry("k", "v;p=1;q") + Entry("l", "a;b c") + Entry("m", ";"));
}

// What was read is written as it came, where that is how it would be written; and nothing else is.
class OriginTest : public VctxTest {
 protected:
  std::string_view Text(const std::string& tlvs, bool padded = true) {
    const std::string bytes = "vctx" + tlvs;
    std::string text(Base64Size(bytes.size(), padded), 0);
    EncodeBase64(bytes, padded, text.data());
    return arena_.Copy(text);
  }
  Context Read(std::string_view text) {
    Context context;
    EXPECT_TRUE(DecodeVctxText(text, arena_, context));
    return context;
  }
  // As it is, and as it is where nothing is known of what it was read from.
  std::string_view Write(const Context& context, bool padded = true) {
    uint32_t left_out = 0, left_out_anew = 0;
    const std::string_view text = EncodeVctxText(context, padded, arena_, left_out);
    Context anew = context;
    anew.origin = nullptr;
    EXPECT_EQ(text, EncodeVctxText(anew, padded, arena_, left_out_anew));
    char bytes[kMostVctxBytes], bytes_anew[kMostVctxBytes];
    EXPECT_EQ(VctxRest(context, bytes, left_out), VctxRest(anew, bytes_anew, left_out_anew));
    EXPECT_EQ(left_out, left_out_anew);
    return text;
  }
  bool GoesOn(std::string_view text, bool padded = true) {
    const std::string_view written = Write(Read(text), padded);
    return written.data() == text.data() && written.size() == text.size();
  }

  const std::string whole_ = deadline_ + trace_ + span_ + Tlv(9, "\x03") + Tlv(8, "id-1") + Tlv(5, "\x00\x03"sv) + Tlv(6, "\x02") +
                             Entry("env", "grey") + Entry("release", "2") + Tlv(7, "acme") + Entry("a", "1;p=q") + Entry("b", "") +
                             Tlv(10, "x=y") + Tlv(0x20, "new") + Tlv(0x1f, "");
};

TEST_F(OriginTest, WhatHasNotChangedGoesOnAsItCame) {
  for (const std::string& tlvs : {whole_, deadline_, trace_, trace_ + span_, Tlv(8, "id"), Entry("a", "1"), Tlv(0x20, "new")}) {
    for (const bool padded : {true, false}) EXPECT_TRUE(GoesOn(Text(tlvs, padded), padded)) << tlvs;
  }
}

TEST_F(OriginTest, WhatIsInAnotherFormDoesNot) {
  const std::string zero(8, 0), zero_trace(16, 0);
  for (const std::string& tlvs :
       {""s, trace_ + deadline_, span_, span_ + trace_, Tlv(9, "\x01"), Tlv(10, "x=y"), Tlv(2, zero_trace) + Tlv(10, "x=y"), Tlv(1, zero),
        trace_ + Tlv(3, zero), Tlv(5, zero.substr(6)), Tlv(6, zero.substr(7)), Tlv(7, ""), Tlv(8, ""), trace_ + Tlv(10, ""),
        Tlv(7, "acme") + Entry("env", "grey"), Entry("a", "1") + Tlv(7, "acme"), Entry("a", "1") + Entry("env", "grey"),
        Entry("a", "1") + Entry("a", "1"), Tlv(0x20, "new") + deadline_, Tlv(8, "id") + trace_}) {
    EXPECT_FALSE(GoesOn(Text(tlvs))) << tlvs;
  }
  EXPECT_FALSE(GoesOn(Text(trace_, true), false));
  EXPECT_FALSE(GoesOn(Text(trace_, false), true));
  const std::string url_safe(Text(Entry("a", "\xff\xff\xff\xff\xff")));
  ASSERT_NE(url_safe.find('/'), std::string::npos);
  EXPECT_TRUE(GoesOn(arena_.Copy(url_safe)));
  std::string other = url_safe;
  std::ranges::replace(other, '/', '_');
  EXPECT_EQ(Write(Read(arena_.Copy(other))), url_safe);
}

TEST_F(OriginTest, WhatHasChangedIsWritten) {
  const std::string_view text = Text(whole_);
  const Context read = Read(text);
  const std::function<void(Context&)> changes[] = {
      [](Context& context) { context.deadline += 1; },
      [](Context& context) { context.deadline = UINT64_MAX; },
      [](Context& context) { context.deadline = 0; },
      [](Context& context) { context.trace_id.low += 1; },
      [](Context& context) { context.trace_id = {}; },
      [](Context& context) { context.span_id += 1; },
      [](Context& context) { context.span_id = 0; },
      [](Context& context) { context.trace_flags ^= 1; },
      [](Context& context) { context.has_trace_flags = false; },
      [](Context& context) { context.biz_flags = 1; },
      [](Context& context) { context.cancel_reason = CancelReason::kNone; },
      [](Context& context) { context.request_id = "id-2"; },
      [](Context& context) { context.request_id.remove_suffix(1); },
      [](Context& context) { context.tenant = {}; },
      [](Context& context) { context.tracestate = "x=z"; },
      [](Context& context) { context.unknown = {}; },
      [](Context& context) { context.baggage = Baggage(); },
      [this](Context& context) { context.baggage.Add({"c", "3", 1}, arena_, left_out_); },
      [this](Context& context) { context.baggage.SetValueSize(*context.baggage.Find("a"), 5, arena_); }};
  for (const auto& change : changes) {
    Context context = read;
    change(context);
    EXPECT_NE(Write(context), text) << &change - changes;
    EXPECT_EQ(Write(read).data(), text.data());  // what was read has not changed with the copy
  }
  for (const std::string& tlvs : {deadline_, trace_, trace_ + span_, deadline_ + trace_ + span_, trace_ + Tlv(9, "\1") + Tlv(8, "i")}) {
    for (const bool padded : {true, false}) {
      Context context = Read(Text(tlvs, padded));
      context.deadline += context.has_deadline();
      context.trace_id.low += 1;
      context.span_id += 1;
      context.trace_flags ^= context.has_trace_flags;
      EXPECT_NE(Write(context, padded), Text(tlvs, padded));
    }
  }
  Context only_without = Read(Text(trace_));
  only_without.deadline = 1;
  EXPECT_EQ(Write(only_without), Text(Tlv(1, "\0\0\0\0\0\0\0\1"sv) + trace_));
}

}  // namespace
}  // namespace pillion::context
