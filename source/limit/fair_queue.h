#pragma once

// Who waits for a limit that refused him: bounded in number and in time, fair between keys, by priority. Not thread-safe:
// what workers share, they lock. Time is handed in; nothing is allocated after the construction.
//
// | a waiter is | since | goes on by |
// |---|---|---|
// | waiting | Add() | Run() admits him: granted. His deadline: expired. A worthier one needs his room: displaced. Cancel() |
// | gone | then | his ticket is worth nothing |
//
// Whose turn it is: of the keys that may have something now, one with a waiter of the most urgent priority; of these the one
// that has had least, by cost, since it began to wait (self-clocked fair queueing: two keys that both wait all the time are
// never further apart than the dearest request of each). Of one key and priority, who came first.
//
// Who finds no room: he takes that of the latest of the least urgent, if he is more urgent; else that of the last of the
// key that has most waiting, if his own key would still have no more than that one. So a key that comes in masses crowds out
// only itself.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "source/base/clock.h"
#include "source/base/intrusive_list.h"
#include "source/limit/indexed_heap.h"
#include "source/limit/key.h"

namespace pillion::limit {

class FairQueue {
 public:
  static constexpr size_t kPriorities = 4;  // 0 is the most urgent
  static constexpr base::MonotonicTime kNever = base::MonotonicTime::max();

  enum class Limits : uint8_t {
    kEachKey,  // keys wait each for their own: who must wait longer is passed over
    kAll,      // one for all keys, which are told apart for fairness alone: nobody is passed over
  };
  struct Options {
    size_t most = 100;  // that wait
    base::Duration longest_wait = std::chrono::seconds(1);
    Limits limits = Limits::kEachKey;
  };

  struct Waiter {
    Key key;
    uint64_t cost = 1;
    uint8_t priority = 0;
    base::MonotonicTime deadline = kNever;  // the request's
    uint64_t owner = 0;                     // for the caller
  };

  // Who waits; 0 is nobody.
  using Ticket = uint64_t;
  enum class Taken : uint8_t { kYes, kFull, kTooLate };
  struct Added {
    Taken taken;
    Ticket ticket = 0;
    std::optional<Waiter> displaced;  // somebody else
  };
  enum class End : uint8_t { kGranted, kExpired };

  explicit FairQueue(const Options& options);

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  // Others came before: one who does not wait as well would overtake them.
  bool MustWait(const Key& key) const { return options_.limits == Limits::kAll ? size_ > 0 : Find(key) != nullptr; }

  // What all those want who wait for the same limit as that key.
  uint64_t CostOfAll(const Key& key) const;
  // The part of it that goes to those who are before one of that key and priority who comes now, and may wait for longer
  // than until `until`. Looks at each of them.
  uint64_t CostBefore(const Key& key, uint8_t priority, base::MonotonicTime until);

  // `wait` is what the limit said; where the deadline is before that, there is no use in waiting.
  [[nodiscard]] Added Add(const Waiter& waiter, base::Duration wait, base::MonotonicTime now);
  // False: he does not wait any more.
  bool Cancel(Ticket ticket);

  // Ends what is past its deadline, then grants as long as admit(waiter) is zero; else it is the time until that one may be
  // admitted: Decision::kNever where the limit has changed and it costs too much now. ended(waiter, End) for each who is
  // gone. Neither calls the queue.
  template <typename Admit, typename Ended>
  void Run(base::MonotonicTime now, Admit&& admit, Ended&& ended) {
    while (size_ > 0 && by_deadline_.top().deadline <= now) ended(Take(by_deadline_.top()), End::kExpired);
    while (Slot* const slot = Next(now)) {
      if (const base::Duration wait = admit(static_cast<const Waiter&>(*slot)); wait > base::Duration::zero()) {
        Suspend(*slot->flow, After(now, wait));
      } else {
        Charge(*slot);
        ended(Take(*slot), End::kGranted);
      }
    }
  }
  // When Run() has something to do again.
  base::MonotonicTime NextRun() const;

 private:
  struct OfFlow;
  struct OfPriority;
  struct Flow;

  struct Slot : Waiter, base::ListNode<OfFlow>, base::ListNode<OfPriority> {
    Flow* flow = nullptr;
    uint32_t generation = 0;
    size_t by_deadline = 0;
  };

  // A key of which somebody waits.
  struct Flow : base::ListNode<Flow> {
    Slot& first();  // there is one

    Key key;
    std::array<base::IntrusiveList<Slot, OfFlow>, kPriorities> waiting;
    size_t size = 0;
    uint64_t cost = 0;  // of all of them
    // What it has had in each priority, on the clock of its costs; and what it will have had with its first one.
    std::array<uint64_t, kPriorities> had;
    uint64_t turn = 0;
    uint8_t priority = 0;  // of its first one
    base::MonotonicTime suspended_until;
    size_t by_turn = 0;
    size_t by_time = 0;
    size_t by_size = 0;
  };

  static base::MonotonicTime After(base::MonotonicTime now, base::Duration wait) {
    return wait < kNever - now ? now + wait : kNever;
  }
  static bool IsEarlier(const Slot& a, const Slot& b) { return a.deadline < b.deadline; }
  static bool IsBefore(const Flow& a, const Flow& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.turn < b.turn;
  }
  static bool IsSooner(const Flow& a, const Flow& b) { return a.suspended_until < b.suspended_until; }
  static bool IsLarger(const Flow& a, const Flow& b) { return a.size > b.size; }

  base::IntrusiveList<Flow>& ChainOf(const Key& key) const { return chains_[key.low & (chain_count_ - 1)]; }
  Flow* Find(const Key& key) const;
  // Whose room one of that key and priority may have; null: nobody's.
  Slot* LessWorthy(const Key& key, uint8_t priority);
  // Out of the queue.
  Waiter Take(Slot& slot);
  // Whose turn it is; null: nobody's, now.
  Slot* Next(base::MonotonicTime now);
  void Suspend(Flow& flow, base::MonotonicTime until);
  void Charge(const Slot& slot);
  // After its first one may have changed.
  void Place(Flow& flow);

  const Options options_;
  const size_t chain_count_;  // a power of two
  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<Flow[]> flows_;
  std::unique_ptr<base::IntrusiveList<Flow>[]> chains_;  // of a key's hash
  base::IntrusiveList<Slot, OfFlow> free_slots_;
  base::IntrusiveList<Flow> free_flows_;
  std::array<base::IntrusiveList<Slot, OfPriority>, kPriorities> by_priority_;  // as they came
  IndexedHeap<Slot, &Slot::by_deadline, &IsEarlier> by_deadline_;
  IndexedHeap<Flow, &Flow::by_turn, &IsBefore> by_turn_;    // that may be asked
  IndexedHeap<Flow, &Flow::by_time, &IsSooner> by_time_;    // that are suspended
  IndexedHeap<Flow, &Flow::by_size, &IsLarger> by_size_;
  base::MonotonicTime all_suspended_until_{};
  std::array<uint64_t, kPriorities> clocks_{};  // of costs: what whoever was granted last has had then
  size_t size_ = 0;
  uint64_t cost_ = 0;  // of all who wait
};

}  // namespace pillion::limit
