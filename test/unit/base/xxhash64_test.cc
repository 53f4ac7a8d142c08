#include "source/base/xxhash64.h"

#include <gtest/gtest.h>

#include <string>

namespace pillion::base {
namespace {

TEST(XxHash64, KnownTexts) {
  EXPECT_EQ(XxHash64(""), 0xef46db3751d8e999);
  EXPECT_EQ(XxHash64("a"), 0xd24ec4f1a98c6e5b);
  EXPECT_EQ(XxHash64("abc"), 0x44bc2cf5ad770999);
  EXPECT_EQ(XxHash64("Call me Ishmael. Some years ago--never mind how long precisely-"), 0x02a2e85470d6fd96);
}

// The vectors of the reference implementation's own check: its buffer, of each length that takes another way.
TEST(XxHash64, VectorsOfTheReference) {
  std::string buffer;
  uint64_t generator = 2654435761;
  for (int i = 0; i < 256; ++i) {
    buffer.push_back(static_cast<char>(generator >> 56));
    generator *= 11400714785074694797u;
  }
  constexpr uint64_t kSeed = 2654435761;
  const auto of = [&](size_t size, uint64_t seed) { return XxHash64(std::string_view(buffer).substr(0, size), seed); };
  EXPECT_EQ(of(0, 0), 0xef46db3751d8e999);
  EXPECT_EQ(of(0, kSeed), 0xac75fda2929b17ef);
  EXPECT_EQ(of(1, 0), 0xe934a84adb052768);
  EXPECT_EQ(of(1, kSeed), 0x5014607643a9b4c3);
  EXPECT_EQ(of(4, 0), 0x9136a0dca57457ee);
  EXPECT_EQ(of(14, 0), 0x8282dcc4994e35c8);
  EXPECT_EQ(of(14, kSeed), 0xc3bd6bf63deb6df0);
  EXPECT_EQ(of(222, 0), 0xb641ae8cb691c174);
  EXPECT_EQ(of(222, kSeed), 0x20cb8ab7ae10c14a);
}

}  // namespace
}  // namespace pillion::base
