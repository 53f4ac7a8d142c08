// Decisions by trees of matchers.

#include "source/access/tree.h"

#include "test/unit/access/engine_fixture.h"

namespace pillion::access {
namespace {

using TreeTest = EngineTest;

class RandomPatterns : public Random {
 public:
  using Random::Random;

  TextPattern Pattern() {
    const std::string name = Of(kNames);
    switch (Below(4)) {
      case 0:
        return {TextPattern::Kind::kPrefix, name.substr(0, static_cast<size_t>(1 + Below(10)))};
      case 1:
        return {TextPattern::Kind::kRegex, name.substr(0, 4) + "(x|.*[ab])"};
      default:
        return {TextPattern::Kind::kExact, name};
    }
  }
};

TextTest TestOf(const TextPattern& pattern) {
  using match::StringMatcher;
  if (pattern.kind == TextPattern::Kind::kRegex) return {StringMatcher(*match::Regex::Compile(pattern.text)), true};
  const bool exact = pattern.kind == TextPattern::Kind::kExact;
  return {StringMatcher(exact ? StringMatcher::Kind::kExact : StringMatcher::Kind::kPrefix, pattern.text)};
}

// Entries that are found by a text decide as they do when they are asked one by one.
TEST_F(TreeTest, EntriesByText) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    RandomPatterns random(seed);
    Conditions conditions[2];
    std::vector<Matcher> matchers[2];
    std::vector<Tree::NamedAction> actions;
    for (auto& list : matchers) list.resize(2);
    std::vector<Matcher::Entry> entries[2];
    const int count = random.Below(14);
    for (int i = 0; i < count; ++i) {
      const Input input = random.Below(3) == 0 ? Input::kSubject : Input::kUris;
      const TextPattern pattern = random.Pattern();
      const bool to_matcher = random.Below(4) == 0;
      actions.push_back({"a" + std::to_string(i), static_cast<Action>(random.Below(3))});
      for (int plain = 0; plain < 2; ++plain) {
        Matcher::Entry& entry = entries[plain].emplace_back();
        entry.condition = conditions[plain].next();
        conditions[plain].AddText(input, TestOf(pattern));
        entry.target = {to_matcher ? Target::Kind::kMatcher : Target::Kind::kAction,
                        to_matcher ? 1 : static_cast<uint32_t>(i)};
        entry.input = input;
        if (plain == 0) entry.patterns = {pattern};
      }
    }
    actions.push_back({"last", Action::kAllow});
    for (int plain = 0; plain < 2; ++plain) {
      matchers[plain][0].kind = entries[plain];
      matchers[plain][0].otherwise = {Target::Kind::kAction, static_cast<uint32_t>(count)};
    }
    const Tree by_value(std::move(conditions[0]), std::move(matchers[0]), actions);
    const Tree plainly(std::move(conditions[1]), std::move(matchers[1]), actions);
    for (const char* name : {kNames[0], kNames[1], kNames[2], kNames[3], "spiff\xff", "spifx"}) {
      SetPeer({name}, {}, random.Below(5) == 0 ? "CN=\xc3" : random.Of(kNames));
      const std::string decision = Decide(plainly);
      ASSERT_EQ(Decide(by_value), decision) << seed;
      Findings findings;
      for (int asked = 0; asked < 2; ++asked) ASSERT_EQ(Decide(by_value, findings), decision) << seed;
    }
    facts_.peer.reset();
    ASSERT_EQ(Decide(by_value), "allowed last");
  }
}

TEST_F(TreeTest, PrefixesTheLongestThatLeadsSomewhere) {
  Matcher root;
  Matcher::Map map{.input = http::FieldName("x-a"), .by = Matcher::Map::By::kPrefix};
  map.targets["a"] = {Target::Kind::kAction, 0};
  map.targets["ab"] = {Target::Kind::kMatcher, 1};
  map.targets["abc"] = {Target::Kind::kAction, 1};
  root.kind = map;
  const Tree tree({}, {root, Matcher()}, {{"short", Action::kAllow}, {"long", Action::kDeny}});
  EXPECT_EQ(Decide(tree), "denied ");
  SetField("abx");
  EXPECT_EQ(Decide(tree), "allowed short");
  SetField("abcd");
  EXPECT_EQ(Decide(tree), "denied long");
  // One value leads elsewhere than both together.
  SetField("a");
  head_.headers.Add("x-a", "abcd");
  EXPECT_EQ(Decide(tree), "denied ");
}

// Of what requests of one connection differ in, nothing is kept; all else is.
TEST_F(TreeTest, KeepsADecisionAboutAConnection) {
  Matcher root;
  root.kind = Matcher::Map{.input = http::FieldName("x-a"), .targets = {{"1", {Target::Kind::kAction, 0}}}};
  const Tree by_field({}, {root}, {{"p", Action::kAllow}});
  Findings findings;
  EXPECT_EQ(Decide(by_field, findings), "denied ");
  SetField("1");
  EXPECT_EQ(Decide(by_field, findings), "allowed p");

  root.kind = Matcher::Map{.input = Input::kUris, .targets = {{kNames[0], {Target::Kind::kAction, 0}}}};
  const Tree by_peer({}, {root}, {{"p", Action::kAllow}});
  SetPeer({kNames[0]});
  EXPECT_EQ(Decide(by_peer, findings), "allowed p");
  facts_.peer.reset();  // as it is never done to a connection
  EXPECT_EQ(Decide(by_peer, findings), "allowed p");
  EXPECT_EQ(Decide(by_peer), "denied ");
}

}  // namespace
}  // namespace pillion::access
