#include "source/upstream/lane_text.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "source/upstream/lane.h"

namespace pillion::upstream {
namespace {

using Labels = std::vector<Label>;

TEST(LaneText, AsPeopleWriteIt) {
  EXPECT_EQ(LabelsText(Labels{}), "");
  EXPECT_EQ(LabelsText(Labels{{"env", "gray"}}), "env=gray");
  EXPECT_EQ(LabelsText(Labels{{"env", "gray"}, {"version", "v2.1"}}), "env=gray,version=v2.1");
}

TEST(LaneText, OtherLabelsHaveAnother) {
  const Labels alike[] = {
      {{"a", "b,c=d"}}, {{"a", "b"}, {"c", "d"}}, {{"a", "b%2Cc%3Dd"}}, {{"a=b,c", "d"}}, {{"a", "b,c"}, {"", "d"}}, {{"a", ""}}, {{"a", "%"}},
      {{"a", "%25"}}, {{"", ""}}, {{"", "="}}, {{"=", ""}}};
  std::set<std::string> texts;
  for (const Labels& labels : alike) EXPECT_TRUE(texts.insert(LabelsText(labels)).second) << LabelsText(labels);
  EXPECT_EQ(LabelsText(alike[0]), "a=b%2Cc%3Dd");
}

}  // namespace
}  // namespace pillion::upstream
