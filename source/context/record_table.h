#pragma once

// Short texts by a key of 16 bytes, which several of them may share: the memory of the correlation table. Bounded, sharded,
// any thread; each call holds one shard's lock for one short step.
//
// | a record is | from | until | found |
// |---|---|---|---|
// | live | Insert() | End() | yes |
// | ended | End() | the time that End() was told; or its room is needed | yes |
// | gone | | | no |
//
// Where a record was not taken in, or went before its time, others of its key are no longer all there is to know of it: they
// are marked, and Find() says so.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "source/base/arena.h"
#include "source/base/clock.h"

namespace pillion::context {

class RecordTable {
 public:
  static constexpr size_t kShards = 16;
  static constexpr size_t kMostBytes = 1025;   // of a record
  static constexpr size_t kMostOfOneKey = 256;
  static constexpr size_t kMostFound = 32;

  struct Key {
    uint64_t high;
    uint64_t low;
    friend bool operator==(const Key&, const Key&) = default;
  };

  // What tells records of one key apart. 0 is nothing.
  struct Marks {
    uint64_t first;
    uint64_t second;
  };

  struct Found {
    std::string_view bytes;  // in the arena
    base::MonotonicTime deadline_at;
  };
  struct Answer {
    std::array<Found, kMostFound> found;
    size_t size = 0;
    bool unclear = false;  // there are, or were, more than these
  };

  // A record's place, until it ended. 0: none.
  using Place = uint32_t;

  enum class Taken : uint8_t { kYes, kEarlierForgotten, kFull, kTooManyOfOneKey };

  // `seed` keeps strangers from choosing the shard.
  RecordTable(size_t capacity, uint64_t seed);

  // `bytes` are at most kMostBytes.
  Taken Insert(const Key& key, const Marks& marks, std::string_view bytes, base::MonotonicTime deadline_at,
               base::MonotonicTime now, Place& place);
  void End(Place place, base::MonotonicTime until);

  // Insert() of that key is to follow soon: the memory that it will look at is fetched meanwhile.
  void Expect(const Key& key) const;

  // The records of that key; of these only those with the first mark, if there are any; of these only those with the second.
  void Find(const Key& key, const Marks& marks, base::MonotonicTime now, base::Arena& arena, Answer& answer);

  size_t size() const;
  size_t capacity() const { return kShards * records_each_; }

 private:
  using Index = uint32_t;
  static constexpr Index kNone = UINT32_MAX;

  // Left uninitialised until it is used for the first time, so that only what is used takes memory. Under load the table is
  // far larger than the processor's caches: what it costs is the lines of memory that it touches. A record is one.
  struct alignas(64) Record {
    Key key;
    Marks marks;
    int64_t deadline_at;
    int64_t ends;  // in nanoseconds of the monotonic clock; kLive until End()
    Index next;    // of the same bucket; of the free ones
    Index previous;
    Index next_ended;
    uint16_t size;
    uint16_t of_key : 15;     // how many of this key there are; of the newest of them alone
    uint16_t incomplete : 1;  // there was another one of this key; if the newest is, all are
  };
  static_assert(sizeof(Record) == 64);
  // Its bytes: most records fit into the part that is their own, at the same index. More of them are in a chain of others.
  struct alignas(64) OwnPart {
    char data[124];
    Index next;  // of the other parts; set where there is one
  };
  struct alignas(64) OtherPart {
    char data[252];
    Index next;  // of the same record; of the free ones
  };
  static constexpr size_t kMostOtherParts =
      (kMostBytes - sizeof(OwnPart::data) + sizeof(OtherPart::data) - 1) / sizeof(OtherPart::data);
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::unique_ptr<Index[]> buckets;
    std::unique_ptr<Record[]> records;
    std::unique_ptr<OwnPart[]> own_parts;
    std::unique_ptr<OtherPart[]> other_parts;  // as many as all records may need
    Index untouched = 0;                       // from here on no record was ever used
    Index untouched_part = 0;                  // of the others
    Index free = kNone;
    Index free_part = kNone;
    Index first_ended = kNone;
    Index last_ended = kNone;
    size_t size = 0;
  };

  uint64_t Hash(const Key& key) const;
  Shard& ShardOf(uint64_t hash) { return shards_[hash >> 60]; }
  Index& Bucket(const Shard& shard, uint64_t hash) const { return shard.buckets[hash & (buckets_each_ - 1)]; }

  // All with the shard's lock.
  static Index TakeFree(Shard& shard);
  static void Write(Shard& shard, Index index, std::string_view bytes);
  static std::string_view Read(const Shard& shard, Index index, base::Arena& arena);
  static void FreeOtherParts(Shard& shard, Index index);
  void Unlink(Shard& shard, Index index);
  // Forgets the record that ended first.
  void ForgetEnded(Shard& shard);
  // Has that fetched which is next to be forgotten, before another record takes its place.
  void ExpectForgotten(const Shard& shard) const;
  // The newest of that key; null: there is none.
  static Record* NewestOf(Shard& shard, Index bucket, const Key& key);
  template <typename F>
  void ForEachOf(Shard& shard, Index bucket, const Key& key, F&& visit);
  void MarkIncomplete(Shard& shard, uint64_t hash, const Key& key);

  size_t records_each_;
  size_t buckets_each_;  // a power of two; enough that most have one record at most
  uint64_t seed_;
  std::array<Shard, kShards> shards_;
};

}  // namespace pillion::context
