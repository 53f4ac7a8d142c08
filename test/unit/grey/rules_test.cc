// The first rule that matches decides: as going through the list would, whatever the index does.

#include "source/grey/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "source/expression/compiler.h"
#include "test/unit/grey/fake_request.h"

namespace pillion::grey {
namespace {

using expression::Attribute;
using Matcher = match::StringMatcher;

TextTest Field(const std::string& name, decltype(TextTest::test) test) {
  return {EntryOf(Attribute::kRequestHeaders, name), std::move(test)};
}

class RulesTest : public testing::Test {
 protected:
  Decision Decide(const Rules& rules) {
    base::Arena arena(blocks_);
    return rules.Decide({request_, now_, random_, arena});
  }
  // Of a list that gives each rule the colour of its place.
  static std::vector<Rule> List(std::vector<std::vector<Condition>> conditions) {
    std::vector<Rule> rules;
    for (auto& each : conditions) {
      const auto place = static_cast<uint32_t>(rules.size());
      rules.push_back({.name = std::to_string(place),
                       .conditions = std::move(each),
                       .schedule = {},
                       .shares = {{.per_million = kMillion, .colour = place}},
                       .sticky = {}});
    }
    return rules;
  }
  static Rules Each(std::vector<std::vector<Condition>> conditions) { return Rules(List(std::move(conditions))); }
  uint32_t Of(const Rules& rules) { return Decide(rules).rule; }

