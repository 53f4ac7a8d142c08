#include "source/limit/keyed_limit.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <mutex>

#include "source/base/check.h"

namespace pillion::limit {
namespace {

// Instead of the slice of an entry that is not in use. Its key's first half is the number of the next such.
constexpr int64_t kUnused = std::numeric_limits<int64_t>::min();

// So that parts are of about the same size, though keys choose theirs by chance.
constexpr size_t kLeastEach = 256;

}  // namespace

KeyedLimit::KeyedLimit(const Terms& terms, size_t most_keys)
    : policy_(terms),
      shard_count_(std::bit_floor(std::clamp<size_t>(most_keys / kLeastEach, 1, kMostShards))),
      entries_each_(most_keys / shard_count_),
      slots_each_(2 * entries_each_),
      cells_each_(std::bit_floor(std::clamp<size_t>(entries_each_ / kMostCells, 1, kMostCells))),
      number_bits_(std::bit_width(entries_each_)),
      shard_shift_(64 - std::bit_width(shard_count_)),
      memory_(shard_count_ * (entries_each_ * sizeof(Entry) + slots_each_ * sizeof(uint32_t))),
      cells_(std::make_unique<Policy::State[]>(shard_count_ * cells_each_)),
      shards_(std::make_unique<Shard[]>(shard_count_)) {
  PILLION_CHECK(most_keys >= 1 && most_keys <= kMostKeys);
  auto* const entries = static_cast<Entry*>(memory_.data());
  auto* const slots = reinterpret_cast<std::atomic<uint32_t>*>(entries + shard_count_ * entries_each_);
  for (size_t i = 0; i < shard_count_; ++i) {
    shards_[i].entries = entries + i * entries_each_;
    shards_[i].slots = slots + i * slots_each_;
    shards_[i].cells = &cells_[i * cells_each_];
  }
}

void KeyedLimit::Prefetch(const Key& key) const {
  const Shard& shard = ShardOf(key);
  const uint32_t wanted = SlotOf(key, 0);
  size_t position = HomeOf(key);
  for (uint32_t slot; (slot = Read(shard.slots[position])) != 0; position = Next(position)) {
    if ((slot ^ wanted) >> number_bits_ != 0) continue;
    const Entry* const entry = &shard.entries[IndexOf(slot)];
    __builtin_prefetch(entry);
    __builtin_prefetch(reinterpret_cast<const char*>(entry + 1) - 1);  // it may stand in two cache lines
    return;
  }
}

Decision KeyedLimit::Decide(const Key& key, uint64_t cost, base::MonotonicTime now) {
  Shard& shard = ShardOf(key);
  Prefetch(key);  // so that nobody waits for the lock meanwhile
  const std::lock_guard lock(shard.lock);
  now = shard.now = std::max(shard.now, now);
  if (Entry* entry = Find(shard, key)) return policy_.Decide(entry->state, cost, now);

  const Policy::State& cell = CellOf(shard, key);
  const bool had_shared = !policy_.IsFresh(cell, now);
  Policy::State state = had_shared ? cell : policy_.Fresh(now);
  Decision decision = policy_.Decide(state, cost, now);
  decision.shared = had_shared;
  if (!decision.allowed() || cost == 0) return decision;
  decision.shared |= !Keep(shard, key, state);
  return decision;
}

Decision KeyedLimit::Ask(const Key& key, uint64_t cost, base::MonotonicTime now) const {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.lock);
  now = std::max(shard.now, now);
  const Entry* const entry = Find(shard, key);
  Policy::State state = entry != nullptr ? entry->state : CellOf(shard, key);
  const bool had_shared = entry == nullptr && !policy_.IsFresh(state, now);
  if (entry == nullptr && !had_shared) state = policy_.Fresh(now);
  Decision decision = policy_.Decide(state, cost, now);
  decision.shared = had_shared;
  return decision;
}

void KeyedLimit::Charge(const Key& key, uint64_t cost, base::MonotonicTime now) {
  if (cost == 0) return;
  Shard& shard = ShardOf(key);
  Prefetch(key);
  const std::lock_guard lock(shard.lock);
  now = shard.now = std::max(shard.now, now);
  if (Entry* entry = Find(shard, key)) return policy_.Charge(entry->state, cost, now);
  const Policy::State& cell = CellOf(shard, key);
  Policy::State state = policy_.IsFresh(cell, now) ? policy_.Fresh(now) : cell;
  policy_.Charge(state, cost, now);
  Keep(shard, key, state);
}

