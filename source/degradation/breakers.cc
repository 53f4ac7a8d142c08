#include "source/degradation/breakers.h"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace pillion::degradation {

struct Breakers::Entry {
  // Read with the lock of the shard of a pass, which may be another one than that where it is now.
  std::atomic<uint64_t> serial;
  Breaker breaker;
};

Breakers::Breakers(const Terms& terms, size_t most) : terms_(terms), most_(most) {}

Breakers::~Breakers() = default;

bool Breakers::Forget(Shard& shard, base::MonotonicTime now) {
  Entries& entries = shard.entries;
  for (int looked = 0; looked < kSearched; ++looked) {
    shard.hand = (shard.hand + 1) % entries.bucket_count();
    for (auto entry = entries.begin(shard.hand); entry != entries.end(shard.hand); ++entry) {
      if (!entry->second->breaker.IsFresh(terms_, now)) continue;
      const auto forgotten = entries.find(entry->first);
      Keep(std::move(forgotten->second));
      entries.erase(forgotten);
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

Breakers::Entry* Breakers::FindOrMake(Shard& shard, const Key& key, base::MonotonicTime now) {
  const auto found = shard.entries.find(key);
  if (found != shard.entries.end()) return found->second.get();
  if (count_.fetch_add(1, std::memory_order_relaxed) >= most_) {
    count_.fetch_sub(1, std::memory_order_relaxed);
    if (!Forget(shard, now)) {
      ++shard.no_room;
      return nullptr;
    }
  }
  auto& entry = shard.entries[std::string(key.text)];
  entry = Make(now);
  ++shard.by_state[static_cast<size_t>(State::kClosed)];
  return entry.get();
}

std::unique_ptr<Breakers::Entry> Breakers::Make(base::MonotonicTime now) {
  std::unique_ptr<Entry> made;
  {
    const std::lock_guard lock(spare_lock_);
    if (!spare_.empty()) {
      made = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  if (made == nullptr) {
    made = std::make_unique<Entry>(0, Breaker(now));
  } else {
    made->breaker = Breaker(now);
  }
  made->serial.store(last_serial_.fetch_add(1, std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return made;
}

void Breakers::Keep(std::unique_ptr<Entry> forgotten) {
  forgotten->serial.store(0, std::memory_order_relaxed);
  const std::lock_guard lock(spare_lock_);
  spare_.push_back(std::move(forgotten));
}

bool Breakers::IsThere(const Pass& pass) { return pass.entry->serial.load(std::memory_order_relaxed) == pass.serial; }

// Where its own part of the table has none that may be forgotten, another one is looked at: for each newcomer the next.
Breakers::Answer Breakers::Ask(const Key& key, base::MonotonicTime now) {
  const size_t number = ShardOf(key.hash);
  Shard& shard = shards_[number];
  Answer answer;
  size_t other = 0;
  const auto ask = [&](bool again) {
    const std::lock_guard lock(shard.lock);
    if (again) --shard.no_room;  // it is counted once
    other = shard.no_room % kShards;
    Entry* const entry = FindOrMake(shard, key, now);
    if (entry == nullptr) return false;
    const Breaker::Answer said = entry->breaker.Ask(terms_, now, answer.changes);
    Count(shard, answer.changes);
    answer.passes = said.passes;
    answer.state = said.state;
    const uint64_t serial = entry->serial.load(std::memory_order_relaxed);
    answer.pass = {.serial = serial, .entry = entry, .shard = number, .pass = said.pass};
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

Breakers::Ended Breakers::End(const Pass& pass, Verdict verdict, base::MonotonicTime now) {
  Ended ended;
  if (!pass.is_guarded()) return ended;
  Shard& shard = shards_[pass.shard];
  const std::lock_guard lock(shard.lock);
  if (!IsThere(pass)) return ended;
  ended.counts = pass.entry->breaker.End(terms_, pass.pass, verdict, now, ended.changes);
  Count(shard, ended.changes);
  return ended;
}

Changes Breakers::Begin(Pass& pass, base::MonotonicTime now) {
  Changes changes;
  if (!pass.is_probe()) return changes;
  Shard& shard = shards_[pass.shard];
  const std::lock_guard lock(shard.lock);
  if (!IsThere(pass)) return changes;
  pass.entry->breaker.Begin(terms_, pass.pass, now, changes);
  Count(shard, changes);
  return changes;
}

Changes Breakers::Spoil(const Pass& pass, base::MonotonicTime now) {
  Changes changes;
  if (!pass.is_guarded()) return changes;
  Shard& shard = shards_[pass.shard];
  const std::lock_guard lock(shard.lock);
  if (!IsThere(pass)) return changes;
  pass.entry->breaker.Spoil(terms_, pass.pass, now, changes);
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
