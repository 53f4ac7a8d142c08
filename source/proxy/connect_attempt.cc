#include "source/proxy/connect_attempt.h"

#include <utility>

#include "source/config/priority.h"
#include "source/upstream/outlier_monitor.h"
#include "source/upstream/pooled_connection.h"

namespace pillion::proxy {
namespace {

using upstream::HostFigures;

uint64_t Milliseconds(base::Duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

ConnectAttempt::ConnectAttempt(upstream::ClusterShard& cluster, std::shared_ptr<upstream::Host> host)
    : cluster_(&cluster), host_(std::move(host)), id_(upstream::NextConnectionId()), begun_(cluster.worker().now()) {
  cluster_->cluster().MarkUsed();
  upstream::ClusterStats& stats = cluster_->stats();
  stats.upstream_cx_total.Increment();
  stats.upstream_cx_active.Increment();
  stats.upstream_rq_pending_total.Increment();
  stats.upstream_rq_pending_active.Increment();
  figures().Add(HostFigures::kCxTotal);
  figures().Add(HostFigures::kCxActive);
  figures().Add(HostFigures::kRqPending);
}

HostFigures& ConnectAttempt::figures() { return host_->figures(cluster_->worker().index()); }

void ConnectAttempt::LeaveQueue() {
  cluster_->stats().upstream_rq_pending_active.Decrement();
  figures().Add(HostFigures::kRqPending, -1);
}

void ConnectAttempt::OnConnected() {
  state_ = State::kOpen;
  LeaveQueue();
  upstream::ClusterStats& stats = cluster_->stats();
  stats.upstream_cx_connect_ms.Record(Milliseconds(cluster_->worker().now() - begun_));
  stats.upstream_rq_total.Increment();
  stats.upstream_rq_active.Increment();
  figures().Add(HostFigures::kRqTotal);
  figures().Add(HostFigures::kRqActive);
  if (upstream::OutlierMonitor* monitor = host_->outlier_monitor()) monitor->OnTcpConnected(cluster_->worker().index());
}

void ConnectAttempt::OnFailed(bool timeout) {
  state_ = State::kFailed;
  LeaveQueue();
  upstream::ClusterStats& stats = cluster_->stats();
  stats.upstream_cx_connect_fail.Increment();
  if (timeout) stats.upstream_cx_connect_timeout.Increment();
  stats.upstream_rq_pending_failure_eject.Increment();
  figures().Add(HostFigures::kCxConnectFail);
  if (upstream::OutlierMonitor* monitor = host_->outlier_monitor()) {
    monitor->OnNoAnswer(cluster_->worker().index(), timeout ? 504 : 503);
  }
}

void ConnectAttempt::OnClosed(bool by_peer) {
  upstream::ClusterStats& stats = cluster_->stats();
  switch (state_) {
    case State::kWaiting:  // the client has left
      LeaveQueue();
      stats.upstream_rq_cancelled.Increment();
      break;
    case State::kOpen:
      stats.upstream_rq_active.Decrement();
      figures().Add(HostFigures::kRqActive, -1);
      break;
    case State::kFailed:
      break;
  }
  stats.upstream_cx_active.Decrement();
  stats.upstream_cx_destroy.Increment();
  (by_peer ? stats.upstream_cx_destroy_remote : stats.upstream_cx_destroy_local).Increment();
  stats.upstream_cx_length_ms.Record(Milliseconds(cluster_->worker().now() - begun_));
  figures().Add(HostFigures::kCxActive, -1);
  cluster_->breakers(config::Priority::kDefault).connections.Give();
}

void ConnectAttempt::CountBytes(uint64_t read, uint64_t written) {
  upstream::ClusterStats& stats = cluster_->stats();
  stats.upstream_cx_rx_bytes_total.Add(read - std::exchange(read_, read));
  stats.upstream_cx_tx_bytes_total.Add(written - std::exchange(written_, written));
}

}  // namespace pillion::proxy
