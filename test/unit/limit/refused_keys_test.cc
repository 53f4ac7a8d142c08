#include "source/limit/refused_keys.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

constexpr base::MonotonicTime kStart{1000s};
constexpr Secret kSecret{1, 2};

Key Of(uint64_t number) {
  const std::string text = std::to_string(number);
  const std::string_view dimensions[] = {text};
  return KeyOf(kSecret, dimensions);
}

void Note(RefusedKeys& keys, uint64_t number, base::MonotonicTime now = kStart) {
  keys.Note(Of(number), now, [number] { return std::to_string(number); });
}

TEST(RefusedKeys, MostOftenFirst) {
  RefusedKeys keys;
  EXPECT_TRUE(keys.Read(kStart).empty());
  for (uint64_t number = 1; number <= 5; ++number) {
    for (uint64_t times = 0; times < number; ++times) Note(keys, number, kStart + number * 1s);
  }
  const auto rows = keys.Read(kStart + 10s);
  ASSERT_EQ(rows.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(rows[i].text, std::to_string(5 - i));
    EXPECT_EQ(rows[i].key, Of(5 - i));
    EXPECT_EQ(rows[i].refused, 5 - i);
    EXPECT_EQ(rows[i].error, 0u);
    EXPECT_EQ(rows[i].last, kStart + (5 - i) * 1s);
  }
}

// A text is asked for only by who has no place, and no longer than there is room for it.
TEST(RefusedKeys, TextsAreBounded) {
  RefusedKeys keys;
  int asked = 0;
  const std::string text(RefusedKeys::kMostText + 100, 'x');
  for (int i = 0; i < 3; ++i) {
    keys.Note(Of(1), kStart, [&] {
      ++asked;
      return std::string_view(text);
    });
  }
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(keys.Read(kStart)[0].text, text.substr(0, RefusedKeys::kMostText));
}

// Whoever floods it with keys that he made up does not hide a key that is refused often.
TEST(RefusedKeys, AFloodHidesNoBusyKey) {
  std::mt19937 random(1);
  RefusedKeys keys;
  std::map<uint64_t, uint64_t> real;
  uint64_t all = 0;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t number = random() % 4 == 0 ? 1 + random() % 2 : 1000 + static_cast<uint64_t>(i);
    Note(keys, number);
    ++real[number];
    ++all;
  }
  const auto rows = keys.Read(kStart);
  EXPECT_EQ(rows.size(), RefusedKeys::kPlaces);
  uint64_t found = 0;
  for (const RefusedKeys::Row& row : rows) {
    const uint64_t number = std::stoull(row.text);
    found += number < 1000;
    EXPECT_GE(row.refused, real[number]);
    EXPECT_LE(row.refused - row.error, real[number]);
    EXPECT_LE(row.error, all / RefusedKeys::kPlaces);
  }
  EXPECT_EQ(found, 2u);
}

TEST(RefusedKeys, WhoIsNotRefusedAnyMoreGoes) {
  RefusedKeys keys;
  for (uint64_t number = 0; number < RefusedKeys::kPlaces; ++number) {
    for (int times = 0; times < 100; ++times) Note(keys, number);
  }
  const base::MonotonicTime later = kStart + RefusedKeys::kShown + 1s;
  EXPECT_TRUE(keys.Read(later).empty());
  Note(keys, 99, later);
  Note(keys, 5, later);
  const auto rows = keys.Read(later);
  ASSERT_EQ(rows.size(), 2u);
  for (const RefusedKeys::Row& row : rows) EXPECT_EQ(row.refused - row.error, 1u) << row.text;
  EXPECT_EQ(rows[0].refused, 1u);
}

}  // namespace
}  // namespace pillion::limit
