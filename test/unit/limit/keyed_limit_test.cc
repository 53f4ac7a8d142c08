#include "source/limit/keyed_limit.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "test/unit/limit/schedule.h"

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

constexpr base::MonotonicTime kStart{1000s};
constexpr Secret kSecret{0x1234, 0x5678};

Key Of(uint64_t number) {
  const std::string text = std::to_string(number);
  const std::string_view dimensions[] = {"tenant", text};
  return KeyOf(kSecret, dimensions);
}

Terms WindowAndBucket(uint64_t limit = 20, uint64_t burst = 5) {
  return {.window = SlidingWindow::Terms{.limit = limit, .length = 10s},
          .bucket = TokenBucket::Terms{.burst = burst, .tokens = 5, .period = 1s}};
}

// One on the stack would not be aligned under AddressSanitizer (GCC 12).
std::unique_ptr<KeyedLimit> NewLimit(const Terms& terms, size_t most_keys) {
  return std::make_unique<KeyedLimit>(terms, most_keys);
}

TEST(KeyedLimit, EachKeyHasItsOwn) {
  const auto limit = NewLimit(WindowAndBucket(), 100);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(limit->Decide(Of(1), 1, kStart).allowed());
    EXPECT_TRUE(limit->Decide(Of(2), 1, kStart).allowed());
  }
  EXPECT_FALSE(limit->Decide(Of(1), 1, kStart).allowed());
  EXPECT_FALSE(limit->Decide(Of(2), 1, kStart).allowed());
  EXPECT_TRUE(limit->Decide(Of(3), 5, kStart).allowed());
  EXPECT_EQ(limit->Read().keys, 3u);
}

TEST(KeyedLimit, AskingChangesNothing) {
  const auto limit = NewLimit(WindowAndBucket(), 1);
  const auto allowed = [&](uint64_t key, uint64_t cost) { return limit->Ask(Of(key), cost, kStart).allowed(); };
  EXPECT_TRUE(allowed(1, 5));
  EXPECT_TRUE(allowed(1, 5));
  EXPECT_EQ(limit->Read().keys, 0u);
  ASSERT_TRUE(limit->Decide(Of(1), 5, kStart).allowed());
  const Decision refused = limit->Ask(Of(1), 2, kStart);
  EXPECT_EQ(refused.refused_by, Stage::kBucket);
  EXPECT_EQ(refused.retry_after, 400ms);
  EXPECT_FALSE(refused.shared);
  // One that shares with others is told of what they share.
  ASSERT_TRUE(limit->Decide(Of(2), 4, kStart).allowed());
  EXPECT_TRUE(limit->Ask(Of(3), 1, kStart).shared);
  EXPECT_TRUE(allowed(3, 1));
  EXPECT_FALSE(allowed(3, 2));
  EXPECT_TRUE(limit->Decide(Of(3), 1, kStart).allowed());
}

