#include "source/ctl/alignment.h"

#include <gtest/gtest.h>

#include <random>

namespace pillion::ctl {
namespace {

using List = std::vector<uint32_t>;
using Pairs = std::vector<std::pair<size_t, size_t>>;

TEST(LongestCommon, SmallOnes) {
  EXPECT_EQ(LongestCommon({}, {1}), Pairs{});
  EXPECT_EQ(LongestCommon({1, 2, 3}, {1, 2, 3}), (Pairs{{0, 0}, {1, 1}, {2, 2}}));
  EXPECT_EQ(LongestCommon({1, 2, 3}, {9, 1, 3}), (Pairs{{0, 1}, {2, 2}}));
  EXPECT_EQ(LongestCommon({1, 2, 3}, {3, 1, 2}).size(), 2u);
  EXPECT_EQ(LongestCommon({1, 1, 1}, {1, 1}).size(), 2u);
}

// As long as by the textbook's table, ascending, and of equal elements.
TEST(LongestCommon, AnyLists) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const auto list = [&random] {
      List elements(random() % 12);
      for (uint32_t& element : elements) element = random() % 5;
      return elements;
    };
    const List a = list();
    const List b = list();
    std::vector<std::vector<size_t>> best(a.size() + 1, std::vector<size_t>(b.size() + 1));
    for (size_t i = a.size(); i-- > 0;) {
      for (size_t j = b.size(); j-- > 0;) {
        best[i][j] = a[i] == b[j] ? best[i + 1][j + 1] + 1 : std::max(best[i + 1][j], best[i][j + 1]);
      }
    }
    const Pairs common = LongestCommon(a, b);
    EXPECT_EQ(common.size(), best[0][0]);
    for (size_t k = 0; k < common.size(); ++k) {
      EXPECT_EQ(a[common[k].first], b[common[k].second]);
      if (k == 0) continue;
      EXPECT_LT(common[k - 1].first, common[k].first);
      EXPECT_LT(common[k - 1].second, common[k].second);
    }
  }
}

TEST(LongestCommon, LongLists) {
  List a(3000, 1);
  List b = a;
  b.insert(b.begin(), 2);
  EXPECT_EQ(LongestCommon(a, a).size(), a.size());
  EXPECT_GE(LongestCommon(a, b).size(), a.size() - 1);
  for (uint32_t i = 0; i < a.size(); ++i) a[i] = i;
  b = a;
  std::rotate(b.begin(), b.begin() + 1, b.end());
  EXPECT_EQ(LongestCommon(a, b).size(), a.size() - 1);
}

}  // namespace
}  // namespace pillion::ctl
