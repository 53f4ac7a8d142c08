#include "source/upstream/pool.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "source/base/check.h"
#include "source/config/priority.h"
#include "source/tls/standing.h"
#include "source/upstream/cluster.h"
#include "source/upstream/pooled_connection.h"

namespace pillion::upstream {

PoolWaiter::~PoolWaiter() {
  if (pool_ == nullptr) return;
  pool_->Cancel(*this);
  ReleaseStream();
  if (--pool_->references_ == 0) pool_->RequestStep();
}

void PoolWaiter::ReleaseStream() {
  if (state_ != State::kStreaming) return;
  state_ = State::kIdle;
  ClusterShard& cluster = pool_->cluster_;
  cluster.breakers(priority_).requests.Give();
  cluster.stats().upstream_rq_active.Decrement();
  pool_->figures_.Add(HostFigures::kRqActive, -1);
  --pool_->streaming_;
}

Pool::Pool(ClusterShard& cluster, std::shared_ptr<Host> host, Protocol protocol, config::Priority priority,
           const ConnectionNeeds& needs)
    : cluster_(cluster),
      host_(std::move(host)),
      protocol_(protocol),
      priority_(priority),
      server_name_(needs.server_name),
      proxy_head_(needs.proxy_head),
      expected_names_(needs.expected_names),
      alpn_(needs.alpn),
      passed_(needs.passed),
      source_(needs.source),
      figures_(host_->figures(cluster.worker().index())),
      step_(this, [](void* self) { static_cast<Pool*>(self)->Step(); }) {}

Pool::~Pool() {
  PILLION_CHECK(references_ == 0);
  for (Connections* list : {&connecting_, &ready_, &others_}) {
    while (PooledConnection* connection = list->PopFront()) delete connection;
  }
  LeaveBreaker();
}

void Pool::LeaveBreaker() {
  if (std::exchange(counted_, false)) cluster_.breakers(priority_).pools.Give();
}

Pool::Result Pool::Request(PoolWaiter& waiter) {
  PILLION_CHECK(waiter.state_ == PoolWaiter::State::kIdle);
  Refer(waiter);
  if (waiting_count_ == 0) {
    if (PooledConnection* connection = FindReady()) {
      const Result result = OpenStream(waiter, *connection);
      Preconnect(waiter.priority());
      return result;
    }
  }
  ClusterStats& stats = cluster_.stats();
  if (!cluster_.breakers(waiter.priority()).pending_requests.Take()) {
    stats.upstream_rq_pending_overflow.Increment();
    return {Result::kOverflow};
  }
  waiter.state_ = PoolWaiter::State::kQueued;
  waiting_.PushBack(waiter);
  ++waiting_count_;
  stats.upstream_rq_pending_total.Increment();
  stats.upstream_rq_pending_active.Increment();
  figures_.Add(HostFigures::kRqPending);
  if (FindReady() == nullptr) {
    OpenConnections(waiter.priority());
  } else {
    // It has connected in this turn, and those that have waited for it are served in the next step, which then opens what is
    // missing: who comes meanwhile needs no other one for them.
    RequestStep();
    Preconnect(waiter.priority());
  }
  return {Result::kQueued};
}

void Pool::Cancel(PoolWaiter& waiter) {
  if (waiter.state_ != PoolWaiter::State::kQueued) return;
  waiter.Unlink();
  LeaveQueue(waiter);
  cluster_.stats().upstream_rq_cancelled.Increment();
}

void Pool::Drain() {
  draining_ = true;
  RequestStep();
}

void Pool::RetireAll() {
  retires_all_ = true;
  RequestStep();
}

void Pool::OnConnected(PooledConnection& connection) {
  connecting_capacity_ -= connection.assumed_capacity();
  Place(connection);
  RequestStep();
}

void Pool::OnConnectFailed(PooledConnection& connection, PoolFailure failure, int error) {
  connecting_capacity_ -= connection.assumed_capacity();
  connect_failed_ = true;
  failure_ = failure;
  error_ = error;
}

void Pool::OnRetired(PooledConnection& connection) {
  --serving_;
  Place(connection);
  if (waiting_count_ > 0) RequestStep();  // it may have been what they waited for
}

void Pool::OnEnded(PooledConnection& connection) {
  connection.Unlink();
  RequestStep();
}

void Pool::Place(PooledConnection& connection) {
  const bool usable = connection.usable();
  if (!usable || ready_.empty() || &ready_.front() != &connection) {
    connection.Unlink();
    (usable ? ready_ : others_).PushFront(connection);
  }
  if (!usable) return;
  if (waiting_count_ > 0) RequestStep();
}

PooledConnection* Pool::FindReady() {
  while (!ready_.empty()) {
    PooledConnection& connection = ready_.front();
    if (connection.usable()) return &connection;
    Place(connection);  // its end was seen in this turn
  }
  return nullptr;
}

Pool::Result Pool::OpenStream(PoolWaiter& waiter, PooledConnection& connection) {
  ClusterStats& stats = cluster_.stats();
  if (!cluster_.breakers(waiter.priority()).requests.Take()) {
    stats.upstream_rq_active_overflow.Increment();
    return {Result::kOverflow};
  }
  waiter.state_ = PoolWaiter::State::kStreaming;
  stats.upstream_rq_total.Increment();
  stats.upstream_rq_active.Increment();
  figures_.Add(HostFigures::kRqTotal);
  figures_.Add(HostFigures::kRqActive);
  ++streaming_;
  codec::ClientStream& stream = connection.NewStream(waiter.receiver());
  Place(connection);
  return {Result::kReady, &stream, &connection};
}

void Pool::LeaveQueue(PoolWaiter& waiter) {
  waiter.state_ = PoolWaiter::State::kIdle;
  --waiting_count_;
  cluster_.breakers(waiter.priority()).pending_requests.Give();
  cluster_.stats().upstream_rq_pending_active.Decrement();
  figures_.Add(HostFigures::kRqPending, -1);
}

void Pool::Refer(PoolWaiter& waiter) {
  if (waiter.pool_ == this) return;
  ++references_;
  if (waiter.pool_ != nullptr && --waiter.pool_->references_ == 0) waiter.pool_->RequestStep();
  waiter.pool_ = this;
}

void Pool::OpenConnections(config::Priority priority) {
  while (waiting_count_ > connecting_capacity_) {
    if (!OpenConnection(priority)) return;
  }
  Preconnect(priority);
}

// False: there may be no more. The only one there always may be.
bool Pool::OpenConnection(config::Priority priority) {
  Breaker& breaker = cluster_.breakers(priority).connections;
  if (!cluster_.HasRoom(*host_, priority) || !breaker.Take()) {
    cluster_.stats().upstream_cx_overflow.Increment();
    if (serving_ > 0 || waiting_count_ == 0) return false;
    breaker.TakeAnyway();
  }
  auto* connection = new PooledConnection(*this, priority);
  connecting_.PushBack(*connection);
  ++serving_;
  connecting_capacity_ += connection->assumed_capacity();
  return true;
}

void Pool::Preconnect(config::Priority priority) {
  const double ratio = cluster_.config().preconnect.per_host;
  if (ratio <= 1) [[likely]] return;
  for (int i = 0; i < kMostPreconnects && MayPreconnect() && load().WantsMore(ratio); ++i) {
    if (!OpenConnection(priority)) return;
  }
}

bool Pool::PreconnectAhead(double ratio, config::Priority priority) {
  PoolLoad ahead = load();
  ++ahead.streams;
  return MayPreconnect() && ahead.WantsMore(ratio) && OpenConnection(priority);
}

bool Pool::MayPreconnect() const { return !draining_ && host_->health() == HostHealth::kHealthy; }

PoolLoad Pool::load() {
  PoolLoad load{.streams = waiting_count_ + streaming_, .capacity = streaming_ + connecting_capacity_};
  ready_.ForEach([&load](PooledConnection& connection) { load.capacity += connection.capacity(); });
  return load;
}

void Pool::RequestStep() { cluster_.worker().Step(step_); }

void Pool::Step() {
  if (std::exchange(retires_all_, false)) [[unlikely]] RetireConnections();
  ServeWaiting();
  if (connect_failed_) FailSurplus();
  if (waiting_count_ > 0) OpenConnections(waiting_.front().priority());
  if (draining_) RetireConnections();
  if (empty()) cluster_.OnPoolEmpty();
}

void Pool::RetireConnections() {
  while (!ready_.empty()) ready_.front().Retire();
  others_.ForEach([](PooledConnection& connection) { connection.Retire(); });
}

bool Pool::CheckIdentities(tls::IdentityChecks& checks, const tls::Context* current, uint32_t check,
                           base::Duration drain_time) {
  std::vector<PooledConnection*> ended;
  bool all = true;
  const auto look = [&](PooledConnection& connection) {
    if (connection.checked() == check) return;
    all = all && checks.TakeLook();
    if (!all) return;
    connection.set_checked(check);
    const std::shared_ptr<tls::Facts> facts = connection.tls();
    if (facts != nullptr && !checks.Stands(*facts, current)) ended.push_back(&connection);
  };
  ready_.ForEach(look);
  others_.ForEach(look);
  for (PooledConnection* connection : ended) connection->Withdraw(drain_time);
  return all;
}

void Pool::ServeWaiting() {
  while (waiting_count_ > 0) {
    PooledConnection* connection = FindReady();
    if (connection == nullptr) return;
    PoolWaiter& waiter = *waiting_.PopFront();
    LeaveQueue(waiter);
    const Result result = OpenStream(waiter, *connection);
    if (result.kind == Result::kReady) {
      waiter.OnPoolReady(*result.stream, *result.connection);
    } else {
      waiter.OnPoolFailure(PoolFailure::kOverflow, 0);
    }
  }
}

void Pool::FailSurplus() {
  connect_failed_ = false;
  const PoolFailure failure = failure_;
  const int error = error_;
  // A waiter that is told may ask again at once: only those that are there now are told.
  size_t most = waiting_count_;
  while (most-- > 0 && waiting_count_ > connecting_capacity_) {
    PoolWaiter& waiter = *waiting_.PopFront();
    LeaveQueue(waiter);
    cluster_.stats().upstream_rq_pending_failure_eject.Increment();
    waiter.OnPoolFailure(failure, error);
  }
}

}  // namespace pillion::upstream
