#include "source/limit/fair_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "source/base/random.h"
#include "source/limit/keyed_limit.h"

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;
using Limits = FairQueue::Limits;
using Taken = FairQueue::Taken;
using Waiter = FairQueue::Waiter;

constexpr base::MonotonicTime kStart{1000s};
constexpr base::Duration kNo = 0s;

Key Of(uint64_t number) { return {number * 0x9e3779b97f4a7c15, number}; }
Waiter Of(uint64_t key, uint64_t owner, uint8_t priority = 0, uint64_t cost = 1) {
  return {.key = Of(key), .cost = cost, .priority = priority, .owner = owner};
}

// Who is granted when so many may be, by their owners.
std::vector<uint64_t> Grant(FairQueue& queue, size_t most, base::MonotonicTime now = kStart) {
  std::vector<uint64_t> granted;
  queue.Run(
      now, [&](const Waiter&) { return granted.size() < most ? kNo : 1s; },
      [&](const Waiter& waiter, FairQueue::End end) {
        if (end == FairQueue::End::kGranted) granted.push_back(waiter.owner);
      });
  return granted;
}

using Owners = std::vector<uint64_t>;

TEST(FairQueue, KeysTakeTurnsAndWithinAKeyWhoCameFirst) {
  FairQueue queue({.most = 10, .longest_wait = 1s, .limits = Limits::kAll});
  for (uint64_t owner = 1; owner <= 4; ++owner) EXPECT_EQ(queue.Add(Of(1, owner), kNo, kStart).taken, Taken::kYes);
  for (uint64_t owner = 5; owner <= 6; ++owner) EXPECT_EQ(queue.Add(Of(2, owner), kNo, kStart).taken, Taken::kYes);
  EXPECT_TRUE(queue.MustWait(Of(3)));
  EXPECT_EQ(Grant(queue, 2), (Owners{1, 5}));
  const Owners rest = Grant(queue, 10, kStart + 1ms);
  EXPECT_EQ(rest, Owners());  // until the second that the limit said is over
  EXPECT_EQ(queue.NextRun(), kStart + 1s);
}

TEST(FairQueue, TheMostUrgentFirst) {
  FairQueue queue({.most = 10, .longest_wait = 1s, .limits = Limits::kAll});
  for (const auto& [owner, priority] : {std::pair<uint64_t, uint8_t>{1, 3}, {2, 1}, {3, 2}, {4, 0}, {5, 1}}) {
    EXPECT_EQ(queue.Add(Of(owner % 2, owner, priority), kNo, kStart).taken, Taken::kYes);
  }
  const Owners granted = Grant(queue, 10);
  ASSERT_EQ(granted.size(), 5u);
  EXPECT_EQ(granted[0], 4u);
  EXPECT_EQ(std::min(granted[1], granted[2]), 2u);
  EXPECT_EQ(std::max(granted[1], granted[2]), 5u);
  EXPECT_EQ(granted[3], 3u);
  EXPECT_EQ(granted[4], 1u);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.NextRun(), FairQueue::kNever);
}

TEST(FairQueue, NobodyWaitsLongerThanHeMay) {
  FairQueue queue({.most = 10, .longest_wait = 1s});
  Waiter hurried = Of(1, 1);
  hurried.deadline = kStart + 300ms;
  EXPECT_EQ(queue.Add(hurried, 300ms, kStart).taken, Taken::kTooLate);
  EXPECT_EQ(queue.Add(Of(1, 2), 1s, kStart).taken, Taken::kTooLate);
  EXPECT_EQ(queue.Add(Of(1, 2), Decision::kNever, kStart).taken, Taken::kTooLate);
  EXPECT_EQ(queue.Add(hurried, 200ms, kStart).taken, Taken::kYes);
  EXPECT_EQ(queue.Add(Of(1, 2), 900ms, kStart).taken, Taken::kYes);
  EXPECT_EQ(queue.NextRun(), kStart + 200ms);
  std::vector<std::pair<uint64_t, FairQueue::End>> ended;
  const auto run = [&](base::MonotonicTime now) {
    queue.Run(
        now, [](const Waiter&) { return base::Duration(400ms); },
        [&](const Waiter& waiter, FairQueue::End end) { ended.emplace_back(waiter.owner, end); });
  };
  run(kStart + 200ms);
  EXPECT_TRUE(ended.empty());
  EXPECT_EQ(queue.NextRun(), kStart + 300ms);
  run(kStart + 300ms);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0], std::make_pair(uint64_t{1}, FairQueue::End::kExpired));
  run(kStart + 1s);
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(ended[1], std::make_pair(uint64_t{2}, FairQueue::End::kExpired));
}

