// What a tree of matchers comes to: maps of ranges and of domains, and what only connections have.

#include "source/access/matcher_tree.h"

#include <algorithm>

#include "test/unit/access/engine_fixture.h"

namespace pillion::access {
namespace {

using MatcherTreeTest = EngineTest;
using By = Matcher::Map::By;

constexpr uint32_t kNothing = MatcherTree::kNothing;

Target Action(uint32_t number) { return {Target::Kind::kAction, number}; }
Target To(uint32_t matcher) { return {Target::Kind::kMatcher, matcher}; }
match::IpRange Range(std::string_view address, int bits) { return {*match::IpAddress::Parse(address), bits}; }

// The second matcher leads to action 9 for who asks for the server name "yes".
std::vector<Matcher> WithInner(Matcher::Map map) {
  std::vector<Matcher> matchers(2);
  matchers[0].kind = std::move(map);
  matchers[1].kind = Matcher::Map{.input = Input::kServerNameIfAny, .targets = {{"yes", Action(9)}}};
  return matchers;
}

TEST_F(MatcherTreeTest, TheNarrowestRangeThatLeadsSomewhere) {
  const MatcherTree tree({}, WithInner({.input = Input::kDestinationIp,
                                        .by = By::kRange,
                                        .ranges = {{Range("10.0.0.0", 8), Action(0)},
                                                   {Range("10.1.0.0", 16), To(1)},
                                                   {Range("10.1.2.0", 24), Action(2)},
                                                   {Range("10.1.2.99", 24), Action(3)},  // the same range again
                                                   {Range("2001:db8::", 32), Action(4)},
                                                   {Range("192.168.0.0", 16), Action(5), true},
                                                   {Range("192.168.1.0", 24), To(1)},
                                                   {Range("172.16.0.0", 12), Action(6), true}}}));
  const auto find = [&](const char* address) {
    facts_.local.ip = address;
    return tree.Find(request());
  };
  EXPECT_EQ(find("10.2.0.1"), 0u);
  EXPECT_EQ(find("10.1.1.1"), 0u);  // the narrower one leads nowhere
  EXPECT_EQ(find("10.1.2.3"), 2u);
  EXPECT_EQ(find("11.0.0.1"), kNothing);
  EXPECT_EQ(find("2001:db8::1"), 4u);
  EXPECT_EQ(find("2001:db9::1"), kNothing);
  EXPECT_EQ(find("::ffff:10.2.0.1"), 0u);
  EXPECT_EQ(find("192.168.2.1"), 5u);
  EXPECT_EQ(find("192.168.1.1"), kNothing);  // the wider one is exclusive
  EXPECT_EQ(find("172.16.0.1"), 6u);
  EXPECT_EQ(find(""), kNothing);
  EXPECT_EQ(find("no address"), kNothing);
  facts_.server_name = "yes";
  EXPECT_EQ(find("10.1.1.1"), 9u);
  EXPECT_EQ(find("192.168.1.1"), 9u);
}

// Found by their bits, ranges decide as they do when they are asked one by one.
TEST_F(MatcherTreeTest, ManyRanges) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const auto address = [&] {
      const std::string head = random.Below(3) == 0 ? "2001:db8::" : "10.0.0.";
      return head + std::to_string(random.Below(16) * (random.Below(2) == 0 ? 16 : 1));
    };
    std::vector<Matcher::Range> ranges;
    const int count = random.Below(12);
    for (int i = 0; i < count; ++i) {
      const match::IpAddress base = *match::IpAddress::Parse(address());
      const int bits = base.bits() - random.Below(10);
      // Every third leads nowhere.
      ranges.push_back({{base, bits}, random.Below(3) == 0 ? To(1) : Action(static_cast<uint32_t>(i)), random.Below(4) == 0});
    }
    const MatcherTree tree({}, WithInner({.input = Input::kDestinationIp, .by = By::kRange, .ranges = ranges}));
    for (int asked = 0; asked < 20; ++asked) {
      facts_.local.ip = address();
      const match::IpAddress ip = *match::IpAddress::Parse(facts_.local.ip);
      std::vector<Matcher::Range> fit;
      std::copy_if(ranges.begin(), ranges.end(), std::back_inserter(fit), [&](const auto& each) { return each.range.Contains(ip); });
      std::stable_sort(fit.begin(), fit.end(), [](const auto& a, const auto& b) { return a.range.bits() > b.range.bits(); });
      uint32_t expected = kNothing;
      for (size_t i = 0; i < fit.size() && expected == kNothing; ++i) {
        if (i > 0 && fit[i].exclusive) continue;
        if (fit[i].target.kind == Target::Kind::kAction) expected = fit[i].target.index;
      }
      ASSERT_EQ(tree.Find(request()), expected) << seed << " " << facts_.local.ip;
    }
  }
}

