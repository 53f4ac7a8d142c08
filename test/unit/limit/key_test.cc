#include "source/limit/key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

namespace pillion::limit {
namespace {

constexpr Secret kSecret{1, 2};

Key Of(const std::vector<std::string_view>& dimensions, const Secret& secret = kSecret) { return KeyOf(secret, dimensions); }

// Where one dimension ends and the next begins is part of the key, and so is how many there are.
TEST(LimitKey, DimensionsAreNotJoined) {
  const std::string zeros(8, '\0');
  const std::vector<std::vector<std::string_view>> different{
      {},           {""},          {"", ""},
      {"a"},        {"ab"},        {"a", "b"},
      {"ab", ""},   {"", "ab"},    {"abc"},
      {"ab", "c"},  {"a", "bc"},   {"abcdefgh"},
      {"abcdefgh", ""},            {"abcdefghi"},
      {"abcdefgh", "i"},           {std::string_view("a\0", 2)},
      {std::string_view(zeros).substr(0, 7)}, {zeros}, {zeros, zeros}};
  for (size_t i = 0; i < different.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(Of(different[i]), Of(different[j])) << i << " and " << j;
    EXPECT_EQ(Of(different[i]), Of(different[i]));
    EXPECT_NE(Of(different[i]), Of(different[i], {1, 3}));
    EXPECT_NE(Of(different[i]), Of(different[i], {2, 2}));
  }
}

// One bit of the key, or of the secret, changes about half of the hash.
TEST(LimitKey, EachBitCounts) {
  std::string text = "tenant-0123456789";
  const Key whole = Of({text, "payments"});
  int changed = 0, least = 128;
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    const Key other = Of({text, "payments"});
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    const int bits = std::popcount(whole.low ^ other.low) + std::popcount(whole.high ^ other.high);
    changed += bits;
    least = std::min(least, bits);
  }
  EXPECT_NEAR(changed / static_cast<double>(text.size() * 8), 64, 2);
  EXPECT_GT(least, 32);
}

}  // namespace
}  // namespace pillion::limit
