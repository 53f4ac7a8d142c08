#pragma once

// The breakers of one rule: one for each key, such as a route, a cluster, a lane, at most so many. Where there is no room,
// one that knows nothing is forgotten, since that makes no difference; where there is none of these either, requests of a
// new key pass unguarded, and are counted.
//
// For all workers of a process, exactly: each call holds one of 16 locks for a few dozen instructions. Only the first
// request of a key allocates; breakers that are forgotten are kept for newcomers, so that what a pass points to stays.

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "source/base/spin_lock.h"
#include "source/degradation/breaker.h"

namespace pillion::degradation {

class Breakers {
 public:
  static constexpr size_t kMost = 100'000;

  struct Entry;

  // What a breaker is found by. Its hash may be kept, for other requests of that key.
  struct Key {
    explicit Key(std::string_view key) : text(key), hash(std::hash<std::string_view>()(key)) {}
    // `hash`: that of such a key.
    Key(std::string_view key, size_t its_hash) : text(key), hash(its_hash) {}

    std::string_view text;
    size_t hash;
  };

  // Of one who asked these breakers, which outlive it.
  struct Pass {
    uint64_t serial = 0;  // of the breaker, which may have been forgotten since; 0: there was no room for one
    Entry* entry = nullptr;
    size_t shard = 0;
    Breaker::Pass pass;

    bool is_guarded() const { return serial != 0; }
    bool is_probe() const { return is_guarded() && pass.is_probe(); }
  };

  struct Answer {
    bool passes = true;
    State state = State::kClosed;
    Pass pass;
    base::Duration retry_after{0};
    Calls opened_by;  // of what does not pass: what the breaker was opened by
    Changes changes;
  };

  struct Counts {
    size_t breakers = 0;
    std::array<size_t, 4> by_state{};  // as they were when they were asked last
    uint64_t no_room = 0;
    uint64_t forgotten = 0;

    void Add(const Counts& other) {
      breakers += other.breakers;
      for (size_t i = 0; i < by_state.size(); ++i) by_state[i] += other.by_state[i];
      no_room += other.no_room;
      forgotten += other.forgotten;
    }
  };

  // Of terms that nothing is wrong with, and of 1 to kMost.
  Breakers(const Terms& terms, size_t most);
  ~Breakers();

  const Terms& terms() const { return terms_; }
  size_t most() const { return most_; }

  Answer Ask(const Key& key, base::MonotonicTime now);
  Answer Ask(std::string_view key, base::MonotonicTime now) { return Ask(Key(key), now); }
  // As with Breaker.
  struct Ended {
    bool counts = false;
    Changes changes;
  };
  Ended End(const Pass& pass, Verdict verdict, base::MonotonicTime now);
  Changes Begin(Pass& pass, base::MonotonicTime now);
  Changes Spoil(const Pass& pass, base::MonotonicTime now);

  Counts Read() const;
  // In no order; `see` is called without a lock, and no lock is held for more than a few breakers.
  void ForEach(base::MonotonicTime now, const std::function<void(std::string_view key, const Breaker::View&)>& see) const;

 private:
  static constexpr size_t kShards = 16;
  static constexpr int kSearched = 16;  // buckets that a newcomer looks at for one that may be forgotten
  static constexpr size_t kSeenAtOnce = 64;  // the same of who looks at all

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
    size_t operator()(const Key& key) const { return key.hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::string_view one, std::string_view other) const { return one == other; }
    bool operator()(const Key& key, std::string_view text) const { return key.text == text; }
    bool operator()(std::string_view text, const Key& key) const { return key.text == text; }
  };
  using Entries = std::unordered_map<std::string, std::unique_ptr<Entry>, Hash, Equal>;
  struct alignas(64) Shard {
    mutable base::SpinLock lock;
    Entries entries;
    size_t hand = 0;  // the bucket that is looked at next
    std::array<size_t, 4> by_state{};
    uint64_t no_room = 0;
    uint64_t forgotten = 0;
  };

  static size_t ShardOf(size_t hash) { return (hash >> 32) % kShards; }
  // With the shard's lock. Null: there is no room.
  Entry* FindOrMake(Shard& shard, const Key& key, base::MonotonicTime now);
  bool Forget(Shard& shard, base::MonotonicTime now);
  static void Count(Shard& shard, const Changes& changes);
  // With the lock of its shard: the breaker is that of the pass still.
  static bool IsThere(const Pass& pass);
  std::unique_ptr<Entry> Make(base::MonotonicTime now);
  void Keep(std::unique_ptr<Entry> forgotten);

  const Terms terms_;
  const size_t most_;
  std::atomic<size_t> count_{0};
  std::atomic<uint64_t> last_serial_{0};
  std::array<Shard, kShards> shards_;
  base::SpinLock spare_lock_;  // taken behind a shard's
  std::vector<std::unique_ptr<Entry>> spare_;
};

}  // namespace pillion::degradation