TEST_F(MatcherTreeTest, DomainsTheLongestThatLeadsSomewhere) {
  const MatcherTree tree({}, WithInner({.input = http::FieldName("x-a"),
                                        .by = By::kDomain,
                                        .targets = {{"www.example.com", Action(0)},
                                                    {"*.example.com", Action(1)},
                                                    {"*.b.example.com", To(1)},
                                                    {"*.com", Action(2)},
                                                    {"here.test", To(1)},
                                                    {"*", Action(3)}}}));
  const auto find = [&](const char* name) {
    SetField(name);
    return tree.Find(request());
  };
  EXPECT_EQ(find("www.example.com"), 0u);
  EXPECT_EQ(find("a.example.com"), 1u);
  EXPECT_EQ(find("a.b.example.com"), 1u);  // the longer one leads nowhere
  EXPECT_EQ(find("example.com"), 2u);
  EXPECT_EQ(find("other.com"), 2u);
  EXPECT_EQ(find("com"), 3u);
  EXPECT_EQ(find("a.com."), 3u);
  EXPECT_EQ(find("here.test"), 3u);
  EXPECT_EQ(find(""), kNothing);
  facts_.server_name = "yes";
  EXPECT_EQ(find("a.b.example.com"), 9u);
  EXPECT_EQ(find("here.test"), 9u);
}

TEST_F(MatcherTreeTest, WhatListenerFiltersFound) {
  const auto find = [&](Input input, const char* text) {
    std::vector<Matcher> matchers(1);
    matchers[0].kind = Matcher::Map{.input = input, .targets = {{text, Action(1)}}};
    const MatcherTree tree({}, std::move(matchers));
    EXPECT_TRUE(tree.is_of_connection());
    return tree.Find(request()) == 1;
  };
  EXPECT_FALSE(find(Input::kSourceType, "local"));
  EXPECT_FALSE(find(Input::kTransportProtocol, ""));  // nobody has said
  EXPECT_FALSE(find(Input::kApplicationProtocols, ""));
  facts_.local_source = true;
  facts_.transport_protocol = "tls";
  facts_.application_protocols = "'h2','http/1.1'";
  EXPECT_TRUE(find(Input::kSourceType, "local"));
  EXPECT_TRUE(find(Input::kTransportProtocol, "tls"));
  EXPECT_TRUE(find(Input::kApplicationProtocols, "'h2','http/1.1'"));
}

TEST_F(MatcherTreeTest, AnotherServerNameInPlaceOfItsOwn) {
  const MatcherTree tree({}, WithInner({.input = Input::kServerNameIfAny, .targets = {{"own", Action(0)}, {"other", Action(1)}}}));
  facts_.server_name = "own";
  Request asked = request();
  EXPECT_EQ(tree.Find(asked), 0u);
  asked.server_name = "other";
  EXPECT_EQ(tree.Find(asked), 1u);
  asked.server_name = "";
  EXPECT_EQ(tree.Find(asked), kNothing);
}

}  // namespace
}  // namespace pillion::access