void KeyedLimit::GiveBack(const Key& key, uint64_t cost, const Decision& decision, base::MonotonicTime now) {
  Shard& shard = ShardOf(key);
  const std::lock_guard lock(shard.lock);
  now = shard.now = std::max(shard.now, now);
  if (Entry* entry = Find(shard, key)) {
    policy_.GiveBack(entry->state, cost, decision.decided_at, now);
  } else if (decision.shared) {
    policy_.GiveBack(CellOf(shard, key), cost, decision.decided_at, now);
  }
}

KeyedLimit::Counts KeyedLimit::Read() const {
  Counts sum;
  sum.capacity = shard_count_ * entries_each_;
  for (size_t i = 0; i < shard_count_; ++i) {
    const std::lock_guard lock(shards_[i].lock);
    const Counts& counts = shards_[i].counts;
    sum.keys += counts.keys;
    sum.inserted += counts.inserted;
    sum.expired += counts.expired;
    sum.evicted += counts.evicted;
    sum.refused += counts.refused;
  }
  return sum;
}

KeyedLimit::Entry* KeyedLimit::Find(Shard& shard, const Key& key) const {
  const uint32_t wanted = SlotOf(key, 0);
  size_t position = HomeOf(key);
  for (uint32_t slot; (slot = Read(shard.slots[position])) != 0; position = Next(position)) {
    if ((slot ^ wanted) >> number_bits_ != 0) continue;
    Entry& entry = shard.entries[IndexOf(slot)];
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

bool KeyedLimit::Keep(Shard& shard, const Key& key, const Policy::State& state) const {
  Sweep(shard);
  if (IsFull(shard)) {
    ++shard.counts.refused;
    CellOf(shard, key) = state;
    return false;
  }
  Insert(shard, key, state);
  return true;
}

void KeyedLimit::Insert(Shard& shard, const Key& key, const Policy::State& state) const {
  Index index = shard.free;
  if (index == kNone) {
    index = shard.untouched++;
  } else {
    shard.free = static_cast<Index>(shard.entries[index].key.low);
  }
  shard.entries[index] = {key, state};
  size_t position = HomeOf(key);
  while (Read(shard.slots[position]) != 0) position = Next(position);
  Write(shard.slots[position], SlotOf(key, index));
  ++shard.counts.keys;
  ++shard.counts.inserted;
}

void KeyedLimit::Sweep(Shard& shard) const {
  const bool was_full = IsFull(shard);
  for (size_t left = std::min<size_t>(was_full ? kSearched : kPassed, shard.untouched); left > 0; --left) {
    const Index index = shard.hand;
    shard.hand = index + 1 < shard.untouched ? index + 1 : 0;
    const Policy::State& state = shard.entries[index].state;
    if (state.window.slice == kUnused || !policy_.IsFresh(state, shard.now)) continue;
    Erase(shard, index);
    if (was_full) {
      ++shard.counts.evicted;
      return;
    }
    ++shard.counts.expired;
  }
}

void KeyedLimit::Erase(Shard& shard, Index index) const {
  Entry& entry = shard.entries[index];
  size_t hole = HomeOf(entry.key);
  while (IndexOf(Read(shard.slots[hole])) != index) hole = Next(hole);
  // What was put behind it only because it was there comes back.
  const auto distance = [&](size_t from, size_t to) { return to >= from ? to - from : to + slots_each_ - from; };
  size_t position = Next(hole);
  for (uint32_t slot; (slot = Read(shard.slots[position])) != 0; position = Next(position)) {
    const size_t home = HomeOf(shard.entries[IndexOf(slot)].key);
    if (distance(home, position) < distance(hole, position)) continue;
    Write(shard.slots[hole], slot);
    hole = position;
  }
  Write(shard.slots[hole], 0);
  entry.key.low = shard.free;
  entry.state.window.slice = kUnused;
  shard.free = index;
  --shard.counts.keys;
}

}  // namespace pillion::limit
