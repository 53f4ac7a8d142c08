#pragma once

// One limit for each of many keys, exact over all workers of the process: a policy, and a bounded table of what each key
// has left. Any thread; each call holds one of up to 64 locks for one short step. Nothing is allocated after the
// construction, and only what is used takes memory: 88 bytes a key; of tables beyond 380,000 keys rather all of it.
//
// What a key has spent is never forgotten before it makes no difference any more:
//
// | a key is | since | until | its bound |
// |---|---|---|---|
// | not known | | it is charged for the first time | the policy's |
// | in the table | then | it is fresh, and a newcomer's look comes past, or its room is needed | the policy's |
// | shared | it comes when its part of the table is full, and nothing there is fresh | there is room | the policy's, together with the keys it shares with |
//
// A shared key that gets an entry of its own begins with all that was spent by those it shared with. So no order of keys and
// times admits more of any key than its policy says; a flood of new keys only makes newcomers share, by a hash that nobody
// outside knows, and takes nothing from, and gives nothing to, the keys that were there before.
//
// Each worker's clock stands still within a turn. What counts for a key is the latest time that any worker has handed in.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "source/base/pages.h"
#include "source/base/spin_lock.h"
#include "source/limit/key.h"
#include "source/limit/policy.h"

namespace pillion::limit {

class KeyedLimit {
 public:
  static constexpr size_t kMostKeys = 10'000'000;

  struct Counts {
    uint64_t keys = 0;      // that there are now
    uint64_t capacity = 0;
    uint64_t inserted = 0;
    uint64_t expired = 0;   // forgotten in passing: they were fresh
    uint64_t evicted = 0;   // forgotten because their room was needed: they were fresh as well
    uint64_t refused = 0;   // not inserted: all were in use
  };

  // Of terms that nothing is wrong with, and of 1 to kMostKeys keys.
  KeyedLimit(const Terms& terms, size_t most_keys);

  const Policy& policy() const { return policy_; }

  // Has what is known of a key fetched from memory, without a lock: for decisions on many keys, or a little later. Changes
  // nothing.
  void Prefetch(const Key& key) const;
  // As Policy::Decide(). What costs nothing, or more than is ever admitted, makes no entry; nor does what is refused.
  Decision Decide(const Key& key, uint64_t cost, base::MonotonicTime now);
  // What Decide() would say; changes nothing.
  Decision Ask(const Key& key, uint64_t cost, base::MonotonicTime now) const;
  // As Policy::Charge(): afterwards, and whatever remains.
  void Charge(const Key& key, uint64_t cost, base::MonotonicTime now);
  // What was admitted is not to be after all: another limit refused it. Exact when nothing was decided since, else rather
  // too little.
  void GiveBack(const Key& key, uint64_t cost, const Decision& decision, base::MonotonicTime now);

  Counts Read() const;

 private:
  using Index = uint32_t;
  static constexpr Index kNone = UINT32_MAX;
  static constexpr size_t kMostShards = 64;
  static constexpr size_t kMostCells = 16;  // of a shard
  // Entries that a newcomer looks at for one that is fresh: in passing, and where there is no room.
  static constexpr size_t kPassed = 2;
  static constexpr size_t kSearched = 16;

  struct Entry {
    Key key;
    Policy::State state;
  };
  static_assert(sizeof(Entry) == 80);

  struct alignas(64) Shard {
    mutable base::SpinLock lock;
    Index untouched = 0;  // from here on no entry was ever used
    Index free = kNone;   // the first of a list
    Index hand = 0;       // that is looked at next
    base::MonotonicTime now;
    Counts counts;
    Entry* entries = nullptr;
    std::atomic<uint32_t>* slots = nullptr;  // written with the lock; Prefetch() reads them without
    Policy::State* cells = nullptr;
  };

  Shard& ShardOf(const Key& key) const { return shards_[key.high >> shard_shift_ >> 1]; }
  // Where a key's slot is looked for first.
  size_t HomeOf(const Key& key) const {
    return static_cast<size_t>((static_cast<unsigned __int128>(key.low) * slots_each_) >> 64);
  }
  // A slot is 0, or an entry's number plus 1 below as much of its key as there is room for.
  uint32_t SlotOf(const Key& key, Index index) const {
    return static_cast<uint32_t>(key.high << number_bits_) | (index + 1);
  }
  static uint32_t Read(const std::atomic<uint32_t>& slot) { return slot.load(std::memory_order_relaxed); }
  static void Write(std::atomic<uint32_t>& slot, uint32_t value) { slot.store(value, std::memory_order_relaxed); }
  Index IndexOf(uint32_t slot) const { return (slot & ((1u << number_bits_) - 1)) - 1; }
  size_t Next(size_t position) const { return position + 1 == slots_each_ ? 0 : position + 1; }
  Policy::State& CellOf(Shard& shard, const Key& key) const { return shard.cells[key.high & (cells_each_ - 1)]; }

  // All with the shard's lock.
  Entry* Find(Shard& shard, const Key& key) const;
  // A key that has no entry was charged. False: there is no room, so it is counted together with others.
  bool Keep(Shard& shard, const Key& key, const Policy::State& state) const;
  bool IsFull(const Shard& shard) const { return shard.counts.keys == entries_each_; }
  // There is room.
  void Insert(Shard& shard, const Key& key, const Policy::State& state) const;
  // Forgets what is fresh among the next entries.
  void Sweep(Shard& shard) const;
  void Erase(Shard& shard, Index index) const;

  const Policy policy_;
  size_t shard_count_;
  size_t entries_each_;
  size_t slots_each_;
  size_t cells_each_;  // a power of two
  int number_bits_;  // of an entry's number plus 1
  int shard_shift_;
  base::Pages memory_;  // of all entries, then of all slots
  std::unique_ptr<Policy::State[]> cells_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace pillion::limit