  base::BlockPool blocks_;
  base::Random random_{7};
  base::WallTime now_{std::chrono::seconds(1'800'000'000)};
  FakeRequest request_;
};

TEST_F(RulesTest, TheFirstThatMatches) {
  const Rules rules = Each({{{Field("x-env", Exact{"gray"})}, {Field("x-version", Exact{"v2"})}},
                            {{Field("X-Env", Exact{"gray"})}},
                            {{Field("x-user-id", Range{1001, 2000})}},
                            {{Field("x-env", Matcher(Matcher::Kind::kPrefix, "g"))}}});
  EXPECT_EQ(Of(rules), Decision::kNone);
  request_.SetField("x-env", "gray");
  EXPECT_EQ(Of(rules), 1u);
  request_.SetField("x-version", "v2");
  EXPECT_EQ(Of(rules), 0u);
  request_.SetField("x-env", "green");
  EXPECT_EQ(Of(rules), 3u);
  request_.SetField("x-user-id", "1500");
  EXPECT_EQ(Of(rules), 2u);
}

TEST_F(RulesTest, BothEndsOfARangeAreInIt) {
  const Rules rules = Each({{{Field("x-user-id", Range{1001, 2000})}}, {{Field("x-user-id", Range{INT64_MIN, INT64_MAX})}}});
  const auto of = [&](const std::string& text) {
    request_.SetField("x-user-id", text);
    return Of(rules);
  };
  EXPECT_EQ(of("1000"), 1u);
  EXPECT_EQ(of("1001"), 0u);
  EXPECT_EQ(of("2000"), 0u);
  EXPECT_EQ(of("2001"), 1u);
  EXPECT_EQ(of("-9223372036854775808"), 1u);
  EXPECT_EQ(of("9223372036854775807"), 1u);
  for (const char* text : {"", "1500x", "x", " 1500", "9223372036854775808", "1500,1500", "1.5e3"}) {
    EXPECT_EQ(of(text), Decision::kNone) << text;
  }
}

TEST_F(RulesTest, EachKindOfCondition) {
  const auto compiled = expression::Compile("request.method == 'POST'", {});
  ASSERT_TRUE(compiled.ok());
  const std::pair<Condition, std::function<void()>> kinds[] = {
      {{Field("x-any", Present{})}, [&] { request_.SetField("x-any", ""); }},
      {{TextTest{EntryOf(Attribute::kRequestCookies, "Tier"), Exact{"gold"}}},
       [&] { request_.Set(Attribute::kRequestCookies, "Tier", "gold"); }},
      {{TextTest{EntryOf(Attribute::kRequestQueryParameters, "v"), Matcher(Matcher::Kind::kSuffix, "2")}},
       [&] { request_.Set(Attribute::kRequestQueryParameters, "v", "v2"); }},
      {{TextTest{{.attribute = Attribute::kRequestUrlPath, .entry = {}}, Exact{"/a"}}},
       [&] { request_.texts[Attribute::kRequestUrlPath] = "/a"; }},
      {{TextTest{{.attribute = Attribute::kSourcePrincipal, .entry = {}}, Exact{"spiffe://a/b"}}},
       [&] { request_.texts[Attribute::kSourcePrincipal] = "spiffe://a/b"; }},
      {{Flags{0x0005}}, [&] { request_.flags = 0x000d; }},
      {{*compiled}, [&] { request_.texts[Attribute::kRequestMethod] = "POST"; }},
      {{Schedule{.from = now_ + std::chrono::seconds(1), .until = {}, .windows = {}}}, [&] { now_ += std::chrono::seconds(1); }},
  };
  for (const auto& [condition, make] : kinds) {
    const Rules rules = Each({{condition}});
    EXPECT_EQ(Of(rules), Decision::kNone);
    make();
    EXPECT_EQ(Of(rules), 0u);
    Condition inverted = condition;
    inverted.invert = true;
    EXPECT_EQ(Of(Each({{inverted}})), Decision::kNone);
    request_ = {};
  }
}

TEST_F(RulesTest, WhatCannotBeKnownDoesNotHoldInvertedEither) {
  const auto compiled = expression::Compile("request.headers['x-user'] == 'me'", {});
  ASSERT_TRUE(compiled.ok());
  EXPECT_EQ(Of(Each({{{.what = *compiled, .invert = true}}})), Decision::kNone);
  request_.SetField("x-user", "you");
  EXPECT_EQ(Of(Each({{{.what = *compiled, .invert = true}}})), 0u);
}

TEST_F(RulesTest, WhoIsInNoPartHasNoColourAndNoOtherRule) {
  std::vector<Rule> list = List({{{Field("x-env", Exact{"gray"})}}, {}});
  list[0].shares = {{.per_million = 0, .colour = 9}};
  const Rules rules(std::move(list));
  EXPECT_EQ(Decide(rules).colour, 1u);
  request_.SetField("x-env", "gray");
  EXPECT_EQ(Decide(rules).rule, 0u);
  EXPECT_EQ(Decide(rules).colour, Decision::kNone);
}

TEST_F(RulesTest, OutOfForceTheNextOneIsAsked) {
  std::vector<Rule> list = List({{}, {}});
  list[0].schedule = Schedule{.from = {}, .until = now_, .windows = {}};
  const Rules rules(std::move(list));
  EXPECT_EQ(Of(rules), 1u);
  now_ -= std::chrono::nanoseconds(1);
  EXPECT_EQ(Of(rules), 0u);
}

// Thousands of rules over few names, many names, and ranges that lie in each other.
struct Shape {
  const char* name;
  uint32_t rules;
  uint32_t names;
  uint32_t values;
  bool too_many_keys;
};
class AnyRules : public RulesTest, public testing::WithParamInterface<Shape> {
 protected:
  std::string Name() { return "x-" + std::to_string(random_.Below(GetParam().names)); }
  std::string Number() { return std::to_string(random_.Below(GetParam().values)); }
  Condition AnyCondition() {
    const bool invert = random_.Below(10) == 0;
    const auto low = static_cast<int64_t>(random_.Below(GetParam().values));
    switch (random_.Below(9)) {
      case 0:
        return {Field(Name(), Range{low, low + static_cast<int64_t>(random_.Below(GetParam().values / 4 + 1))}), invert};
      case 1:
        return {Field(Name(), Matcher(Matcher::Kind::kPrefix, Number().substr(0, 1))), invert};
      case 2:
        return {Field(Name(), Present{}), invert};
      case 3:
        return {TextTest{EntryOf(Attribute::kRequestCookies, Name()), Exact{Number()}}, invert};
      case 4:
        return {TextTest{{.attribute = Attribute::kRequestUrlPath, .entry = {}}, Exact{Number()}}, invert};
      case 5:
        return {Flags{static_cast<uint16_t>(1 + random_.Below(7))}, invert};
      default:
        return {Field(Name(), Exact{Number()}), invert};
    }
  }
  void AnyRequest() {
    request_ = {};
    request_.too_many_keys = GetParam().too_many_keys;
    for (uint64_t i = random_.Below(6); i > 0; --i) request_.SetField(Name(), Number());
    if (random_.Below(2) == 0) request_.SetField(Name(), "none");
    if (random_.Below(3) == 0) request_.Set(Attribute::kRequestCookies, Name(), Number());
    if (random_.Below(3) == 0) request_.texts[Attribute::kRequestUrlPath] = Number();
    if (random_.Below(3) == 0) request_.flags = static_cast<int64_t>(random_.Below(8));
  }
};

TEST_P(AnyRules, DecideAsGoingThroughTheListWould) {
  uint32_t decided = 0, deep = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::vector<Condition>> conditions;
    for (uint32_t i = 0; i < GetParam().rules; ++i) {
      std::vector<Condition>& each = conditions.emplace_back();
      for (uint64_t more = 1 + random_.Below(3); more > 0; --more) each.push_back(AnyCondition());
      if (each.size() == 1 && each.front().invert) each.push_back(AnyCondition());
    }
    const std::vector<Rule> list = List(conditions);
    const Rules rules(list);
    for (int i = 0; i < 200; ++i) {
      AnyRequest();
      base::Arena arena(blocks_);
      const Request request{request_, now_, random_, arena};
      uint32_t expected = Decision::kNone;
      for (uint32_t place = 0; place < list.size() && expected == Decision::kNone; ++place) {
        const std::vector<Condition>& all = list[place].conditions;
        if (std::all_of(all.begin(), all.end(), [&](const Condition& each) { return Holds(each, request); })) expected = place;
      }
      ASSERT_EQ(rules.Decide(request).rule, expected);
      decided += expected != Decision::kNone;
      deep += expected != Decision::kNone && expected > 20;
    }
  }
  EXPECT_GT(decided, 400u);
  EXPECT_GT(deep, 20u);
}

INSTANTIATE_TEST_SUITE_P(Shapes, AnyRules,
                         testing::Values(Shape{"FewNames", 100, 3, 50, false}, Shape{"ManyNames", 300, 40, 20, false},
                                         Shape{"FieldsThatCannotBeListed", 300, 40, 20, true},
                                         Shape{"ManyRules", 1000, 6, 5000, false}),
                         [](const auto& shape) { return shape.param.name; });

// As many as there may be in intervals, and more: then they are found by the field.
TEST_F(RulesTest, RangesInEachOther) {
  for (const int count : {10, 3000}) {
    std::vector<std::vector<Condition>> conditions;
    for (int i = 0; i < count; ++i) {
      conditions.push_back({{Field("x-user-id", Range{i, 2 * count - i})}, {Field("x-n", Exact{std::to_string(i)})},
                            {Field("x-n", Exact{std::to_string(i)})}});
      if (count == 3000) {  // that the ranges are what they are found by
        conditions.back() = {{Field("x-user-id", Range{i, 2 * count - i})}, {Flags{1}}};
      }
    }
    const Rules rules = Each(std::move(conditions));
    request_.SetField("x-user-id", std::to_string(count - 1));
    request_.SetField("x-n", "5");
    request_.flags = 1;
    EXPECT_EQ(Of(rules), count == 10 ? 5u : 0u);
    request_.SetField("x-user-id", std::to_string(2 * count + 1));
    EXPECT_EQ(Of(rules), Decision::kNone);
  }
}

}  // namespace
}  // namespace pillion::grey
