#include "source/limit/key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>
#include <string>
#include <utility>
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

// Whatever its length, and whether that has room in a word: each byte of a text counts, and only these.
TEST(LimitKey, EachByteOfEachLengthCounts) {
  std::vector<std::string> texts;
  for (const size_t size : {1, 2, 3, 4, 6, 7, 8, 9, 14, 15, 16, 17, 23, 253, 254, 255, 256, 263, 300}) {
    texts.emplace_back(size, 'a');
    for (size_t at = 0; at < size; ++at) {
      texts.emplace_back(size, 'a');
      texts.back()[at] = 'b';
    }
  }
  std::set<std::pair<uint64_t, uint64_t>> keys;
  for (const std::string& text : texts) {
    const Key key = Of({text});
    EXPECT_TRUE(keys.emplace(key.low, key.high).second) << text;
    const std::string between = "(" + text + ")";
    EXPECT_EQ(Of({std::string_view(between).substr(1, text.size())}), key) << text;
    EXPECT_TRUE(keys.insert({Of({text, "a"}).low, 0}).second) << text;
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
