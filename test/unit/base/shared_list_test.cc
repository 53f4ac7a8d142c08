#include "source/base/shared_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace pillion::base {
namespace {

TEST(SharedListTest, ACopyHasTheSame) {
  SharedList<std::string> list;
  EXPECT_TRUE(list.empty());
  list.push_back("a");
  list.push_back("b");
  list.Own(1) += "c";
  SharedList<std::string> copy = list;
  EXPECT_EQ(copy.size(), 2u);
  EXPECT_EQ(copy.Share(0), list.Share(0));
  const std::shared_ptr<const std::string> former = copy.Share(1);
  copy.Put(1, "d");
  EXPECT_EQ(copy.back(), "d");
  EXPECT_EQ(list.at(1), "bc");
  EXPECT_EQ(list.Share(1), former);
  EXPECT_EQ(copy.Share(0), list.Share(0));
  EXPECT_EQ(std::vector<std::string>(copy.begin(), copy.end()), (std::vector<std::string>{"a", "d"}));
}

TEST(SharedListTest, IsARange) {
  SharedList<std::string> list;
  EXPECT_EQ(list.begin(), list.end());
  for (const char* each : {"x", "y", "z"}) list.push_back(each);
  EXPECT_EQ(std::ranges::find(list, "y")->size(), 1u);
  EXPECT_TRUE(std::ranges::any_of(list, [](const std::string& each) { return each == "z"; }));
  auto at = list.begin();
  EXPECT_EQ(*at++, "x");
  EXPECT_EQ(*at, "y");
  EXPECT_EQ(list[2], *++at);
}

}  // namespace
}  // namespace pillion::base
