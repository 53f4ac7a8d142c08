#include "source/filters/limit/waiting_room.h"

#include <algorithm>
#include <map>

#include "absl/container/flat_hash_map.h"
#include "source/config/text.h"
#include "source/limit/wait_bounds.h"

namespace pillion::filters::limit_rules {

using limit::Decision;
using limit::FairQueue;
using limit::Stage;

// Who waits on one worker; its timer keeps the time of the queue. Lives as long as somebody does.
class Desk : public std::enable_shared_from_this<Desk> {
 public:
  Desk(std::shared_ptr<WaitingRoom> room, event::Worker& worker) : room_(std::move(room)), worker_(worker) {}
  ~Desk() { room_->Forget(*this); }

  event::Worker& worker() { return worker_; }
  WaitingRoom& room() { return *room_; }

  void Seat(Waiting& waiting, uint64_t number, FairQueue::Ticket ticket) {
    waiting.desk_ = shared_from_this();
    waiting.number_ = number;
    waiting.ticket_ = ticket;
    waiting_[number] = &waiting;
  }
  // What keeps the desk, until the caller is done.
  std::shared_ptr<Desk> Unseat(Waiting& waiting) {
    waiting_.erase(waiting.number_);
    return std::move(waiting.desk_);
  }

  void KeepTime(base::MonotonicTime next) {
    if (next == FairQueue::kNever) return timer_.Cancel();
    worker_.SetTimer(timer_, std::max(next - worker_.now(), base::Duration::zero()));
  }
  void OnTimer() {
    const std::shared_ptr<Desk> self = shared_from_this();
    KeepTime(room_->RunFor(worker_));
  }
  void OnCall(const WaitingRoom::Ended& ended) {
    const auto found = waiting_.find(ended.number);
    if (found == waiting_.end()) return room_->GiveBack(ended, worker_.now());
    Waiting& waiting = *found->second;
    const std::shared_ptr<Desk> self = Unseat(waiting);
    waiting.OnWaitEnded(ended.end, ended.decision);
  }

