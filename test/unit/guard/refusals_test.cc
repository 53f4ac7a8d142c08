#include "source/guard/refusals.h"

#include <gtest/gtest.h>

namespace pillion::guard {
namespace {

using xds::Kind;

std::string Text(const std::string* reason) { return reason == nullptr ? "-" : *reason; }

TEST(RefusalsTest, AContentOfAName) {
  Refusals refusals;
  refusals.AddContent(Kind::kClusters, "pay", "bytes", "why");
  EXPECT_EQ(Text(refusals.OfContent(Kind::kClusters, "pay", "bytes")), "why");
  EXPECT_EQ(Text(refusals.OfContent(Kind::kClusters, "pay", "others")), "-");
  EXPECT_EQ(Text(refusals.OfContent(Kind::kClusters, "cart", "bytes")), "-");
  EXPECT_EQ(Text(refusals.OfContent(Kind::kListeners, "pay", "bytes")), "-");
  EXPECT_EQ(Text(refusals.OfRemoval(Kind::kClusters, "pay")), "-");
  refusals.AddContent(Kind::kClusters, "pay", "others", "why too");
  EXPECT_EQ(Text(refusals.OfContent(Kind::kClusters, "pay", "bytes")), "why");
  EXPECT_EQ(Text(refusals.OfContent(Kind::kClusters, "pay", "others")), "why too");
  refusals.AddContent(Kind::kClusters, "pay", "others", "why again");
  EXPECT_EQ(Text(refusals.OfContent(Kind::kClusters, "pay", "others")), "why again");
  EXPECT_EQ(refusals.size(), 2u);
}

TEST(RefusalsTest, ARemoval) {
  Refusals refusals;
  refusals.AddRemoval(Kind::kClusters, "pay", "why");
  EXPECT_EQ(Text(refusals.OfRemoval(Kind::kClusters, "pay")), "why");
  EXPECT_EQ(Text(refusals.OfRemoval(Kind::kListeners, "pay")), "-");
  EXPECT_EQ(Text(refusals.OfContent(Kind::kClusters, "pay", "")), "-");
  refusals.DropRemoval(Kind::kClusters, "pay");
  refusals.DropRemoval(Kind::kClusters, "nothing");
  EXPECT_EQ(Text(refusals.OfRemoval(Kind::kClusters, "pay")), "-");
  EXPECT_EQ(refusals.size(), 0u);
}

TEST(RefusalsTest, TheOldestGo) {
  Refusals refusals;
  refusals.AddRemoval(Kind::kClusters, "dropped", "why");
  for (size_t i = 0; i < Refusals::kMost; ++i) {
    if (i == 1) refusals.DropRemoval(Kind::kClusters, "dropped");
    refusals.AddContent(Kind::kRoutes, "main", std::to_string(i), "why");
  }
  EXPECT_EQ(refusals.size(), Refusals::kMost);
  EXPECT_EQ(Text(refusals.OfContent(Kind::kRoutes, "main", "0")), "why");
  refusals.AddContent(Kind::kRoutes, "main", "more", "why");
  EXPECT_EQ(refusals.size(), Refusals::kMost);
  EXPECT_EQ(Text(refusals.OfContent(Kind::kRoutes, "main", "0")), "-");
  EXPECT_EQ(Text(refusals.OfContent(Kind::kRoutes, "main", "1")), "why");
  refusals.Clear();
  EXPECT_EQ(refusals.size(), 0u);
  refusals.AddContent(Kind::kRoutes, "main", "1", "why");
  EXPECT_EQ(Text(refusals.OfContent(Kind::kRoutes, "main", "1")), "why");
}

}  // namespace
}  // namespace pillion::guard
