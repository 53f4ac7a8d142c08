#include "source/limit/fair_queue.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "source/base/check.h"
#include "source/limit/token_bucket.h"

namespace pillion::limit {
namespace {

// A request's part in what its key has had. Bounded, so that the sum is too.
uint64_t WeightOf(uint64_t cost) { return std::clamp<uint64_t>(cost, 1, std::numeric_limits<uint32_t>::max()); }

// Bounded as well; a limit admits no more at once.
uint64_t CostOf(const FairQueue::Waiter& waiter) { return std::min(waiter.cost, TokenBucket::kMostBurst); }

}  // namespace

FairQueue::Slot& FairQueue::Flow::first() {
  size_t most_urgent = 0;
  while (waiting[most_urgent].empty()) ++most_urgent;
  return waiting[most_urgent].front();
}

FairQueue::FairQueue(const Options& options)
    : options_(options),
      chain_count_(std::bit_ceil(options.most)),
      slots_(std::make_unique<Slot[]>(options.most)),
      flows_(std::make_unique<Flow[]>(options.most)),
      chains_(std::make_unique<base::IntrusiveList<Flow>[]>(chain_count_)) {
  PILLION_CHECK(options.most > 0);
  for (size_t i = 0; i < options.most; ++i) {
    free_slots_.PushBack(slots_[i]);
    free_flows_.PushBack(flows_[i]);
  }
  by_deadline_.Reserve(options.most);
  by_turn_.Reserve(options.most);
  by_time_.Reserve(options.most);
  by_size_.Reserve(options.most);
}

FairQueue::Added FairQueue::Add(const Waiter& waiter, base::Duration wait, base::MonotonicTime now) {
  PILLION_CHECK(waiter.priority < kPriorities);
  const base::MonotonicTime deadline = std::min(waiter.deadline, After(now, options_.longest_wait));
  if (deadline - now <= wait) return {.taken = Taken::kTooLate};
  Added added{.taken = Taken::kYes};
  if (free_slots_.empty()) {
    Slot* const other = LessWorthy(waiter.key, waiter.priority);
    if (other == nullptr) return {.taken = Taken::kFull};
    added.displaced = Take(*other);
  }
  Flow* flow = Find(waiter.key);
  if (flow == nullptr) {
    flow = free_flows_.PopFront();
    flow->key = waiter.key;
    flow->had = {};
    flow->suspended_until = {};
    ChainOf(waiter.key).PushBack(*flow);
  }
  Slot& slot = *free_slots_.PopFront();
  static_cast<Waiter&>(slot) = waiter;
  slot.deadline = deadline;
  slot.flow = flow;
  // Nothing is saved up while nobody waits.
  uint64_t& had = flow->had[waiter.priority];
  if (flow->waiting[waiter.priority].empty()) had = std::max(had, clocks_[waiter.priority]);
  flow->waiting[waiter.priority].PushBack(slot);
  by_priority_[waiter.priority].PushBack(slot);
  by_deadline_.Put(slot);
  ++flow->size;
  ++size_;
  flow->cost += CostOf(slot);
  cost_ += CostOf(slot);
  by_size_.Put(*flow);
  Place(*flow);
  // Who was suspended was another one, or nobody.
  if (&flow->first() == &slot && (options_.limits == Limits::kEachKey || &by_turn_.top() == flow)) {
    Suspend(*flow, now + wait);
  }
  added.ticket = uint64_t{slot.generation} << 32 | (static_cast<uint64_t>(&slot - slots_.get()) + 1);
  return added;
}

bool FairQueue::Cancel(Ticket ticket) {
  const uint64_t number = ticket & UINT32_MAX;
  if (number == 0 || number > options_.most) return false;
  Slot& slot = slots_[number - 1];
  if (slot.flow == nullptr || slot.generation != ticket >> 32) return false;
  Take(slot);
  return true;
}

base::MonotonicTime FairQueue::NextRun() const {
  if (size_ == 0) return kNever;
  base::MonotonicTime turn = kNever;
  if (!by_turn_.empty()) turn = all_suspended_until_;
  if (!by_time_.empty()) turn = std::min(turn, std::max(by_time_.top().suspended_until, all_suspended_until_));
  return std::min(turn, by_deadline_.top().deadline);
}

uint64_t FairQueue::CostOfAll(const Key& key) const {
  if (options_.limits == Limits::kAll) return cost_;
  const Flow* const flow = Find(key);
  return flow == nullptr ? 0 : flow->cost;
}

uint64_t FairQueue::CostBefore(const Key& key, uint8_t priority, base::MonotonicTime until) {
  uint64_t cost = 0;
  const auto add = [&](const Slot& slot) {
    if (slot.deadline > until) cost += CostOf(slot);
  };
  Flow* const own = Find(key);
  for (uint8_t p = 0; p < priority; ++p) {
    if (options_.limits == Limits::kAll) {
      by_priority_[p].ForEach(add);
    } else if (own != nullptr) {
      own->waiting[p].ForEach(add);
    }
  }
  // Of its own priority others may come first as well, but who of them is not known yet.
  if (own != nullptr) own->waiting[priority].ForEach(add);
  return cost;
}

FairQueue::Flow* FairQueue::Find(const Key& key) const {
  Flow* found = nullptr;
  ChainOf(key).ForEach([&](Flow& flow) {
    if (flow.key == key) found = &flow;
  });
  return found;
}

FairQueue::Slot* FairQueue::LessWorthy(const Key& key, uint8_t priority) {
  const auto last_of = [](auto& lists, uint8_t least) -> Slot* {
    for (size_t p = kPriorities; p-- > least;) {
      if (!lists[p].empty()) return &lists[p].back();
    }
    return nullptr;
  };
  if (Slot* const less_urgent = last_of(by_priority_, priority + 1)) return less_urgent;
  const Flow* const own = Find(key);
  Flow& largest = by_size_.top();
  if (largest.size <= (own == nullptr ? 0 : own->size) + 1) return nullptr;
  return last_of(largest.waiting, priority);
}

FairQueue::Waiter FairQueue::Take(Slot& slot) {
  Flow& flow = *slot.flow;
  // Who was suspended may have been this one: the next is asked anew.
  all_suspended_until_ = flow.suspended_until = {};
  static_cast<base::ListNode<OfFlow>&>(slot).Unlink();
  static_cast<base::ListNode<OfPriority>&>(slot).Unlink();
  by_deadline_.Remove(slot);
  slot.flow = nullptr;
  ++slot.generation;
  free_slots_.PushBack(slot);
  --flow.size;
  flow.cost -= CostOf(slot);
  cost_ -= CostOf(slot);
  if (--size_ == 0) clocks_ = {};
  if (flow.size == 0) {
    by_turn_.Remove(flow);
    by_time_.Remove(flow);
    by_size_.Remove(flow);
    flow.Unlink();
    free_flows_.PushBack(flow);
  } else {
    by_size_.Put(flow);
    Place(flow);
  }
  return slot;
}

FairQueue::Slot* FairQueue::Next(base::MonotonicTime now) {
  if (all_suspended_until_ > now) return nullptr;
  while (!by_time_.empty() && by_time_.top().suspended_until <= now) {
    Flow& flow = by_time_.top();
    flow.suspended_until = {};
    Place(flow);
  }
  return by_turn_.empty() ? nullptr : &by_turn_.top().first();
}

void FairQueue::Suspend(Flow& flow, base::MonotonicTime until) {
  if (options_.limits == Limits::kAll) {
    all_suspended_until_ = until;
  } else {
    flow.suspended_until = until;
    Place(flow);
  }
}

void FairQueue::Charge(const Slot& slot) {
  clocks_[slot.priority] = slot.flow->had[slot.priority] = slot.flow->turn;
}

void FairQueue::Place(Flow& flow) {
  const Slot& first = flow.first();
  flow.priority = first.priority;
  flow.turn = flow.had[first.priority] + WeightOf(first.cost);
  if (flow.suspended_until == base::MonotonicTime()) {
    by_time_.Remove(flow);
    by_turn_.Put(flow);
  } else {
    by_turn_.Remove(flow);
    by_time_.Put(flow);
  }
}

}  // namespace pillion::limit
