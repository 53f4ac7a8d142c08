#include "source/context/w3c_baggage.h"

#include <gtest/gtest.h>

#include <string>

namespace pillion::context {
namespace {

class BaggageTest : public testing::Test {
 protected:
  bool Decode(std::string_view text) {
    baggage_ = Baggage();
    left_out_ = 0;
    return DecodeBaggage(arena_.Copy(text), arena_, baggage_, left_out_);
  }
  std::string Encode() {
    left_out_ = 0;
    return std::string(EncodeBaggage(baggage_, arena_, left_out_));
  }
  void Add(std::string_view key, std::string_view value) {
    baggage_.Add({arena_.Copy(key), arena_.Copy(value), static_cast<uint32_t>(value.size())}, arena_, left_out_);
  }
  // "key=value" or "key=value|properties", one after the other.
  std::string All() const {
    std::string all;
    for (const Baggage::Entry& entry : baggage_) {
      all += std::string(entry.key) + "=" + std::string(entry.value());
      if (!entry.properties().empty()) all += "|" + std::string(entry.properties());
      all += " ";
    }
    return all;
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  Baggage baggage_;
  uint32_t left_out_ = 0;
};

TEST_F(BaggageTest, ReadsAndWrites) {
  ASSERT_TRUE(Decode("a=1,b=2"));
  EXPECT_EQ(All(), "a=1 b=2 ");
  EXPECT_EQ(Encode(), "a=1,b=2");
  ASSERT_TRUE(Decode(" a = 1 ;p ; q=x\t, ,b=,c=x=y "));
  EXPECT_EQ(All(), "a=1|p ; q=x b= c=x=y ");
  EXPECT_EQ(Encode(), "a=1;p ; q=x,b=,c=x=y");
  ASSERT_TRUE(Decode(""));
  EXPECT_TRUE(baggage_.empty());
}

TEST_F(BaggageTest, ValuesArePercentEncoded) {
  ASSERT_TRUE(Decode("a=%C3%a4%20%2C%3B%22,b=100%,c=%zz%4,d=%00%0d%0A"));
  EXPECT_EQ(baggage_.Find("a")->value(), "\xc3\xa4 ,;\"");
  EXPECT_EQ(baggage_.Find("b")->value(), "100%");
  EXPECT_EQ(baggage_.Find("c")->value(), "%zz%4");
  EXPECT_EQ(baggage_.Find("d")->value(), std::string_view("\0\r\n", 3));
  EXPECT_EQ(Encode(), "a=%C3%A4%20%2C%3B%22,b=100%25,c=%25zz%254,d=%00%0D%0A");
  const std::string once = Encode();
  ASSERT_TRUE(Decode(once));
  EXPECT_EQ(Encode(), once);
}

TEST_F(BaggageTest, TheFirstOfAKeyCounts) {
  ASSERT_TRUE(Decode("a=1,b=2,a=3"));
  EXPECT_EQ(All(), "a=1 b=2 ");
  EXPECT_EQ(left_out_, 0u);
}

TEST_F(BaggageTest, RefusesWhatIsMalformed) {
  for (const char* bad : {"a", "=1", "a b=1", "a=1 2", "a=\"1\"", "a=1\\", "a=\xc3\xa4", "a=1\r\nb: 2", "a=1;", "a=1;;p", "a=1;=p",
                          "a=1;p q",
                          "\"a\"=1", "a=1,b", "a=\x7f", "a=1;p=\"x\""}) {
    EXPECT_FALSE(Decode(bad)) << bad;
  }
  EXPECT_FALSE(Decode(std::string_view("a=\0", 3)));
}

TEST_F(BaggageTest, HasBounds) {
  std::string text;
  for (int i = 0; i < 181; ++i) text += "k" + std::to_string(i) + "=v,";
  ASSERT_TRUE(Decode(text));
  EXPECT_EQ(baggage_.size(), kMostBaggageMembers);
  EXPECT_EQ(left_out_, 1u);
  ASSERT_TRUE(Decode("a=1,b=" + std::string(kLongestBaggage - 6, 'x') + ",c=3"));
  EXPECT_EQ(baggage_.size(), 2u);
  EXPECT_EQ(left_out_, 1u);
  EXPECT_EQ(Encode().size(), kLongestBaggage);
  Add("d", "4");
  EXPECT_EQ(Encode().size(), kLongestBaggage);
  EXPECT_EQ(left_out_, 1u);
  ASSERT_TRUE(Decode(std::string(255, 'k') + "=1," + std::string(256, 'k') + "=2"));
  EXPECT_EQ(baggage_.size(), 1u);
  EXPECT_EQ(left_out_, 1u);
}

TEST_F(BaggageTest, WhatCannotBeWrittenIsLeftOut) {
  Add("k y", "1");
  Add("k", "2");
  Add("k\r\nx: y", "3");
  EXPECT_EQ(Encode(), "k=2");
  EXPECT_EQ(left_out_, 2u);
  baggage_ = Baggage();
  for (size_t i = 0; i < 200; ++i) Add("k" + std::to_string(i), "v");
  EXPECT_EQ(Encode().find("k180="), std::string::npos);
  EXPECT_EQ(left_out_, 20u);
}

// A vctx has them as they are; a field must not end with one.
TEST_F(BaggageTest, PropertiesAreWrittenWithoutBlanksAroundThem) {
  baggage_.Add({"k", "v; p = 1\t ", 1}, arena_, left_out_);
  baggage_.Add({"l", "v; ", 1}, arena_, left_out_);
  EXPECT_EQ(Encode(), "k=v;p = 1,l=v");
}

TEST_F(BaggageTest, AListHasABound) {
  for (size_t i = 0; i < Baggage::kMost + 3; ++i) Add("k" + std::to_string(i), "v");
  EXPECT_EQ(baggage_.size(), Baggage::kMost);
  EXPECT_EQ(left_out_, 3u);
}

TEST_F(BaggageTest, TheEarlierCarrierWinsPerKey) {
  Add("a", "1");
  Add("b", "2");
  const Baggage first = baggage_;
  ASSERT_TRUE(Decode("a=9,c=3"));
  Baggage merged = first;
  merged.Merge(baggage_, arena_, left_out_);
  baggage_ = merged;
  EXPECT_EQ(All(), "a=1 b=2 c=3 ");
  EXPECT_EQ(first.size(), 2u);
}

TEST_F(BaggageTest, OnlyW3cKnowsForCertainWherePropertiesBegin) {
  EXPECT_EQ(ValueSize("v"), 1u);
  EXPECT_EQ(ValueSize("v;p=1"), 1u);
  EXPECT_EQ(ValueSize("v;p q"), 5u);
  EXPECT_EQ(ValueSize(";"), 1u);
  uint32_t none = 0;
  Baggage vctx;
  vctx.Add({"k", "a;b", 1}, arena_, none);
  vctx.Add({"l", "c;d", 3}, arena_, none);
  const Baggage before = vctx;
  vctx = before;
  ASSERT_TRUE(DecodeBaggage("k=a%3Bb,l=c;d,m=1;p", arena_, vctx, none));
  EXPECT_EQ(vctx.Find("k")->value(), "a;b");
  EXPECT_EQ(vctx.Find("l")->value(), "c");
  EXPECT_EQ(before.Find("k")->value(), "a");
  EXPECT_EQ(std::string(EncodeBaggage(vctx, arena_, none)), "k=a%3Bb,l=c;d,m=1;p");
}

TEST_F(BaggageTest, CopiesDoNotSeeWhatIsAddedLater) {
  Add("a", "1");
  Baggage one = baggage_, two = baggage_;
  one.Add({"b", "1", 1}, arena_, left_out_);
  two.Add({"c", "2", 1}, arena_, left_out_);
  Add("d", "3");
  EXPECT_NE(one.Find("b"), nullptr);
  EXPECT_EQ(one.Find("c"), nullptr);
  EXPECT_NE(two.Find("c"), nullptr);
  EXPECT_NE(baggage_.Find("d"), nullptr);
  EXPECT_EQ(baggage_.Find("b"), nullptr);
}

TEST_F(BaggageTest, WhatHasNotChangedGoesOnAsItCame) {
  const auto goes_on = [&](std::string_view text) {
    left_out_ = 0;
    EXPECT_TRUE(DecodeBaggage(text, arena_, baggage_, left_out_)) << text;
    const std::string_view written = EncodeBaggage(baggage_, arena_, left_out_);
    Baggage anew = baggage_;
    anew.set_w3c_text({});
    uint32_t left_out = 0;
    EXPECT_EQ(written, EncodeBaggage(anew, arena_, left_out));
    return written.data() == text.data() && written.size() == text.size();
  };
  for (const std::string_view text : {"a=1", "a=1,b=2,c=", "env=grey,x=a=b"}) {
    baggage_ = Baggage();
    EXPECT_TRUE(goes_on(text)) << text;
    EXPECT_TRUE(goes_on(arena_.Copy(text))) << text;  // by what another carrier has said
  }
  const std::string many = [] {
    std::string text = "k0=v";
    for (int i = 1; i <= 180; ++i) text += ",k" + std::to_string(i) + "=v";
    return text;
  }();
  for (const std::string_view text : {"a=1,", ",a=1", "a=1,,b=2", " a=1", "a=1 ", "a =1", "a= 1", "a=1, b=2", "a=%41", "a=1;p", "a=1,a=1",
                                      "a=1,b=2,a=1", many.c_str()}) {
    baggage_ = Baggage();
    EXPECT_FALSE(goes_on(text)) << text;
  }
  // Beside another carrier's.
  for (const std::string_view text : {"b=2", "b=2,a=1", "a=2,b=2", "a=1,c=3"}) {
    baggage_ = Baggage();
    Add("a", "1");
    Add("b", "2");
    EXPECT_FALSE(goes_on(text)) << text;
  }
  baggage_ = Baggage();
  Add("a", "1");
  EXPECT_TRUE(goes_on("a=1,b=2"));
  Baggage copy = baggage_;
  copy.Add({"c", "3", 1}, arena_, left_out_);
  EXPECT_EQ(EncodeBaggage(copy, arena_, left_out_), "a=1,b=2,c=3");
  EXPECT_EQ(EncodeBaggage(baggage_, arena_, left_out_), "a=1,b=2");
}

}  // namespace
}  // namespace pillion::context