TEST(FairQueue, WhoIsNeverAdmittedHoldsNobodyElseUp) {
  FairQueue queue({.most = 10, .longest_wait = base::Duration::max(), .limits = Limits::kEachKey});
  Waiter dear = Of(1, 1, 0, 50);
  dear.deadline = kStart + 1s;
  EXPECT_EQ(queue.Add(dear, kNo, kStart).taken, Taken::kYes);
  EXPECT_EQ(queue.Add(Of(2, 2), kNo, kStart).taken, Taken::kYes);
  EXPECT_EQ(queue.Add(Of(3, 3), Decision::kNever, kStart).taken, Taken::kTooLate);
  Owners granted, expired;
  const auto run = [&](base::MonotonicTime now) {
    queue.Run(
        now, [](const Waiter& waiter) { return waiter.cost == 50 ? Decision::kNever : kNo; },
        [&](const Waiter& waiter, FairQueue::End end) {
          (end == FairQueue::End::kGranted ? granted : expired).push_back(waiter.owner);
        });
  };
  run(kStart);
  EXPECT_EQ(granted, Owners{2});
  EXPECT_EQ(queue.NextRun(), kStart + 1s);
  run(kStart + 1s);
  EXPECT_EQ(expired, Owners{1});
}

TEST(FairQueue, WhoIsCancelledIsNotGranted) {
  FairQueue queue({.most = 2, .longest_wait = 1s});
  const FairQueue::Added first = queue.Add(Of(1, 1), kNo, kStart), second = queue.Add(Of(1, 2), kNo, kStart);
  EXPECT_TRUE(queue.Cancel(first.ticket));
  EXPECT_FALSE(queue.Cancel(first.ticket));
  EXPECT_FALSE(queue.Cancel(0));
  EXPECT_FALSE(queue.Cancel(UINT64_MAX));
  const FairQueue::Added third = queue.Add(Of(1, 3), kNo, kStart);  // where the first was
  EXPECT_FALSE(queue.Cancel(first.ticket));
  EXPECT_EQ(Grant(queue, 5), (Owners{2, 3}));
  EXPECT_FALSE(queue.Cancel(second.ticket) || queue.Cancel(third.ticket));
}

// A suspended key whose first gives up, or whose more urgent one comes, is asked again.
TEST(FairQueue, WhoIsNowFirstDoesNotWaitForAnother) {
  for (const Limits limits : {Limits::kEachKey, Limits::kAll}) {
    FairQueue queue({.most = 5, .longest_wait = 10s, .limits = limits});
    const FairQueue::Added dear = queue.Add(Of(1, 1, 1, 100), 5s, kStart);
    EXPECT_EQ(queue.NextRun(), kStart + 5s);
    EXPECT_EQ(queue.Add(Of(1, 2, 1, 1), 1ms, kStart).taken, Taken::kYes);
    EXPECT_EQ(queue.NextRun(), kStart + 5s);
    EXPECT_EQ(queue.Add(Of(1, 3, 0, 1), 1ms, kStart).taken, Taken::kYes);
    EXPECT_EQ(queue.NextRun(), kStart + 1ms);
    EXPECT_EQ(Grant(queue, 1, kStart + 1ms), Owners{3});
    EXPECT_EQ(queue.NextRun(), kStart + 1001ms);
    EXPECT_TRUE(queue.Cancel(dear.ticket));
    EXPECT_EQ(Grant(queue, 1, kStart + 2ms), Owners{2});
  }
}

