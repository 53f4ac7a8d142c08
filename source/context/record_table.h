#pragma once

// A text of each request, found by the request's trace and by its id: the memory of the correlation table. Bounded; any
// thread; each lock is held for a short step.
//
// | a record is | from | until | found |
// |---|---|---|---|
// | live | Insert() | End() | yes |
// | ended | End() | the time that End() was told; or its room is needed | yes |
// | gone | | | no |
//
// Where a record was not taken in, or went before its time, others of its trace or id are no longer all there is to know of
// it: they are marked, and Find() says so.
//
// Under load the table is full of what has ended, and far larger than the processor's caches: what it costs is the lines of
// memory that it touches. A usual record is two or three, and each of its buckets one; Reserve() has them fetched.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "source/base/arena.h"
#include "source/base/clock.h"
#include "source/base/pages.h"
#include "source/base/spin_lock.h"

namespace pillion::context {

class RecordTable {
 public:
  static constexpr size_t kPools = 16;
  static constexpr size_t kMostBytes = 1020;  // of a text
  static constexpr size_t kMostOfOneKey = 256;
  static constexpr size_t kMostFound = 32;

  // What a request is found by, and what tells those apart that have one of them in common.
  struct Ids {
    uint64_t trace_high = 0;  // both 0: it has none
    uint64_t trace_low = 0;
    uint64_t span = 0;        // 0: none
    uint64_t request = 0;     // a hash of its id that strangers cannot choose; 0: none

    bool has_trace() const { return (trace_high | trace_low) != 0; }
    bool empty() const { return !has_trace() && request == 0; }
  };
  enum class By : uint8_t { kTrace, kRequest };

  // What else is kept, and not looked at.
  struct Facts {
    uint64_t deadline = 0;
    base::MonotonicTime deadline_at{};
    uint8_t trace_flags = 0;
    bool has_trace_flags = false;
  };

  struct Found {
    Ids ids;
    Facts facts;
    std::string_view text;
  };
  struct Answer {
    std::array<const Found*, kMostFound> found;  // in the arena
    size_t size = 0;
    bool unclear = false;  // there are, or were, more than these
  };

  // A record's place, until it ended. 0: none.
  using Place = uint16_t;

  // Room for a record, perhaps that of one that has ended.
  struct Room {
    Place place;  // 0: there is none
    bool early;   // its time is not over
  };
  struct Taken {
    Place place = 0;       // 0: it is found by nothing
    bool refused = false;  // by some of its ids it is not found
    bool forgotten = false;  // another one was, before its time
  };

  // `capacity` is below 65,536. `seed` keeps strangers from choosing the bucket.
  RecordTable(size_t capacity, uint64_t seed);

  // To be used by an Insert() of the same ids soon: the memory that it will look at is fetched meanwhile.
  Room Reserve(const Ids& ids, base::MonotonicTime now);
  // `text` is at most kMostBytes.
  Taken Insert(const Room& room, const Ids& ids, const Facts& facts, std::string_view text);
  void End(Place place, base::MonotonicTime until);

  // The records of the same trace or request id; of these only those of the same span, if there are any; of a trace only
  // those of the same request id then, if there are any.
  void Find(By by, const Ids& ids, base::MonotonicTime now, base::Arena& arena, Answer& answer);

  // Of records that are not gone.
  size_t Size(base::MonotonicTime now) const;
  size_t capacity() const { return kPools * records_each_; }

 private:
  using Index = uint16_t;  // of a record; 0: none
  using Part = uint32_t;   // the same of an other part

  // In the bucket of a trace or of a request id: guarded by its lock.
  struct Link {
    Index next;
    Index previous;
    uint16_t of_key;     // how many of this key there are; of the newest of them alone
    uint8_t incomplete;  // there was another one of this key; if the newest is, all are
    uint8_t linked;      // to others by `next` and `previous`; else it is not found by this
  };
  // Zero until it is used for the first time. Of one that is in no bucket all is its owner's: who reserved the place.
  struct alignas(64) Record {
    std::atomic<int64_t> ends;  // in nanoseconds of the monotonic clock; kLive until End()
    Ids ids;
    std::array<Link, 2> links;
    base::MonotonicTime deadline_at;  // the facts
    uint64_t deadline;
    uint8_t trace_flags;
    bool has_trace_flags;
    uint16_t size;
    Part next;  // of the text; set where there is one
    char data[176];
  };
  static_assert(sizeof(Record) == 256);
  // What there was no room for in the record.
  struct alignas(64) OtherPart {
    char data[252];
    Part next;  // of the same record; of the free ones
  };
  static_assert(sizeof(OtherPart) == 256);
  static constexpr size_t kMostOtherParts =
      (kMostBytes - sizeof(Record::data) + sizeof(OtherPart::data) - 1) / sizeof(OtherPart::data);

  // There are many, so that most have one record at most: to look at another one is to wait for memory.
  struct Bucket {
    base::SpinLock lock;
    Index newest;
  };
  static_assert(sizeof(Bucket) == 4);
  // The places of a part of all records, by a hash. Those that were used are live, or wait in a ring for others to take
  // them. Its lock is taken before a bucket's.
  struct alignas(64) Pool {
    mutable base::SpinLock lock;
    size_t used = 0;  // were ever used: those from here on are free
    size_t first_ended = 0;
    size_t ended = 0;
    size_t unlinked = 0;  // the first of these, which are gone
  };

  uint64_t HashOf(By by, const Ids& ids) const;
  Bucket& BucketOf(By by, const Ids& ids) const;
  Record& At(Index index) const { return static_cast<Record*>(records_.data())[index]; }
  OtherPart& PartAt(Part part) const { return static_cast<OtherPart*>(parts_.data())[part]; }
  Index& Ended(size_t pool, size_t number) const {
    return static_cast<Index*>(ended_.data())[pool * records_each_ + number % records_each_];
  }

  Room TakeRoom(size_t number, base::MonotonicTime now);
  // With the pool's lock: some of those whose time is over count no more for their trace and id.
  void UnlinkGone(size_t number, base::MonotonicTime now);
  void Write(Record& record, std::string_view text);
  std::string_view Read(const Record& record, base::Arena& arena) const;
  Part TakePart();
  void FreeParts(const Record& record);

  // False: there are too many of that key. `incomplete`: another one of it made room for this one.
  bool LinkTo(By by, Index index, bool incomplete);
  void Unlink(By by, Index index, bool early);
  void NoteMissing(By by, const Ids& ids);

  // Whether they have that one in common.
  static bool Share(By by, const Ids& a, const Ids& b);

  // With the bucket's lock.
  Record* NewestOf(By by, const Bucket& bucket, const Ids& ids) const;  // null: there is none of that key
  template <typename F>
  void ForEachOf(By by, const Bucket& bucket, const Ids& ids, F&& visit) const;
  void MarkIncomplete(By by, const Bucket& bucket, const Ids& ids);

  const size_t records_each_;
  const size_t buckets_;  // of a kind; a power of two
  const std::array<uint64_t, 2> seeds_;
  const base::Pages records_;  // from 1
  const base::Pages ended_;    // the rings of all pools
  const base::Pages by_trace_;
  const base::Pages by_request_;
  const base::Pages parts_;  // as many as all records may need; from 1
  base::SpinLock parts_lock_;
  Part used_parts_ = 0;
  Part free_part_ = 0;
  std::array<Pool, kPools> pools_;
};

}  // namespace pillion::context
