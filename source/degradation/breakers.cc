#include "source/degradation/breakers.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace pillion::degradation {

bool Breakers::Forget(Shard& shard, base::MonotonicTime now) {
  Entries& entries = shard.entries;
  for (int looked = 0; looked < kSearched; ++looked) {
    shard.hand = (shard.hand + 1) % entries.bucket_count();
    for (auto entry = entries.begin(shard.hand); entry != entries.end(shard.hand); ++entry) {
      if (!entry->second->breaker.IsFresh(terms_, now)) continue;
      entries.erase(entries.find(entry->first));
      --shard.by_state[static_cast<size_t>(State::kClosed)];
      ++shard.forgotten;
      return true;
    }
  }
  return false;
}

void Breakers::Count(Shard& shard, const Changes& changes) {
  for (const Change& change : changes.list()) {
    --shard.by_state[static_cast<size_t>(change.from)];
    ++shard.by_state[static_cast<size_t>(change.to)];
  }
}

Breakers::Entry* Breakers::FindOrMake(Shard& shard, const Sought& key, base::MonotonicTime now) {
  const auto found = shard.entries.find(key);
  if (found != shard.entries.end()) return found->second.get();
  if (count_.fetch_add(1, std::memory_order_relaxed) >= most_) {
    count_.fetch_sub(1, std::memory_order_relaxed);
    if (!Forget(shard, now)) {
      ++shard.no_room;
      return nullptr;
    }
  }
  const uint64_t serial = last_serial_.fetch_add(1, std::memory_order_relaxed) + 1;
  auto& entry = shard.entries[std::string(key.text)];
  entry = std::make_unique<Entry>(Entry{serial, Breaker(now)});
  ++shard.by_state[static_cast<size_t>(State::kClosed)];
  return entry.get();
}

Breakers::Entry* Breakers::Find(Shard& shard, std::string_view key, const Pass& pass) const {
  const auto found = shard.entries.find(Sought{key, pass.hash});
  return found == shard.entries.end() || found->second->serial != pass.serial ? nullptr : found->second.get();
}

// Where its own part of the table has none that may be forgotten, another one is looked at: for each newcomer the next.
Breakers::Answer Breakers::Ask(std::string_view key, base::MonotonicTime now) {
  const Sought sought{key, Hash()(key)};
  Shard& shard = shards_[ShardOf(sought.hash)];
  Answer answer;
  size_t other = 0;
  const auto ask = [&](bool again) {
    const std::lock_guard lock(shard.lock);
    if (again) --shard.no_room;  // it is counted once
    other = shard.no_room % kShards;
    Entry* const entry = FindOrMake(shard, sought, now);
    if (entry == nullptr) return false;
    const Breaker::Answer said = entry->breaker.Ask(terms_, now, answer.changes);
    Count(shard, answer.changes);
    answer.passes = said.passes;
    answer.state = said.state;
    answer.pass = {.serial = entry->serial, .hash = sought.hash, .pass = said.pass};
    answer.retry_after = said.retry_after;
    if (!said.passes) answer.opened_by = entry->breaker.opened_by();
    return true;
  };
  const auto make_room = [&] {
    const std::lock_guard lock(shards_[other].lock);
    if (!Forget(shards_[other], now)) return false;
    count_.fetch_sub(1, std::memory_order_relaxed);
    return true;
  };
  if (!ask(false) && make_room()) [[unlikely]] (void)ask(true);
  return answer;
}

Breakers::Ended Breakers::End(std::string_view key, const Pass& pass, Verdict verdict, base::MonotonicTime now) {
  Ended ended;
  if (!pass.is_guarded()) return ended;
  Shard& shard = shards_[ShardOf(pass.hash)];
  const std::lock_guard lock(shard.lock);
  Entry* const entry = Find(shard, key, pass);
  if (entry != nullptr) ended.counts = entry->breaker.End(terms_, pass.pass, verdict, now, ended.changes);
  Count(shard, ended.changes);
  return ended;
}

Changes Breakers::Begin(std::string_view key, Pass& pass, base::MonotonicTime now) {
  Changes changes;
  if (!pass.is_probe()) return changes;
  Shard& shard = shards_[ShardOf(pass.hash)];
  const std::lock_guard lock(shard.lock);
  Entry* const entry = Find(shard, key, pass);
  if (entry != nullptr) entry->breaker.Begin(terms_, pass.pass, now, changes);
  Count(shard, changes);
  return changes;
}

Changes Breakers::Spoil(std::string_view key, const Pass& pass, base::MonotonicTime now) {
  Changes changes;
  if (!pass.is_guarded()) return changes;
  Shard& shard = shards_[ShardOf(pass.hash)];
  const std::lock_guard lock(shard.lock);
  Entry* const entry = Find(shard, key, pass);
  if (entry != nullptr) entry->breaker.Spoil(terms_, pass.pass, now, changes);
  Count(shard, changes);
  return changes;
}

Breakers::Counts Breakers::Read() const {
  Counts counts;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.lock);
    counts.breakers += shard.entries.size();
    counts.no_room += shard.no_room;
    counts.forgotten += shard.forgotten;
    for (size_t i = 0; i < counts.by_state.size(); ++i) counts.by_state[i] += shard.by_state[i];
  }
  return counts;
}

void Breakers::ForEach(base::MonotonicTime now,
                       const std::function<void(std::string_view key, const Breaker::View&)>& see) const {
  for (const Shard& shard : shards_) {
    std::vector<std::pair<std::string, Breaker::View>> seen;
    size_t buckets = 0;  // as there were when it began; with others it begins anew
    for (size_t next = 0; next == 0 || next < buckets;) {
      const std::lock_guard lock(shard.lock);
      if (shard.entries.bucket_count() != buckets) {
        buckets = shard.entries.bucket_count();
        next = 0;
        seen.clear();
      }
      for (const size_t end = std::min(next + kSeenAtOnce, buckets); next < end; ++next) {
        for (auto entry = shard.entries.begin(next); entry != shard.entries.end(next); ++entry) {
          seen.emplace_back(entry->first, entry->second->breaker.Read(terms_, now));
        }
      }
    }
    for (const auto& [key, view] : seen) see(key, view);
  }
}

}  // namespace pillion::degradation
