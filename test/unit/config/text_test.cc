#include "source/config/text.h"

#include <gtest/gtest.h>

#include "source/config/nearest.h"
#include "source/config/scalar.h"

namespace pillion::config {
namespace {

TreeNode Plain(std::string text) {
  TreeNode node;
  node.kind = TreeNode::Kind::kScalar;
  node.text = std::move(text);
  return node;
}

TEST(TextTest, ConcatWritesNumbersPlainly) {
  EXPECT_EQ(Concat("a", 'b', 5, std::string("c"), 2147483647.0, ' ', 0.001, ' ', -7), "ab5c2147483647 0.001 -7");
}

TEST(TextTest, QuoteEscapesAndCuts) {
  EXPECT_EQ(Quote("a\n\"\x01"), "\"a\\n\\\"\\001\"");
  EXPECT_EQ(Quote("\u00fc"), "\"\u00fc\"");
  EXPECT_EQ(Quote(std::string(81, 'x')), "\"" + std::string(80, 'x') + "...\"");
  EXPECT_EQ(Quote(std::string(79, 'x') + "\u00fc\u00fc"), "\"" + std::string(79, 'x') + "...\"");
}

TEST(NearestTest, FindsTheNameThatWasMeant) {
  const std::vector<std::string_view> known = {"filters", "filter_chains", "name", "transport_socket"};
  EXPECT_EQ(NearestName("filtres", known), "filters");
  EXPECT_EQ(NearestName("nmae", known), "name");
  EXPECT_EQ(NearestName("filterchains", known), "filter_chains");
  EXPECT_EQ(NearestName("transport_sockets", known), "transport_socket");
  EXPECT_EQ(NearestName("typed_config", known), "");
  EXPECT_EQ(NearestName("", known), "");
  EXPECT_EQ(NearestName(std::string(100000, 'n'), known), "");
  EXPECT_EQ(DidYouMean("nme", known), ", did you mean \"name\"?");
  EXPECT_EQ(DidYouMean("zzzz", known), "");
  EXPECT_EQ(DidYouMeanField("nme", known), ", did you mean \"name\"?");
  EXPECT_EQ(DidYouMeanField("socket_of_transport", known), ", did you mean \"transport_socket\"?");
  EXPECT_EQ(DidYouMeanField("the_name_of_it", known), "");  // of four letters
  const std::vector<std::string_view> fields = {"reject_malformed", "min_useful_ms", "max_deadline", "off_deadline"};
  EXPECT_EQ(DidYouMeanField("on_malformed", fields), ", did you mean \"reject_malformed\"?");
  EXPECT_EQ(DidYouMeanField("deadline", fields), "");
  EXPECT_EQ(DidYouMeanField("_" + std::string(100000, 'n'), fields), "");
}

TEST(ScalarTest, Numbers) {
  EXPECT_EQ(ReadUnsigned(Plain("0"), 10), 0u);
  EXPECT_EQ(ReadUnsigned(Plain("1e1"), 10), 10u);
  EXPECT_EQ(ReadUnsigned(Plain("5.0"), 10), 5u);
  EXPECT_EQ(ReadSigned(Plain("-5"), -5, 5), -5);
  EXPECT_EQ(ReadUnsigned(Plain("18446744073709551615"), ~uint64_t{0}), ~uint64_t{0});
  for (const char* text :
       {"", " 5", "5 ", "+5", "05", "0x5", "5_0", "5.5", "1e30", "1e", "nan", "inf", "11", "-1", "."}) {
    EXPECT_FALSE(ReadUnsigned(Plain(text), 10).has_value()) << text;
  }
  EXPECT_FALSE(ReadSigned(Plain("-6"), -5, 5).has_value());
  EXPECT_EQ(ReadDouble(Plain("-1.5e-1")), -0.15);
  for (const char* text : {"1e999", "-1e999", "nan", "1.", ".5", "0x1p3"}) {
    EXPECT_FALSE(ReadDouble(Plain(text)).has_value()) << text;
  }
}

TEST(ScalarTest, Durations) {
  EXPECT_EQ(ReadDuration(Plain("1.5s"))->seconds, 1);
  EXPECT_EQ(ReadDuration(Plain("1.5s"))->nanos, 500000000);
  EXPECT_EQ(ReadDuration(Plain("0.000000001s"))->nanos, 1);
  EXPECT_EQ(ReadDuration(Plain("315576000000s"))->seconds, 315576000000);
  EXPECT_EQ(ReadDuration(Plain("-1.5s"))->seconds, -1);
  EXPECT_EQ(ReadDuration(Plain("-1.5s"))->nanos, -500000000);
  for (const char* text : {"", "s", "1", "1m", "--1s", "-s", "+1s", "1.s", ".5s", "1.0000000001s", "1 s", "1.5 s", "1e3s",
                           "315576000001s", "99999999999999999999s"}) {
    EXPECT_FALSE(ReadDuration(Plain(text)).has_value()) << text;
  }
}

}  // namespace
}  // namespace pillion::config