 private:
  const std::shared_ptr<WaitingRoom> room_;
  event::Worker& worker_;
  absl::flat_hash_map<uint64_t, Waiting*> waiting_;
  base::Timer timer_{this, [](void* self) { static_cast<Desk*>(self)->OnTimer(); }};
};

Waiting::~Waiting() {
  if (desk_ != nullptr) desk_->room().Leave(*this);
}

WaitingRoom::WaitingRoom(std::shared_ptr<State> state, const FairQueue::Options& options)
    : state_(std::move(state)), options_(options), queue_(options) {
  if (options.limits == FairQueue::Limits::kAll) shared_key_ = limit::KeyOf(state_->secret, {});
}

WaitingRoom::Entered WaitingRoom::Enter(event::Worker& worker, Waiting& waiting, const Request& request) {
  std::shared_ptr<Desk> desk;  // goes without the lock
  const std::lock_guard lock(mutex_);
  const base::MonotonicTime now = Now(worker);
  Decision decision;
  base::Duration wait = base::Duration::zero();
  if (!queue_.MustWait(request.fair_key) || IsNever(request.cost)) {
    decision = state_->limit.Decide(request.key, request.cost, now);
    if (decision.allowed()) return {.how = Entered::How::kAdmitted, .decision = decision};
    wait = decision.retry_after;
  } else {
    decision = Refusal(request.key, request.cost, now, &wait);
    if (const base::Duration least = LeastWait(request, now); least > wait) decision.retry_after = wait = least;
  }
  if (wait == Decision::kNever) return {.how = Entered::How::kRefused, .why = WaitEnd::kTooLate, .decision = decision};
  const uint64_t number = next_number_++;
  const FairQueue::Waiter waiter = {.key = request.fair_key,
                                    .cost = request.cost,
                                    .priority = request.priority,
                                    .deadline = request.deadline,
                                    .owner = uint64_t{worker.index()} << 48 | number};
  const FairQueue::Added added = queue_.Add(waiter, wait, now);
  if (added.taken != FairQueue::Taken::kYes) {
    const bool full = added.taken == FairQueue::Taken::kFull;
    return {.how = Entered::How::kRefused, .why = full ? WaitEnd::kFull : WaitEnd::kTooLate, .decision = decision};
  }
  if (added.displaced) {
    Call(*added.displaced, WaitEnd::kFull, Refusal(LimitKeyOf(added.displaced->key), added.displaced->cost, now));
    PostCalls();
  }
  size_.store(queue_.size(), std::memory_order_relaxed);
  desk = DeskOf(worker);
  desk->Seat(waiting, number, added.ticket);
  desk->KeepTime(queue_.NextRun());
  return {.how = Entered::How::kWaits, .decision = decision};
}

void WaitingRoom::Leave(Waiting& waiting) {
  if (waiting.desk_ == nullptr) return;
  const std::shared_ptr<Desk> desk = waiting.desk_->Unseat(waiting);
  const std::lock_guard lock(mutex_);
  if (!queue_.Cancel(waiting.ticket_)) return;  // what is posted finds nobody
  Run(Now(desk->worker()));
  desk->KeepTime(queue_.NextRun());
}

Decision WaitingRoom::Refusal(const limit::Key& key, uint64_t cost, base::MonotonicTime now,
                              base::Duration* wait) const {
  constexpr base::Duration kOthersWaitBefore = std::chrono::seconds(1);
  Decision decision = state_->limit.Ask(key, cost, now);
  if (wait != nullptr) *wait = decision.retry_after;
  if (decision.allowed()) {  // were he alone
    decision = state_->limit.Ask(key, 0, now);
    decision.refused_by = decision.bucket.limit == 0 ? Stage::kWindow : Stage::kBucket;
  }
  decision.retry_after = std::max(decision.retry_after, kOthersWaitBefore);
  return decision;
}

// Whoever takes the turn of one of them later on takes at least his time, too. Only who leaves could make it less.
base::Duration WaitingRoom::LeastWait(const Request& request, base::MonotonicTime now) {
  const base::Duration may = std::min(request.deadline - now, options_.longest_wait);
  const uint64_t all = queue_.CostOfAll(request.fair_key);
  if (limit::BoundsOf(state_->limit, request.key, all + request.cost, now).least < may) return base::Duration::zero();
  // Who may have to go before his turn comes does not count; a grant comes when some worker's timer does.
  constexpr base::Duration kLate = std::chrono::milliseconds(10);
  const base::Duration latest = limit::BoundsOf(state_->limit, request.key, all, now).most;
  const uint64_t before = queue_.CostBefore(request.fair_key, request.priority, now + latest + kLate);
  if (before == 0) return base::Duration::zero();
  const base::Duration least = limit::BoundsOf(state_->limit, request.key, before + request.cost, now).least;
  return least < may ? base::Duration::zero() : least;
}

bool WaitingRoom::IsNever(uint64_t cost) const {
  const limit::Policy& policy = state_->limit.policy();
  if (policy.window() && cost > policy.window()->terms().limit) return true;
  return policy.bucket() && cost > policy.bucket()->terms().burst;
}

void WaitingRoom::Run(base::MonotonicTime now) {
  Decision last;
  queue_.Run(
      now,
      [&](const FairQueue::Waiter& waiter) {
        last = state_->limit.Decide(LimitKeyOf(waiter.key), waiter.cost, now);
        return last.allowed() ? base::Duration::zero() : std::max(last.retry_after, base::Duration(1));
      },
      [&](const FairQueue::Waiter& waiter, FairQueue::End end) {
        const bool granted = end == FairQueue::End::kGranted;
        Call(waiter, granted ? WaitEnd::kGranted : WaitEnd::kTimedOut,
             granted ? last : Refusal(LimitKeyOf(waiter.key), waiter.cost, now));
      });
  size_.store(queue_.size(), std::memory_order_relaxed);
  PostCalls();
}

void WaitingRoom::Call(const FairQueue::Waiter& waiter, WaitEnd end, const Decision& decision) {
  constexpr uint64_t kNumber = (uint64_t{1} << 48) - 1;
  calls_.push_back({static_cast<uint32_t>(waiter.owner >> 48),
                    {waiter.owner & kNumber, LimitKeyOf(waiter.key), waiter.cost, end, decision}});
}

void WaitingRoom::PostCalls() {
  for (Desk* const desk : desks_) {
    std::vector<Ended> all;
    for (const auto& [worker, ended] : calls_) {
      if (worker == desk->worker().index()) all.push_back(ended);
    }
    if (all.empty()) continue;
    desk->worker().Post([room = shared_from_this(), weak = desk->weak_from_this(), all = std::move(all)] {
      const std::shared_ptr<Desk> there = weak.lock();
      for (const Ended& ended : all) there == nullptr ? room->GiveBack(ended, {}) : there->OnCall(ended);
    });
  }
  calls_.clear();
}

std::shared_ptr<Desk> WaitingRoom::DeskOf(event::Worker& worker) {
  for (Desk* const desk : desks_) {
    if (&desk->worker() != &worker) continue;
    if (std::shared_ptr<Desk> alive = desk->weak_from_this().lock()) return alive;
  }
  auto desk = std::make_shared<Desk>(shared_from_this(), worker);
  desks_.push_back(desk.get());
  return desk;
}

base::MonotonicTime WaitingRoom::RunFor(const event::Worker& worker) {
  const std::lock_guard lock(mutex_);
  Run(Now(worker));
  return queue_.NextRun();
}

void WaitingRoom::GiveBack(const Ended& ended, base::MonotonicTime now) {
  if (ended.end == WaitEnd::kGranted) state_->limit.GiveBack(ended.key, ended.cost, ended.decision, now);
}

// Those who wait are at other desks; one of them keeps the time from now on.
void WaitingRoom::Forget(Desk& desk) {
  const std::lock_guard lock(mutex_);
  std::erase(desks_, &desk);
  if (queue_.empty() || desks_.empty()) return;
  desks_.front()->worker().Post([weak = desks_.front()->weak_from_this()] {
    if (const std::shared_ptr<Desk> other = weak.lock()) other->OnTimer();
  });
}

namespace {

// Never destroyed: a worker may still end requests while the process does.
struct Rooms {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<WaitingRoom>> by_definition;
};

Rooms& All() {
  static auto& rooms = *new Rooms;
  return rooms;
}

template <typename Condition>
size_t SumOf(const Condition& condition) {
  const std::lock_guard lock(All().mutex);
  size_t waiting = 0;
  for (const auto& [definition, weak] : All().by_definition) {
    const std::shared_ptr<WaitingRoom> room = weak.lock();
    if (room != nullptr && condition(room->state())) waiting += room->size();
  }
  return waiting;
}

}  // namespace

std::shared_ptr<WaitingRoom> RoomOf(std::shared_ptr<State> state, const FairQueue::Options& options) {
  // As long as a room lives, its state does, and has that address.
  const std::string definition =
      config::Concat(reinterpret_cast<uintptr_t>(state.get()), " ", options.most, " ", options.longest_wait.count(), " ",
                     static_cast<int>(options.limits));
  const std::lock_guard lock(All().mutex);
  std::erase_if(All().by_definition, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<WaitingRoom>& known = All().by_definition[definition];
  std::shared_ptr<WaitingRoom> room = known.lock();
  if (room == nullptr) known = room = std::make_shared<WaitingRoom>(std::move(state), options);
  return room;
}

size_t WaitingFor(std::string_view rule) {
  return SumOf([&](const State& state) { return state.name == rule; });
}

size_t WaitingFor(const State& state) {
  return SumOf([&](const State& other) { return &other == &state; });
}

}  // namespace pillion::filters::limit_rules