TEST(KeyedLimit, NeverHasMoreKeysThanItMay) {
  for (const size_t most : {1, 2, 3, 15, 16, 17, 100, 255, 256, 511, 512, 1000, 5000, 100'000}) {
    const auto limit = NewLimit(WindowAndBucket(), most);
    EXPECT_LE(limit->Read().capacity, most);
    EXPECT_GT(limit->Read().capacity + 64, most);
    for (uint64_t key = 0; key < 3 * most; ++key) limit->Decide(Of(key), 1, kStart);
    const KeyedLimit::Counts counts = limit->Read();
    EXPECT_LE(counts.keys, counts.capacity);
    EXPECT_EQ(counts.inserted, counts.keys);
    EXPECT_EQ(counts.evicted + counts.expired, 0u);
    // All parts are full by then, but those few that chance passed over.
    EXPECT_GE(counts.keys, most < 15 ? 1 : counts.capacity * 99 / 100);
    EXPECT_GT(counts.refused, 0u);
  }
}

// With room for all, a key is decided on as by a policy of its own, though fresh ones are forgotten all the time.
TEST(KeyedLimit, ForgettingWhatIsFreshChangesNothing) {
  for (const size_t most : {64, 3000}) {
    const auto limit = NewLimit(WindowAndBucket(), most);
    const Policy policy(WindowAndBucket());
    base::Random random(most);
    std::map<uint64_t, Policy::State> states;
    base::MonotonicTime now = kStart;
    const uint64_t keys = most * 10;
    for (int i = 0; i < 60'000; ++i) {
      now += base::Duration(random.Below(static_cast<uint64_t>(base::Duration(60s).count()) / most));
      const uint64_t key = random.Below(4) == 0 ? random.Below(8) : random.Below(keys);
      const uint64_t cost = RandomCost(random, 6);
      const auto [state, added] = states.try_emplace(key, policy.Fresh(now));
      if (random.Below(8) == 0) {
        limit->Charge(Of(key), cost, now);
        policy.Charge(state->second, cost, now);
      }
      const Decision decision = limit->Decide(Of(key), cost, now);
      ASSERT_FALSE(decision.shared);
      const Decision expected = policy.Decide(state->second, cost, now);
      ASSERT_EQ(decision.refused_by, expected.refused_by) << "step " << i;
      ASSERT_EQ(decision.retry_after, expected.retry_after);
      ASSERT_EQ(decision.window.remaining, expected.window.remaining);
      ASSERT_EQ(decision.bucket.remaining, expected.bucket.remaining);
    }
    const KeyedLimit::Counts counts = limit->Read();
    EXPECT_GT(counts.expired, 10'000u);
    EXPECT_EQ(counts.refused, 0u);
    EXPECT_EQ(counts.inserted - counts.expired - counts.evicted, counts.keys);
  }
}

TEST(KeyedLimit, OnlyWhatIsChargedTakesRoom) {
  const auto limit = NewLimit(WindowAndBucket(), 100);
  EXPECT_TRUE(limit->Decide(Of(1), 0, kStart).allowed());
  EXPECT_FALSE(limit->Decide(Of(2), 6, kStart).allowed());
  EXPECT_FALSE(limit->Decide(Of(3), UINT64_MAX, kStart).allowed());
  limit->Charge(Of(4), 0, kStart);
  limit->Prefetch(Of(5));
  EXPECT_EQ(limit->Read().keys, 0u);
}

// An attacker has spent what he has, and makes up keys in order to be forgotten.
TEST(KeyedLimit, AFloodOfKeysForgetsNobodysSpending) {
  const auto limit = NewLimit(WindowAndBucket(), 1000);
  EXPECT_TRUE(limit->Decide(Of(0), 5, kStart).allowed());
  const base::Duration wait = limit->Decide(Of(0), 5, kStart).retry_after;
  EXPECT_EQ(wait, 1s);
  uint64_t shared = 0;
  for (uint64_t key = 1; key <= 100'000; ++key) {
    const base::MonotonicTime now = kStart + wait / 100'001 * key;
    shared += limit->Decide(Of(key), 1, now).shared;
    ASSERT_TRUE(key % 100 != 0 || !limit->Decide(Of(0), 5, now).allowed()) << key;
  }
  EXPECT_TRUE(limit->Decide(Of(0), 5, kStart + wait).allowed());
  EXPECT_EQ(shared, 100'000 - limit->Read().inserted + 1);
}

// What is charged without asking is owed wherever it is counted, and never by a newcomer's choice forgotten.
TEST(KeyedLimit, ADebtStaysWhenRoomIsShort) {
  const auto limit = NewLimit(WindowAndBucket(), 1);
  limit->Charge(Of(1), 8, kStart);
  limit->Charge(Of(2), 8, kStart);
  EXPECT_EQ(limit->Read().keys, 1u);
  EXPECT_EQ(limit->Read().refused, 1u);
  for (const uint64_t key : {1, 2}) {
    const Decision decision = limit->Decide(Of(key), 1, kStart);
    EXPECT_EQ(decision.refused_by, Stage::kBucket);
    EXPECT_EQ(decision.retry_after, 800ms);  // 3 that are owed, and 1
    EXPECT_EQ(decision.shared, key == 2);
  }
}

// Who was there before a flood does not notice it.
TEST(KeyedLimit, AFloodOfKeysTakesNothingFromThoseThatAreThere) {
  const auto flooded = NewLimit(WindowAndBucket(), 1000), quiet = NewLimit(WindowAndBucket(), 1000);
  base::Random random(17);
  base::MonotonicTime now = kStart;
  for (uint64_t key = 0; key < 50; ++key) {
    for (KeyedLimit* limit : {flooded.get(), quiet.get()}) EXPECT_TRUE(limit->Decide(Of(key), 1, now).allowed());
  }
  for (uint64_t i = 0; i < 50'000; ++i) {
    now += 1ms;
    flooded->Decide(Of(1000 + i), RandomCost(random, 5), now);
    if (i % 4 != 0) continue;
    const uint64_t key = i / 4 % 50;
    const Decision decision = flooded->Decide(Of(key), 1, now), expected = quiet->Decide(Of(key), 1, now);
    ASSERT_EQ(decision.refused_by, expected.refused_by) << i;
    ASSERT_EQ(decision.window.remaining, expected.window.remaining);
    ASSERT_EQ(decision.bucket.remaining, expected.bucket.remaining);
    ASSERT_FALSE(decision.shared);
  }
  EXPECT_GT(flooded->Read().refused, 1000u);
  EXPECT_EQ(quiet->Read().refused, 0u);
}

// Newcomers share while there is no room, are not all refused, and have their own again afterwards.
TEST(KeyedLimit, NewcomersShareUntilThereIsRoom) {
  const auto limit = NewLimit(WindowAndBucket(1000, 1000), 1000);
  for (uint64_t key = 1; key <= 2000; ++key) limit->Decide(Of(key), 1, kStart);
  uint64_t shared = 0;
  for (uint64_t key = 5000; key < 5100; ++key) {
    const Decision decision = limit->Decide(Of(key), 1, kStart);
    EXPECT_TRUE(decision.allowed());
    shared += decision.shared;
  }
  EXPECT_EQ(shared, 100u);
  for (uint64_t key = 5000; key < 5100; ++key) {
    const Decision decision = limit->Decide(Of(key), 1, kStart + 1h);
    EXPECT_TRUE(decision.allowed() && !decision.shared);
    EXPECT_EQ(decision.window.remaining, 999u);
  }
  EXPECT_GE(limit->Read().evicted, 100u);
}

struct Attack {
  size_t most_keys;
  uint64_t keys;          // that are made up
  base::Duration step;    // at most, between two requests
  base::Duration apart;   // that the workers' clocks are, at most
};

class UnderAttack : public testing::TestWithParam<Attack> {};

// The claim of the header: no order of keys, costs and times admits more of any key than its policy says; whether it was in the
// table, shared, evicted and back, or given back in part.
TEST_P(UnderAttack, NoKeyEverGetsMoreThanItsPolicy) {
  const Attack attack = GetParam();
  uint64_t shared = 0;
  for (const Terms& terms : {WindowAndBucket(), WindowAndBucket(3, 100), WindowAndBucket(1000, 2),
                             Terms{.window = WindowAndBucket(7).window, .bucket = {}},
                             Terms{.window = {}, .bucket = WindowAndBucket().bucket}}) {
    const auto limit = NewLimit(terms, attack.most_keys);
    base::Random random(attack.keys);
    struct Seen {
      std::vector<Admitted> admitted;
      std::optional<BucketModel> bucket;
      base::MonotonicTime latest;
    };
    std::map<uint64_t, Seen> seen;
    base::MonotonicTime clock = kStart;
    for (int i = 0; i < 30'000; ++i) {
      clock += base::Duration(random.Below(static_cast<uint64_t>(attack.step.count())));
      if (i % 10'000 == 9'999) clock += 1min;  // a pause, and all begins anew
      const base::MonotonicTime now = clock - base::Duration(random.Below(static_cast<uint64_t>(attack.apart.count()) + 1));
      const uint64_t key = random.Below(3) == 0 ? random.Below(4) : random.Below(attack.keys);
      const uint64_t cost = RandomCost(random, 5);
      const Decision decision = limit->Decide(Of(key), cost, now);
      shared += decision.shared;
      if (!decision.allowed()) continue;
      if (random.Below(8) == 0) {
        limit->GiveBack(Of(key), cost, decision, now);
        continue;
      }
      Seen& of_key = seen[key];
      ASSERT_GE(decision.decided_at, of_key.latest);  // the key's time never goes back
      of_key.latest = decision.decided_at;
      of_key.admitted.push_back({decision.decided_at, cost});
      if (!terms.bucket) continue;
      if (!of_key.bucket) of_key.bucket.emplace(*terms.bucket);
      ASSERT_TRUE(of_key.bucket->Take(cost, decision.decided_at)) << "key " << key << ", step " << i;
    }
    for (const auto& [key, of_key] : seen) {
      if (!terms.window) continue;
      ASSERT_LE(MostInAnyWindow(of_key.admitted, terms.window->length), Wide{terms.window->limit}) << key;
    }
    const KeyedLimit::Counts counts = limit->Read();
    EXPECT_LE(counts.keys, counts.capacity);
    EXPECT_GT(counts.evicted + counts.expired, 0u);
  }
  EXPECT_GT(shared, 100u);
}

INSTANTIATE_TEST_SUITE_P(Attacks, UnderAttack,
                         testing::Values(Attack{1, 8, 500ms, 0ns}, Attack{1, 8, 50ms, 20ms}, Attack{16, 40, 200ms, 0ns},
                                         Attack{16, 5000, 100ms, 10ms}, Attack{100, 300, 50ms, 1s},
                                         Attack{100, 100'000, 20ms, 1ms}, Attack{600, 2000, 10ms, 5ms}));

// As if it had not been asked, wherever the key is counted.
TEST(KeyedLimit, WhatIsGivenBackAtOnceIsThereAgain) {
  const auto limit = NewLimit(WindowAndBucket(), 1);
  Decision decision = limit->Decide(Of(1), 5, kStart);
  EXPECT_TRUE(decision.allowed());
  limit->GiveBack(Of(1), 5, decision, kStart);
  decision = limit->Decide(Of(1), 5, kStart);
  EXPECT_TRUE(decision.allowed() && !decision.shared);
  decision = limit->Decide(Of(2), 5, kStart);
  EXPECT_TRUE(decision.allowed() && decision.shared);
  EXPECT_FALSE(limit->Decide(Of(2), 5, kStart).allowed());
  limit->GiveBack(Of(2), 5, decision, kStart);
  EXPECT_TRUE(limit->Decide(Of(2), 5, kStart).allowed());
}

}  // namespace
}  // namespace pillion::limit
