#include "source/context/record_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "source/base/check.h"
#include "source/base/xxhash64.h"

namespace pillion::context {
namespace {

constexpr int64_t kLive = std::numeric_limits<int64_t>::max();

int64_t Nanoseconds(base::MonotonicTime time) { return time.time_since_epoch().count(); }

}  // namespace

RecordTable::RecordTable(size_t capacity, uint64_t seed)
    : records_each_(std::max<size_t>((capacity + kShards - 1) / kShards, 1)),
      buckets_each_(std::bit_ceil(4 * records_each_)),
      seed_(seed) {
  PILLION_CHECK(capacity < kNone / 2);
  for (Shard& shard : shards_) {
    shard.buckets = std::make_unique_for_overwrite<Index[]>(buckets_each_);
    std::fill_n(shard.buckets.get(), buckets_each_, kNone);
    shard.records = std::make_unique_for_overwrite<Record[]>(records_each_);
    shard.own_parts = std::make_unique_for_overwrite<OwnPart[]>(records_each_);
    shard.other_parts = std::make_unique_for_overwrite<OtherPart[]>(records_each_ * kMostOtherParts);
  }
}

RecordTable::Taken RecordTable::Insert(const Key& key, const Marks& marks, std::string_view bytes,
                                       base::MonotonicTime deadline_at, base::MonotonicTime now, Place& place) {
  PILLION_CHECK(bytes.size() <= kMostBytes);
  place = 0;
  const uint64_t hash = Hash(key);
  Shard& shard = ShardOf(hash);
  const std::lock_guard lock(shard.mutex);
  // Mostly they end in the order in which their time is over; one that is early waits for those before it.
  while (shard.first_ended != kNone && shard.records[shard.first_ended].ends <= Nanoseconds(now)) ForgetEnded(shard);
  Index& bucket = Bucket(shard, hash);
  const auto of_this_key = [&]() -> size_t {
    const Record* const newest = NewestOf(shard, bucket, key);
    return newest == nullptr ? 0 : newest->of_key;
  };
  Taken taken = Taken::kYes;
  if (of_this_key() >= kMostOfOneKey) {
    taken = Taken::kTooManyOfOneKey;
  } else if (shard.size == records_each_ && shard.first_ended == kNone) {
    taken = Taken::kFull;
  }
  if (taken != Taken::kYes) {
    MarkIncomplete(shard, hash, key);
    return taken;
  }
  if (shard.size == records_each_) {
    const Key forgotten = shard.records[shard.first_ended].key;
    ForgetEnded(shard);
    MarkIncomplete(shard, Hash(forgotten), forgotten);
    taken = Taken::kEarlierForgotten;
  }
  const auto count = static_cast<uint16_t>(of_this_key() + 1);
  const Index index = TakeFree(shard);
  Write(shard, index, bytes);
  shard.records[index] = {.key = key,
                          .marks = marks,
                          .deadline_at = Nanoseconds(deadline_at),
                          .ends = kLive,
                          .next = bucket,
                          .previous = kNone,
                          .next_ended = kNone,
                          .size = static_cast<uint16_t>(bytes.size()),
                          .of_key = count,
                          .incomplete = 0};
  if (bucket != kNone) shard.records[bucket].previous = index;
  bucket = index;
  ++shard.size;
  place = static_cast<Place>(static_cast<size_t>(&shard - shards_.data()) * records_each_ + index + 1);
  ExpectForgotten(shard);
  return taken;
}

void RecordTable::Expect(const Key& key) const {
  const uint64_t hash = Hash(key);
  __builtin_prefetch(&Bucket(shards_[hash >> 60], hash), 1);
}

void RecordTable::ExpectForgotten(const Shard& shard) const {
  if (shard.first_ended == kNone) return;
  const Record& record = shard.records[shard.first_ended];  // it was the second one the last time
  __builtin_prefetch(&Bucket(shard, Hash(record.key)), 1);
  const char* const data = shard.own_parts[shard.first_ended].data;
  for (size_t at = 0; at < sizeof(OwnPart); at += 64) __builtin_prefetch(data + at, 1);
  if (record.next_ended != kNone) __builtin_prefetch(&shard.records[record.next_ended], 1);
}

void RecordTable::End(Place place, base::MonotonicTime until) {
  if (place == 0) return;
  Shard& shard = shards_[(place - 1) / records_each_];
  const Index index = static_cast<Index>((place - 1) % records_each_);
  const std::lock_guard lock(shard.mutex);
  PILLION_CHECK(shard.records[index].ends == kLive);
  shard.records[index].ends = Nanoseconds(until);
  Index& after = shard.last_ended == kNone ? shard.first_ended : shard.records[shard.last_ended].next_ended;
  after = shard.last_ended = index;
}

void RecordTable::Find(const Key& key, const Marks& marks, base::MonotonicTime now, base::Arena& arena, Answer& answer) {
  const uint64_t hash = Hash(key);
  Shard& shard = ShardOf(hash);
  const std::lock_guard lock(shard.mutex);
  const Index bucket = Bucket(shard, hash);
  const Record* const newest = NewestOf(shard, bucket, key);
  if (newest != nullptr && newest->incomplete && newest->ends > Nanoseconds(now)) {
    answer.unclear = true;
    return;
  }
  const auto for_each = [&](auto&& visit) {
    ForEachOf(shard, bucket, key, [&](Record& record, Index index) {
      if (record.ends > Nanoseconds(now)) visit(record, index);
    });
  };
  bool by_first = false, by_second = false;
  if (marks.first != 0) for_each([&](Record& record, Index) { by_first |= record.marks.first == marks.first; });
  const auto fits_first = [&](const Record& record) { return !by_first || record.marks.first == marks.first; };
  if (marks.second != 0) {
    for_each([&](Record& record, Index) { by_second |= fits_first(record) && record.marks.second == marks.second; });
  }
  for_each([&](Record& record, Index index) {
    answer.unclear |= record.incomplete;
    if (!fits_first(record) || (by_second && record.marks.second != marks.second)) return;
    if (answer.unclear || answer.size == kMostFound) {
      answer.unclear = true;
      return;
    }
    answer.found[answer.size++] = {Read(shard, index, arena),
                                   base::MonotonicTime(base::Duration(record.deadline_at))};
  });
}

size_t RecordTable::size() const {
  size_t size = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    size += shard.size;
  }
  return size;
}

