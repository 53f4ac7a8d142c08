#include "source/context/set_baggage.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "source/context/vctx.h"
#include "source/context/w3c_baggage.h"

namespace pillion::context {
namespace {

using Entry = Baggage::Entry;

constexpr CarrierSet kBoth = {Carrier::kVctx, Carrier::kBaggage};

class SetBaggageTest : public testing::Test {
 protected:
  Entry Make(std::string_view key, std::string_view value) {
    return {arena_.Copy(key), arena_.Copy(value), static_cast<uint32_t>(value.size())};
  }
  void Have(std::string_view key, std::string_view value) {
    uint32_t none = 0;
    context_.baggage.Add(Make(key, value), arena_, none);
  }
  bool Set(const std::vector<Entry>& entries, CarrierSet carriers = kBoth) {
    return SetBaggage(context_, entries, carriers, arena_, left_out_);
  }
  std::string List() {
    uint32_t none = 0;
    return std::string(EncodeBaggage(context_.baggage, arena_, none));
  }
  // By a vctx.
  std::string Arrives(std::string_view key) {
    uint32_t none = 0;
    char bytes[kMostVctxBytes];
    const size_t size = EncodeVctx(context_, bytes, none);
    Context read;
    EXPECT_TRUE(DecodeVctx({bytes, size}, arena_, read));
    const Entry* const entry = read.baggage.Find(key);
    return entry == nullptr ? "" : std::string(entry->value());
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  Context context_;
  uint32_t left_out_ = 0;
};

TEST_F(SetBaggageTest, InPlaceOfTheSameKeys) {
  Have("a", "1");
  Have("env", "blue");
  Have("b", "2");
  ASSERT_TRUE(Set({Make("env", "gray"), Make("version", "v2.1")}));
  EXPECT_EQ(List(), "env=gray,version=v2.1,a=1,b=2");
  ASSERT_TRUE(Set({Make("env", ""), Make("none", "")}));
  EXPECT_EQ(List(), "version=v2.1,a=1,b=2");
  EXPECT_EQ(context_.baggage.Find("env"), nullptr);
  EXPECT_EQ(left_out_, 0u);
}

TEST_F(SetBaggageTest, CopiesKeepWhatTheyHave) {
  Have("env", "blue");
  const Context copy = context_;
  ASSERT_TRUE(Set({Make("env", "gray")}));
  EXPECT_EQ(copy.baggage.Find("env")->value(), "blue");
}

TEST_F(SetBaggageTest, AVctxThatWasReadIsWrittenAnew) {
  Have("env", "blue");
  uint32_t none = 0;
  Context read;
  ASSERT_TRUE(DecodeVctxText(EncodeVctxText(context_, true, arena_, none), arena_, read));
  context_ = read;
  ASSERT_NE(context_.origin, nullptr);
  ASSERT_TRUE(Set({Make("env", "gray")}));
  EXPECT_EQ(Arrives("env"), "gray");
  EXPECT_NE(EncodeVctxText(context_, true, arena_, none), read.origin->text);
}

// Others are left out instead.
TEST_F(SetBaggageTest, AColourHasRoomBeforeOthers) {
  context_.tenant = "acme";
  Have("a", std::string(1005, 'x'));
  ASSERT_TRUE(Set({Make("env", "gray")}));
  EXPECT_EQ(Arrives("env"), "gray");
  EXPECT_EQ(Arrives("a"), "");
}

TEST_F(SetBaggageTest, WhatHasNoRoomIsRefused) {
  Have("env", std::string(500, 'x'));
  const std::string before = List();
  EXPECT_FALSE(Set({Make("version", std::string(600, 'y'))}));
  EXPECT_EQ(List(), before);
  EXPECT_TRUE(Set({Make("version", std::string(600, 'y'))}, {Carrier::kBaggage}));
  EXPECT_TRUE(Set({Make("version", std::string(600, 'y')), Make("env", "gray")}));  // that makes room
  EXPECT_EQ(Arrives("env"), "gray");
  EXPECT_FALSE(Set({Make("k", std::string(kLongestBaggage, 'y'))}, {Carrier::kBaggage}));
}

// But for a colour the tenant comes first.
TEST_F(SetBaggageTest, TheTenantComesBeforeOtherKeys) {
  const std::string tenant(100, 't');
  context_.tenant = tenant;
  const std::string value(920, 'x');
  EXPECT_FALSE(Set({Make("lane", value)}));
  EXPECT_TRUE(Set({Make("env", value)}));
  EXPECT_EQ(Arrives("env"), value);
}

TEST_F(SetBaggageTest, WhatHasNoFormIsRefused) {
  EXPECT_FALSE(Set({Make("", "v")}));
  EXPECT_FALSE(Set({Make(std::string(kLongestBaggageKey + 1, 'k'), "v")}));
  EXPECT_FALSE(Set({Make("no token", "v")}));
  EXPECT_TRUE(Set({Make("no token", "v")}, {Carrier::kVctx}));
  EXPECT_FALSE(Set({Make("env", "a;b")}));  // a vctx would say that b is a property
  EXPECT_FALSE(Set({Make("env", "gray")}, {Carrier::kTrace}));  // which has no baggage
}

// Who takes a stranger's word out of it need not see to what else is there.
TEST_F(SetBaggageTest, ToTakeAwayNeedsNoRoom) {
  Have("env", std::string(kMostVctxBytes, 'x'));
  Have("lane", "theirs");
  ASSERT_TRUE(Set({Make("lane", "")}));
  EXPECT_EQ(context_.baggage.Find("lane"), nullptr);
  EXPECT_NE(context_.baggage.Find("env"), nullptr);
  ASSERT_TRUE(Set({Make("env", "")}, {Carrier::kTrace}));
  EXPECT_TRUE(context_.baggage.empty());
}

TEST_F(SetBaggageTest, TheListHasABound) {
  for (size_t i = 0; i < Baggage::kMost; ++i) Have("k" + std::to_string(i), "v");
  ASSERT_TRUE(Set({Make("env", "gray")}));
  EXPECT_EQ(context_.baggage.size(), Baggage::kMost);
  EXPECT_EQ(left_out_, 1u);
  EXPECT_EQ(context_.baggage.Find("env")->value(), "gray");
}

}  // namespace
}  // namespace pillion::context
