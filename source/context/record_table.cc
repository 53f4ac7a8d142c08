#include "source/context/record_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "source/base/check.h"
#include "source/base/xxhash64.h"

namespace pillion::context {
namespace {

constexpr int64_t kLive = std::numeric_limits<int64_t>::max();
constexpr auto kRelaxed = std::memory_order_relaxed;

int64_t Nanoseconds(base::MonotonicTime time) { return time.time_since_epoch().count(); }

void Fetch(const void* memory, size_t bytes) {
  for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(static_cast<const char*>(memory) + at, 1);
}

}  // namespace

RecordTable::RecordTable(size_t capacity, uint64_t seed)
    : records_each_(std::max<size_t>((capacity + kPools - 1) / kPools, 1)),
      buckets_(std::bit_ceil(8 * kPools * records_each_)),
      seeds_{base::XxHash64("high", seed), base::XxHash64("low", seed)},
      records_((1 + kPools * records_each_) * sizeof(Record)),
      ended_(kPools * records_each_ * sizeof(Index)),
      by_trace_(buckets_ * sizeof(Bucket)),
      by_request_(buckets_ * sizeof(Bucket)),
      parts_((1 + kPools * records_each_ * kMostOtherParts) * sizeof(OtherPart)) {
  PILLION_CHECK(kPools * records_each_ <= UINT16_MAX);
}

RecordTable::Room RecordTable::Reserve(const Ids& ids, base::MonotonicTime now) {
  for (const By by : {By::kTrace, By::kRequest}) Fetch(&BucketOf(by, ids), 1);
  const Room room = TakeRoom(HashOf(ids.has_trace() ? By::kTrace : By::kRequest, ids) >> 60, now);
  const Record& record = At(room.place);
  for (const By by : {By::kTrace, By::kRequest}) Fetch(&BucketOf(by, record.ids), 1);
  return room;
}

RecordTable::Taken RecordTable::Insert(const Room& room, const Ids& ids, const Facts& facts, std::string_view text) {
  PILLION_CHECK(text.size() <= kMostBytes);
  Taken taken{.place = room.place, .refused = room.place == 0, .forgotten = room.early};
  if (room.place == 0) {
    NoteMissing(By::kTrace, ids);
    NoteMissing(By::kRequest, ids);
    return taken;
  }
  Record& record = At(room.place);
  const Ids former = room.early ? record.ids : Ids();
  for (const By by : {By::kTrace, By::kRequest}) Unlink(by, room.place, room.early);
  FreeParts(record);
  record.ends.store(kLive, kRelaxed);
  record.ids = ids;
  record.deadline_at = facts.deadline_at;
  record.deadline = facts.deadline;
  record.trace_flags = facts.trace_flags;
  record.has_trace_flags = facts.has_trace_flags;
  Write(record, text);
  const bool by_trace = ids.has_trace() && LinkTo(By::kTrace, room.place, Share(By::kTrace, former, ids));
  const bool by_request = ids.request != 0 && LinkTo(By::kRequest, room.place, Share(By::kRequest, former, ids));
  taken.refused = by_trace != ids.has_trace() || by_request != (ids.request != 0);
  if (!by_trace && !by_request) End(std::exchange(taken.place, 0), base::MonotonicTime());
  return taken;
}

void RecordTable::End(Place place, base::MonotonicTime until) {
  if (place == 0) return;
  PILLION_CHECK(At(place).ends.load(kRelaxed) == kLive);
  At(place).ends.store(Nanoseconds(until), kRelaxed);
  const size_t number = (place - 1) / records_each_;
  Pool& pool = pools_[number];
  const std::lock_guard lock(pool.lock);
  Ended(number, pool.first_ended + pool.ended) = place;
  ++pool.ended;
}

void RecordTable::Find(By by, const Ids& ids, base::MonotonicTime now, base::Arena& arena, Answer& answer) {
  Bucket& bucket = BucketOf(by, ids);
  const std::lock_guard lock(bucket.lock);
  const auto is_gone = [&](const Record& record) { return record.ends.load(kRelaxed) <= Nanoseconds(now); };
  const auto link = [by](const Record& record) { return record.links[static_cast<size_t>(by)]; };
  const Record* const newest = NewestOf(by, bucket, ids);
  if (newest != nullptr && link(*newest).incomplete && !is_gone(*newest)) {
    answer.unclear = true;
    return;
  }
  const auto for_each = [&](auto&& visit) {
    ForEachOf(by, bucket, ids, [&](Record& record) {
      if (!is_gone(record)) visit(record);
    });
  };
  bool by_span = false, by_request = false;
  if (ids.span != 0) for_each([&](const Record& record) { by_span |= record.ids.span == ids.span; });
  const auto fits_span = [&](const Record& record) { return !by_span || record.ids.span == ids.span; };
  if (ids.request != 0) {
    for_each([&](const Record& record) { by_request |= fits_span(record) && record.ids.request == ids.request; });
  }
  for_each([&](const Record& record) {
    answer.unclear |= link(record).incomplete != 0;
    if (!fits_span(record) || (by_request && record.ids.request != ids.request)) return;
    if (answer.unclear || answer.size == kMostFound) {
      answer.unclear = true;
      return;
    }
    const Facts facts{record.deadline, record.deadline_at, record.trace_flags, record.has_trace_flags};
    answer.found[answer.size++] = arena.New<Found>(record.ids, facts, Read(record, arena));
  });
}

size_t RecordTable::Size(base::MonotonicTime now) const {
  size_t size = 0;
  std::vector<Index> ended;
  for (size_t number = 0; number < kPools; ++number) {
    const Pool& pool = pools_[number];
    ended.clear();
    ended.reserve(records_each_);
    {
      const std::lock_guard lock(pool.lock);
      for (size_t i = 0; i < pool.ended; ++i) ended.push_back(Ended(number, pool.first_ended + i));
      size += pool.used;
    }
    size -= static_cast<size_t>(
        std::ranges::count_if(ended, [&](Index index) { return At(index).ends.load(kRelaxed) <= Nanoseconds(now); }));
  }
  return size;
}

// The request's is a hash already.
uint64_t RecordTable::HashOf(By by, const Ids& ids) const {
  if (by == By::kRequest) return ids.request;
  const auto product = static_cast<unsigned __int128>(ids.trace_high ^ seeds_[0]) * (ids.trace_low ^ seeds_[1]);
  return static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
}

RecordTable::Bucket& RecordTable::BucketOf(By by, const Ids& ids) const {
  const base::Pages& buckets = by == By::kTrace ? by_trace_ : by_request_;
  return static_cast<Bucket*>(buckets.data())[HashOf(by, ids) & (buckets_ - 1)];
}

// Mostly they end in the order in which their time is over; one that is early waits for those before it.
RecordTable::Room RecordTable::TakeRoom(size_t number, base::MonotonicTime now) {
  Pool& pool = pools_[number];
  const std::lock_guard lock(pool.lock);
  const Index oldest = pool.ended == 0 ? 0 : Ended(number, pool.first_ended);
  const bool early = oldest != 0 && At(oldest).ends.load(kRelaxed) > Nanoseconds(now);
  if ((oldest == 0 || early) && pool.used < records_each_) {
    return {.place = static_cast<Place>(number * records_each_ + ++pool.used), .early = false};
  }
  if (oldest == 0) return {.place = 0, .early = false};
  pool.first_ended = (pool.first_ended + 1) % records_each_;
  --pool.ended;
  if (pool.unlinked != 0) --pool.unlinked;
  if (!early) UnlinkGone(number, now);
  // Here most texts end. The next one's turn comes soon.
  if (pool.ended != 0) Fetch(&At(Ended(number, pool.first_ended)), 192);
  return {.place = oldest, .early = early};
}

void RecordTable::UnlinkGone(size_t number, base::MonotonicTime now) {
  constexpr int kMost = 16;  // mostly one comes for one that goes
  Pool& pool = pools_[number];
  for (int i = 0; i < kMost && pool.unlinked < pool.ended; ++i, ++pool.unlinked) {
    const Index index = Ended(number, pool.first_ended + pool.unlinked);
    if (At(index).ends.load(kRelaxed) > Nanoseconds(now)) return;
    for (const By by : {By::kTrace, By::kRequest}) Unlink(by, index, false);
  }
}

RecordTable::Part RecordTable::TakePart() {
  const std::lock_guard lock(parts_lock_);
  if (free_part_ == 0) return ++used_parts_;
  return std::exchange(free_part_, PartAt(free_part_).next);
}

void RecordTable::Write(Record& record, std::string_view text) {
  record.size = static_cast<uint16_t>(text.size());
  const auto write = [&text](auto& data) {
    const size_t size = std::min(text.size(), sizeof data);
    std::memcpy(data, text.data(), size);
    text.remove_prefix(size);
  };
  write(record.data);
  for (Part* next = &record.next; !text.empty(); next = &PartAt(*next).next) {
    *next = TakePart();
    write(PartAt(*next).data);
  }
}

std::string_view RecordTable::Read(const Record& record, base::Arena& arena) const {
  if (record.size == 0) return {};
  char* const text = static_cast<char*>(arena.Allocate(record.size, 1));
  size_t done = 0;
  const auto read = [&](const auto& data) {
    const size_t part = std::min(record.size - done, sizeof data);
    std::memcpy(text + done, data, part);
    done += part;
  };
  read(record.data);
  for (const Part* next = &record.next; done != record.size; next = &PartAt(*next).next) read(PartAt(*next).data);
  return {text, record.size};
}

void RecordTable::FreeParts(const Record& record) {
  if (record.size <= sizeof record.data) return;
  Part last = record.next;
  for (size_t end = sizeof record.data + sizeof(OtherPart::data); end < record.size; end += sizeof(OtherPart::data)) {
    last = PartAt(last).next;
  }
  const std::lock_guard lock(parts_lock_);
  PartAt(last).next = std::exchange(free_part_, record.next);
}

bool RecordTable::LinkTo(By by, Index index, bool incomplete) {
  const size_t kind = static_cast<size_t>(by);
  Record& record = At(index);
  Bucket& bucket = BucketOf(by, record.ids);
  const std::lock_guard lock(bucket.lock);
  const Record* const newest = NewestOf(by, bucket, record.ids);
  const uint16_t of_key = newest == nullptr ? 0 : newest->links[kind].of_key;
  if (of_key == kMostOfOneKey) {
    MarkIncomplete(by, bucket, record.ids);
    return false;
  }
  if (bucket.newest != 0) At(bucket.newest).links[kind].previous = index;
  record.links[kind] = {.next = std::exchange(bucket.newest, index),
                        .previous = 0,
                        .of_key = static_cast<uint16_t>(of_key + 1),
                        .incomplete = incomplete,
                        .linked = 1};
  return true;
}

void RecordTable::Unlink(By by, Index index, bool early) {
  const size_t kind = static_cast<size_t>(by);
  Record& record = At(index);
  Link& link = record.links[kind];
  if (link.linked == 0) return;
  Bucket& bucket = BucketOf(by, record.ids);
  const std::lock_guard lock(bucket.lock);
  const uint16_t of_key = NewestOf(by, bucket, record.ids)->links[kind].of_key;
  if (link.next != 0) At(link.next).links[kind].previous = link.previous;
  (link.previous != 0 ? At(link.previous).links[kind].next : bucket.newest) = link.next;
  link.linked = 0;
  if (of_key == 1) return;
  NewestOf(by, bucket, record.ids)->links[kind].of_key = static_cast<uint16_t>(of_key - 1);
  if (early) MarkIncomplete(by, bucket, record.ids);
}

void RecordTable::NoteMissing(By by, const Ids& ids) {
  Bucket& bucket = BucketOf(by, ids);
  const std::lock_guard lock(bucket.lock);
  MarkIncomplete(by, bucket, ids);
}

bool RecordTable::Share(By by, const Ids& a, const Ids& b) {
  if (by == By::kRequest) return a.request == b.request;
  return a.trace_low == b.trace_low && a.trace_high == b.trace_high;
}

// New ones are put in front of the others of their bucket.
RecordTable::Record* RecordTable::NewestOf(By by, const Bucket& bucket, const Ids& ids) const {
  Index index = bucket.newest;
  while (index != 0 && !Share(by, At(index).ids, ids)) index = At(index).links[static_cast<size_t>(by)].next;
  return index == 0 ? nullptr : &At(index);
}

template <typename F>
void RecordTable::ForEachOf(By by, const Bucket& bucket, const Ids& ids, F&& visit) const {
  for (Index index = bucket.newest; index != 0; index = At(index).links[static_cast<size_t>(by)].next) {
    if (Share(by, At(index).ids, ids)) visit(At(index));
  }
}

void RecordTable::MarkIncomplete(By by, const Bucket& bucket, const Ids& ids) {
  const size_t kind = static_cast<size_t>(by);
  const Record* const newest = NewestOf(by, bucket, ids);
  if (newest == nullptr || newest->links[kind].incomplete) return;
  ForEachOf(by, bucket, ids, [kind](Record& record) { record.links[kind].incomplete = 1; });
}

}  // namespace pillion::context
