#include "source/route/scope_key.h"

#include <gtest/gtest.h>

#include "source/base/block.h"

namespace pillion::route {
namespace {

using Pair = config::ScopeKeyFragment::Pair;

// The fragments with bars between them; "-": there is no key.
std::string Key(const config::ScopeKeyBuilder& builder, const std::vector<std::pair<std::string, std::string>>& fields) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  http::RequestHead head(arena);
  head.authority = "h.test";
  for (const auto& [name, value] : fields) head.headers.Add(name, value);
  ScopeKey key;
  if (!ReadScopeKey(builder, head, key)) return "-";
  std::string text;
  for (const std::string_view fragment : key) text += "|" + std::string(fragment);
  return text;
}

config::ScopeKeyFragment Fragment(const std::string& name, const std::string& separator, std::variant<uint32_t, Pair> of) {
  return {http::FieldName(name), separator, std::move(of)};
}

TEST(ScopeKey, AnElementByItsNumber) {
  EXPECT_EQ(Key({Fragment("x-a", "", 0u)}, {{"x-a", "one,two"}}), "|one,two");
  EXPECT_EQ(Key({Fragment("x-a", ",", 0u)}, {{"x-a", "one,two"}}), "|one");
  EXPECT_EQ(Key({Fragment("x-a", ",", 1u)}, {{"x-a", "one,two"}}), "|two");
  EXPECT_EQ(Key({Fragment("x-a", ",", 2u)}, {{"x-a", "one,two"}}), "-");
  EXPECT_EQ(Key({Fragment("x-a", ",", 2u)}, {{"x-a", "one,two,"}}), "|");
  EXPECT_EQ(Key({Fragment("x-a", "--", 1u)}, {{"x-a", "one--two-three"}}), "|two-three");
  // As it is, and the first one of several.
  EXPECT_EQ(Key({Fragment("x-a", ",", 1u)}, {{"x-a", "one, Two"}, {"x-a", "three,four"}}), "| Two");
  EXPECT_EQ(Key({Fragment("x-a", "", 0u)}, {{"x-b", "one"}}), "-");
  EXPECT_EQ(Key({Fragment("x-a", "", 0u)}, {{"x-a", ""}}), "|");
  EXPECT_EQ(Key({Fragment(":authority", ".", 1u)}, {}), "|test");
}

TEST(ScopeKey, TheValueOfAnElement) {
  const config::ScopeKeyBuilder builder = {Fragment("x-a", ";", Pair{"=", "vip"})};
  EXPECT_EQ(Key(builder, {{"x-a", "a=1;vip=2;vip=3"}}), "|2");
  EXPECT_EQ(Key(builder, {{"x-a", "vip=2=3"}}), "|2=3");
  EXPECT_EQ(Key(builder, {{"x-a", "vip"}}), "|");
  EXPECT_EQ(Key(builder, {{"x-a", "vip="}}), "|");
  EXPECT_EQ(Key(builder, {{"x-a", "VIP=1; vip=2;vi=3;vipp=4"}}), "-");
  EXPECT_EQ(Key({Fragment("x-a", "", Pair{"=>", "vip"})}, {{"x-a", "vip=>a;b"}}), "|a;b");
}

TEST(ScopeKey, AllFragmentsInTheirOrder) {
  const config::ScopeKeyBuilder builder = {Fragment("x-a", "", 0u), Fragment("x-b", "", 0u)};
  EXPECT_EQ(Key(builder, {{"x-b", "2"}, {"x-a", "1"}}), "|1|2");
  EXPECT_EQ(Key(builder, {{"x-a", "1"}}), "-");
}

TEST(ScopeIndexTest, OnlyTheSameKey) {
  const ScopeIndex index({{"a"}, {"a", "b"}, {"ab"}, {"b", "a"}, {""}});
  const auto find = [&](const ScopeKey& key) { return index.Find(key).value_or(99); };
  EXPECT_EQ(find({"a"}), 0u);
  EXPECT_EQ(find({"a", "b"}), 1u);
  EXPECT_EQ(find({"ab"}), 2u);
  EXPECT_EQ(find({"b", "a"}), 3u);
  EXPECT_EQ(find({""}), 4u);
  EXPECT_EQ(find({"A"}), 99u);
  EXPECT_EQ(find({"b"}), 99u);
  EXPECT_EQ(find({"a", "b", ""}), 99u);
  EXPECT_EQ(find({}), 99u);
  EXPECT_EQ(ScopeIndex({}).Find({"a"}), std::nullopt);
}

}  // namespace
}  // namespace pillion::route
