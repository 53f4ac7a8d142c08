#include "source/base/murmur_hash2.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace pillion::base {
namespace {

// libstdc++ hashes texts by the same function, with the same seed.
TEST(MurmurHash2, AsTheStandardLibrary) {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(MurmurHash2(text), std::hash<std::string>()(text)) << text;
    text += static_cast<char>(37 * i + 11);
  }
}

}  // namespace
}  // namespace pillion::base