TEST(FairQueue, AKeyThatComesInMassesCrowdsOutOnlyItself) {
  FairQueue queue({.most = 6, .longest_wait = 1s});
  for (uint64_t owner = 1; owner <= 6; ++owner) EXPECT_EQ(queue.Add(Of(1, owner), kNo, kStart).taken, Taken::kYes);
  EXPECT_EQ(queue.Add(Of(1, 7), kNo, kStart).taken, Taken::kFull);
  for (uint64_t owner = 11; owner <= 13; ++owner) {
    const FairQueue::Added added = queue.Add(Of(2, owner), kNo, kStart);
    ASSERT_EQ(added.taken, Taken::kYes);
    EXPECT_EQ(added.displaced->owner, 17 - owner);  // the last of them: 6, 5, 4
  }
  EXPECT_EQ(queue.Add(Of(2, 14), kNo, kStart).taken, Taken::kFull);
  EXPECT_EQ(queue.Add(Of(1, 15), kNo, kStart).taken, Taken::kFull);
  EXPECT_EQ(queue.size(), 6u);
}

TEST(FairQueue, TheMoreUrgentFindsRoom) {
  FairQueue queue({.most = 3, .longest_wait = 1s});
  EXPECT_EQ(queue.Add(Of(1, 1, 2), kNo, kStart).taken, Taken::kYes);
  EXPECT_EQ(queue.Add(Of(2, 2, 2), kNo, kStart).taken, Taken::kYes);
  EXPECT_EQ(queue.Add(Of(3, 3, 1), kNo, kStart).taken, Taken::kYes);
  EXPECT_EQ(queue.Add(Of(4, 4, 3), kNo, kStart).taken, Taken::kFull);
  EXPECT_EQ(queue.Add(Of(4, 4, 1), kNo, kStart).displaced->owner, 2u);
  EXPECT_EQ(queue.Add(Of(4, 5, 0), kNo, kStart).displaced->owner, 1u);
  EXPECT_EQ(queue.Add(Of(3, 6, 0), kNo, kStart).displaced->owner, 4u);
  EXPECT_EQ(queue.Add(Of(3, 7, 0), kNo, kStart).displaced->owner, 3u);
  EXPECT_EQ(queue.Add(Of(3, 8, 0), kNo, kStart).taken, Taken::kFull);
}

// Keys that always wait have had the same, by cost, up to the dearest request of each; however many each has waiting.
TEST(FairQueue, KeysThatAlwaysWaitGetTheSame) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    constexpr uint64_t kKeys = 6;
    const uint64_t dearest[kKeys] = {1, 1, 7, 50, 1, 1000};
    base::Random random(seed);
    FairQueue queue({.most = 2000, .longest_wait = 1h, .limits = Limits::kAll});
    const auto add = [&](uint64_t key) {
      const Waiter waiter = Of(key, key, 1, 1 + random.Below(dearest[key]));
      ASSERT_EQ(queue.Add(waiter, kNo, kStart).taken, Taken::kYes);
    };
    for (uint64_t key = 0; key < kKeys; ++key) {
      for (uint64_t i = 0; i < 1 + key * 10; ++i) add(key);
    }
    uint64_t had[kKeys] = {};
    for (int i = 0; i < 20'000; ++i) {
      size_t left = 1;
      uint64_t granted = 0;
      queue.Run(
          kStart + i * 1us, [&](const Waiter&) { return left-- > 0 ? kNo : base::Duration(1ns); },
          [&](const Waiter& waiter, FairQueue::End) {
            granted = waiter.owner;
            had[granted] += waiter.cost;
          });
      add(granted);
      for (uint64_t a = 0; a < kKeys; ++a) {
        for (uint64_t b = 0; b < kKeys; ++b) ASSERT_LE(had[a], had[b] + dearest[a] + dearest[b]) << "seed " << seed << ", " << i;
      }
    }
  }
}

// One that comes again as soon as it was granted does not hold up those that wait.
TEST(FairQueue, WhoComesAgainAtOnceStartsAtTheBack) {
  FairQueue queue({.most = 100, .longest_wait = 1h, .limits = Limits::kAll});
  for (uint64_t owner = 0; owner < 50; ++owner) ASSERT_EQ(queue.Add(Of(1, 1), kNo, kStart).taken, Taken::kYes);
  uint64_t had[3] = {};
  for (int i = 0; i < 50; ++i) {
    while (!queue.MustWait(Of(9)) || queue.size() < 50) ASSERT_EQ(queue.Add(Of(2, 2), kNo, kStart).taken, Taken::kYes);
    for (const uint64_t owner : Grant(queue, 2, kStart + i * 1s)) ++had[owner];
  }
  EXPECT_EQ(had[1] + had[2], 100u);
  EXPECT_EQ(had[1], 50u);
}

