// Decisions allocate nothing but in the request's arena, whose blocks are recycled.

#include <gtest/gtest.h>

#include "source/expression/compiler.h"
#include "source/grey/rules.h"
#include "test/support/counted_memory.h"
#include "test/unit/grey/fake_request.h"

namespace pillion::grey {
namespace {

using expression::Attribute;

TEST(AllocationTest, DecisionsAllocateNothing) {
  const auto field = [](const std::string& name, decltype(TextTest::test) test) {
    return Condition{TextTest{EntryOf(Attribute::kRequestHeaders, name), std::move(test)}};
  };
  const Sticky sticky{.key = expression::Compile("request.headers['x-1']", {}).value(), .seed = SeedOf("canary")};
  std::vector<Rule> list;
  for (int i = 0; i < 300; ++i) {
    Rule& rule = list.emplace_back();
    rule.conditions.push_back(field("x-" + std::to_string(i % 30), Exact{std::to_string(i)}));
    rule.conditions.push_back(field("x-" + std::to_string(i % 7), Range{i, i + 100}));
    rule.conditions.push_back(field("x-" + std::to_string(i % 11), Present{}));
    rule.shares = {{500'000, 0}};
    rule.sticky = sticky;
  }
  list.emplace_back().schedule = Schedule{.from = {}, .until = {}, .windows = {{.start = 0, .end = 60}}};
  list.back().schedule->zone = FindZone("Europe/Berlin").value();
  const Rules rules(std::move(list));
  base::BlockPool blocks;
  base::Random random(3);
  FakeRequest request;
  for (int i = 0; i < 20; ++i) request.SetField("x-" + std::to_string(i), std::to_string(i + 30));
  uint32_t matched = 0;
  const auto decide = [&](int hour) {
    base::Arena arena(blocks);
    matched += rules.Decide({request, base::WallTime(std::chrono::hours(hour)), random, arena}).rule != Decision::kNone;
  };
  decide(0);
  const size_t before = test::Allocations();
  ASSERT_GT(before, 0u);
  for (int hour = 0; hour < 1000; ++hour) {
    request.entries.begin()->second[0] = static_cast<char>('0' + hour % 10);
    decide(hour);
  }
  EXPECT_EQ(test::Allocations(), before);
  EXPECT_GT(matched, 10u);
}

}  // namespace
}  // namespace pillion::grey
