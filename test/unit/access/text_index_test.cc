// Which rules a text may fit, against a plain look at all of them.

#include "source/access/text_index.h"

#include <gtest/gtest.h>

#include "source/access/condition.h"
#include "source/match/regex.h"
#include "test/unit/access/engine_fixture.h"

namespace pillion::access {
namespace {

using Kind = TextPattern::Kind;

bool Fits(const TextPattern& pattern, const std::string& text) {
  if (pattern.kind == Kind::kExact) return text == pattern.text;
  if (pattern.kind == Kind::kPrefix) return text.starts_with(pattern.text);
  return match::Regex::Compile(pattern.text)->Matches(text);
}

std::string Word(Random& random, int most) {
  std::string word;
  for (int i = random.Below(most); i > 0; --i) word += static_cast<char>('a' + random.Below(2));
  return word;
}

TEST(PrefixIndexTest, TheLongestAndAllShorterOnes) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    std::vector<std::string> prefixes;
    for (int i = random.Below(12); i > 0; --i) prefixes.push_back(Word(random, 5));
    const PrefixIndex index(prefixes);
    for (int n = 0; n < 20; ++n) {
      const std::string text = Word(random, 8);
      std::vector<std::string> expected;
      for (size_t size = text.size() + 1; size-- > 0;) {
        if (std::count(prefixes.begin(), prefixes.end(), text.substr(0, size)) > 0) expected.push_back(text.substr(0, size));
      }
      std::vector<std::string> found;
      for (uint32_t i = index.Longest(text); i != PrefixIndex::kNone; i = index.Shorter(i)) found.push_back(index.text(i));
      ASSERT_EQ(found, expected) << seed << " " << text;
    }
  }
}

// All that fit are named, in their order; what is sure fits; and nothing else is named but by regular expressions.
TEST(TextIndexTest, AsAPlainLook) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    std::vector<std::vector<TextPattern>> rules;
    TextIndex index;
    for (int i = random.Below(30); i > 0; --i) {
      std::vector<TextPattern>& patterns = rules.emplace_back();
      for (int n = random.Below(3); n > 0; --n) {
        const auto kind = static_cast<Kind>(random.Below(3));
        patterns.push_back({kind, Word(random, 4) + (kind == Kind::kRegex ? "(a|bb)*" + Word(random, 2) : "")});
      }
      index.Add(static_cast<uint32_t>(rules.size() - 1), patterns);
    }
    index.Finish();
    for (int n = 0; n < 20; ++n) {
      const std::string text = Word(random, 7);
      TextIndex::Search search = index.Find(text);
      uint32_t least = 0;
      for (uint32_t rule = 0; rule < rules.size(); ++rule) {
        const auto fits = [&](const TextPattern& pattern) { return Fits(pattern, text); };
        if (std::none_of(rules[rule].begin(), rules[rule].end(), fits)) {
          ASSERT_FALSE(index.IsSure(search, rule)) << seed;
          continue;
        }
        uint32_t named = index.Next(search, least);
        while (named < rule) named = index.Next(search, named + 1);
        ASSERT_EQ(named, rule) << seed << " " << text;
        least = rule + 1;
      }
    }
  }
}

TEST(TextIndexTest, ManyRegularExpressionsOfWhichOneMatches) {
  TextIndex index;
  for (uint32_t i = 0; i < 300; ++i) index.Add(i, {{Kind::kRegex, "spiffe://" + std::to_string(i) + "/(a|b)+"}});
  index.Finish();
  for (const uint32_t i : {0u, 1u, 149u, 150u, 298u, 299u}) {
    const std::string text = "spiffe://" + std::to_string(i) + "/ab";
    TextIndex::Search search = index.Find(text);
    const uint32_t named = index.Next(search, 0);
    // One of the few that are asked together.
    EXPECT_LE(named, i);
    EXPECT_GT(named + 4, i);
    EXPECT_EQ(index.Next(search, i + 4), TextIndex::kNone);
  }
  const std::string nobody = "spiffe://300/ab";
  TextIndex::Search search = index.Find(nobody);
  EXPECT_EQ(index.Next(search, 0), TextIndex::kNone);
}

// They are unclear to every regular expression: all have to be asked.
TEST(TextIndexTest, BytesThatAreNoText) {
  TextIndex index;
  for (uint32_t i = 0; i < 20; ++i) index.Add(i, {{i % 2 == 0 ? Kind::kRegex : Kind::kExact, "a" + std::to_string(i)}});
  index.Finish();
  const std::string bytes = "\xff\xfe";
  TextIndex::Search search = index.Find(bytes);
  for (uint32_t i = 0; i < 20; i += 2) EXPECT_EQ(index.Next(search, i), i);
  EXPECT_EQ(index.Next(search, 19), TextIndex::kNone);
}

}  // namespace
}  // namespace pillion::access