// Whatever is done: each ends once, in time; the most urgent goes first; of a key and priority who came first.
TEST(FairQueue, KeepsItsPromisesWhateverIsDone) {
  uint64_t ends[4] = {};  // granted, expired, displaced, cancelled
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    base::Random random(seed);
    const Limits limits = seed % 2 == 0 ? Limits::kAll : Limits::kEachKey;
    const size_t most = 1 + random.Below(40);
    FairQueue queue({.most = most, .longest_wait = 500ms, .limits = limits});
    struct Waiting {
      Waiter waiter;
      FairQueue::Ticket ticket;
      base::MonotonicTime since;
    };
    std::map<uint64_t, Waiting> waiting;  // by owner, who are numbered as they come
    uint64_t next = 1;
    base::MonotonicTime now = kStart;
    for (int i = 0; i < 4000; ++i) {
      now += base::Duration(random.Below(20'000'000));
      const uint64_t action = random.Below(10);
      if (action < 6) {
        Waiter waiter = Of(random.Below(3) == 0 ? random.Below(30) : 0, next, static_cast<uint8_t>(random.Below(4)),
                           1 + random.Below(10));
        if (random.Below(2) == 0) waiter.deadline = now + base::Duration(random.Below(400'000'000));
        const base::Duration wait(random.Below(100'000'000));
        const FairQueue::Added added = queue.Add(waiter, wait, now);
        const base::MonotonicTime deadline = std::min(waiter.deadline, now + 500ms);
        ASSERT_EQ(added.taken == Taken::kTooLate, deadline <= now + wait);
        ASSERT_TRUE(added.taken != Taken::kFull || waiting.size() == most);
        if (added.displaced) {
          ASSERT_EQ(waiting.size(), most);
          ASSERT_GE(added.displaced->priority, waiter.priority);
          ASSERT_EQ(waiting.erase(added.displaced->owner), 1u);
          ++ends[2];
        }
        if (added.taken == Taken::kYes) {
          waiter.deadline = deadline;
          waiting[next++] = {waiter, added.ticket, now};
        }
      } else if (action == 6 && !waiting.empty()) {
        const auto chosen = std::next(waiting.begin(), static_cast<long>(random.Below(waiting.size())));
        ASSERT_TRUE(queue.Cancel(chosen->second.ticket));
        ASSERT_FALSE(queue.Cancel(chosen->second.ticket));
        waiting.erase(chosen);
        ++ends[3];
      } else {
        size_t left = random.Below(4);
        queue.Run(
            now,
            [&](const Waiter& first) {
              for (const auto& [owner, other] : waiting) {
                EXPECT_TRUE(limits != Limits::kAll || first.priority <= other.waiter.priority);
                if (other.waiter.key != first.key) continue;
                EXPECT_LE(first.priority, other.waiter.priority);
                EXPECT_TRUE(first.priority != other.waiter.priority || first.owner <= owner);
              }
              return left > 0 && left-- > 0 ? kNo : base::Duration(1 + random.Below(50'000'000));
            },
            [&](const Waiter& waiter, FairQueue::End end) {
              const auto found = waiting.find(waiter.owner);
              ASSERT_NE(found, waiting.end());
              EXPECT_EQ(end == FairQueue::End::kExpired, found->second.waiter.deadline <= now);
              waiting.erase(found);
              ++ends[static_cast<size_t>(end)];
            });
        EXPECT_GT(queue.NextRun(), now);
      }
      ASSERT_EQ(queue.size(), waiting.size());
      ASSERT_LE(queue.size(), most);
      ASSERT_EQ(queue.NextRun() == FairQueue::kNever, waiting.empty());
      for (const auto& [owner, other] : waiting) ASSERT_LE(queue.NextRun(), other.waiter.deadline);
      ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed << ", step " << i;
    }
  }
  for (const uint64_t of_kind : ends) EXPECT_GT(of_kind, 500u);
}