uint64_t RecordTable::Hash(const Key& key) const {
  return base::XxHash64({reinterpret_cast<const char*>(&key), sizeof key}, seed_);
}

RecordTable::Index RecordTable::TakeFree(Shard& shard) {
  if (shard.free == kNone) return shard.untouched++;
  const Index index = shard.free;
  shard.free = shard.records[index].next;
  return index;
}

void RecordTable::Write(Shard& shard, Index index, std::string_view bytes) {
  OwnPart& own = shard.own_parts[index];
  const auto write = [&bytes](auto& data) {
    const size_t size = std::min(bytes.size(), sizeof data);
    std::memcpy(data, bytes.data(), size);
    bytes.remove_prefix(size);
  };
  write(own.data);
  for (Index* next = &own.next; !bytes.empty();) {
    Index part = shard.free_part;
    if (part == kNone) {
      part = shard.untouched_part++;
    } else {
      shard.free_part = shard.other_parts[part].next;
    }
    *next = part;
    write(shard.other_parts[part].data);
    next = &shard.other_parts[part].next;
  }
}

std::string_view RecordTable::Read(const Shard& shard, Index index, base::Arena& arena) {
  const OwnPart& own = shard.own_parts[index];
  const size_t size = shard.records[index].size;
  char* const bytes = static_cast<char*>(arena.Allocate(size, 1));
  size_t done = 0;
  const auto read = [&](const auto& data) {
    const size_t part = std::min(size - done, sizeof data);
    std::memcpy(bytes + done, data, part);
    done += part;
  };
  read(own.data);
  for (const Index* next = &own.next; done != size; next = &shard.other_parts[*next].next) {
    read(shard.other_parts[*next].data);
  }
  return {bytes, size};
}

void RecordTable::FreeOtherParts(Shard& shard, Index index) {
  const size_t size = shard.records[index].size;
  if (size <= sizeof(OwnPart::data)) return;
  const Index first = shard.own_parts[index].next;
  Index last = first;
  for (size_t end = sizeof(OwnPart::data) + sizeof(OtherPart::data); end < size; end += sizeof(OtherPart::data)) {
    last = shard.other_parts[last].next;
  }
  shard.other_parts[last].next = std::exchange(shard.free_part, first);
}

void RecordTable::Unlink(Shard& shard, Index index) {
  const Record& record = shard.records[index];
  Index& bucket = Bucket(shard, Hash(record.key));
  const uint16_t of_key = NewestOf(shard, bucket, record.key)->of_key;
  if (record.next != kNone) shard.records[record.next].previous = record.previous;
  if (record.previous != kNone) {
    shard.records[record.previous].next = record.next;
  } else {
    bucket = record.next;
  }
  if (Record* const newest = NewestOf(shard, bucket, record.key)) newest->of_key = (of_key - 1) & 0x7fff;
}

void RecordTable::ForgetEnded(Shard& shard) {
  const Index index = shard.first_ended;
  Record& record = shard.records[index];
  shard.first_ended = record.next_ended;
  if (shard.first_ended == kNone) shard.last_ended = kNone;
  Unlink(shard, index);
  FreeOtherParts(shard, index);
  record.next = shard.free;
  shard.free = index;
  --shard.size;
}

// New ones are put in front of the others of their bucket.
RecordTable::Record* RecordTable::NewestOf(Shard& shard, Index bucket, const Key& key) {
  Index index = bucket;
  while (index != kNone && shard.records[index].key != key) index = shard.records[index].next;
  return index == kNone ? nullptr : &shard.records[index];
}

template <typename F>
void RecordTable::ForEachOf(Shard& shard, Index bucket, const Key& key, F&& visit) {
  for (Index index = bucket; index != kNone; index = shard.records[index].next) {
    if (shard.records[index].key == key) visit(shard.records[index], index);
  }
}

void RecordTable::MarkIncomplete(Shard& shard, uint64_t hash, const Key& key) {
  const Record* const newest = NewestOf(shard, Bucket(shard, hash), key);
  if (newest == nullptr || newest->incomplete) return;
  ForEachOf(shard, Bucket(shard, hash), key, [](Record& record, Index) { record.incomplete = 1; });
}

}  // namespace pillion::context