// With a limit: who waits is granted at the very times at which the limit has something, and never more than that.
TEST(FairQueue, GrantsWhenTheLimitDoes) {
  const auto limit = std::make_unique<KeyedLimit>(
      Terms{.window = {}, .bucket = TokenBucket::Terms{.burst = 2, .tokens = 10, .period = 1s}}, 100);
  FairQueue queue({.most = 1000, .longest_wait = 10s});
  std::map<uint64_t, std::vector<base::Duration>> granted;
  for (uint64_t key = 1; key <= 3; ++key) {
    for (uint64_t i = 0; i < 10 * key; ++i) {
      const Decision decision = limit->Decide(Of(key), 1, kStart);
      if (!queue.MustWait(Of(key)) && decision.allowed()) {
        granted[key].push_back(0s);
      } else {
        ASSERT_EQ(queue.Add(Of(key, key), decision.retry_after, kStart).taken, Taken::kYes);
      }
    }
  }
  int runs = 0;
  for (base::MonotonicTime now; (now = queue.NextRun()) != FairQueue::kNever; ++runs) {
    queue.Run(
        now, [&](const Waiter& waiter) { return limit->Decide(waiter.key, waiter.cost, now).retry_after; },
        [&](const Waiter& waiter, FairQueue::End end) {
          ASSERT_EQ(end, FairQueue::End::kGranted);
          granted[waiter.owner].push_back(now - kStart);
        });
  }
  for (uint64_t key = 1; key <= 3; ++key) {
    ASSERT_EQ(granted[key].size(), 10 * key);
    for (size_t i = 0; i < granted[key].size(); ++i) {
      EXPECT_EQ(granted[key][i], i < 2 ? base::Duration() : base::Duration((i - 1) * 100ms));
    }
  }
  EXPECT_EQ(runs, 28);
}

TEST(FairQueue, WhatIsBefore) {
  for (const auto limits : {FairQueue::Limits::kEachKey, FairQueue::Limits::kAll}) {
    FairQueue queue({.most = 10, .longest_wait = 10s, .limits = limits});
    const bool all = limits == FairQueue::Limits::kAll;
    const auto add = [&](uint64_t key, uint64_t cost, uint8_t priority, base::Duration deadline = 9s) {
      return queue.Add({.key = {key, key}, .cost = cost, .priority = priority, .deadline = kStart + deadline}, 1ms, kStart).ticket;
    };
    const auto before = [&](uint64_t key, uint8_t priority, base::Duration until = 5s) {
      return queue.CostBefore({key, key}, priority, kStart + until);
    };
    EXPECT_EQ(before(1, 3), 0u);
    EXPECT_EQ(queue.CostOfAll({1, 1}), 0u);
    add(1, 5, 1);
    const FairQueue::Ticket other = add(2, 7, 0);
    add(1, 2, 2);
    add(1, 100, 0, 5s);  // may be gone by then
    EXPECT_EQ(before(1, 0), 0u);
    EXPECT_EQ(before(1, 0, 4s), 100u);
    EXPECT_EQ(before(1, 1), all ? 12u : 5u);
    EXPECT_EQ(before(1, 3), all ? 14u : 7u);
    EXPECT_EQ(before(2, 0), 7u);
    EXPECT_EQ(before(3, 1), all ? 7u : 0u);
    EXPECT_EQ(queue.CostOfAll({1, 1}), all ? 114u : 107u);
    EXPECT_EQ(queue.CostOfAll({3, 3}), all ? 114u : 0u);
    EXPECT_TRUE(queue.Cancel(other));
    EXPECT_EQ(before(1, 3), 7u);
    EXPECT_EQ(queue.CostOfAll({1, 1}), 107u);
    queue.Run(kStart + 1s, [](const FairQueue::Waiter&) { return 0ms; }, [](const FairQueue::Waiter&, FairQueue::End) {});
    EXPECT_EQ(before(1, 3), 0u);
    EXPECT_EQ(queue.CostOfAll({1, 1}), 0u);
  }
}

}  // namespace
}  // namespace pillion::limit
