#include <bit>

#include "source/config/describe_listener.h"
#include "source/proxy/described_bytes.h"
#include "source/proxy/stream.h"

// What is told of a stream: the record that logs and texts are made of, and the counters of its route.

namespace pillion::proxy {

using telemetry::ResponseFlag;

namespace {

int64_t Milliseconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace

void Stream::Describe(telemetry::RequestRecord& record) {
  using telemetry::TimePoint;
  record.type = telemetry::LogType::kDownstreamEnd;
  record.random = std::rotl(random_, 32);  // apart from what chose the route
  record.health_check = health_check_;
  record.annotations = annotations_;
  record.request = request_;
  record.response = response_;
  record.response_trailers = response_trailers_;
  record.protocol = request_ != nullptr ? request_->version : connection_.version();
  record.response_code = response_ == nullptr ? 0 : static_cast<uint64_t>(response_->status);
  record.response_flags = flags_;
  record.response_code_details = details_;
  record.bytes_received = request_bytes_;
  record.bytes_sent = response_bytes_;
  DescribeDownstreamBytes(meter_, record);
  record.start_time = started_wall_;
  record.end_time = context().worker.wall_now();
  record.at(TimePoint::kDownstreamRxBegin) = started_;
  record.at(TimePoint::kDownstreamRxEnd) = request_ended_;
  record.at(TimePoint::kDownstreamTxBegin) = response_started_;
  if (response_state_ == ResponseState::kComplete) record.at(TimePoint::kDownstreamTxEnd) = context().worker.now();
  record.at(TimePoint::kEnd) = context().worker.now();
  if (flags_.Has(ResponseFlag::kDownstreamConnectionTermination)) {
    record.at(TimePoint::kDownstreamConnectionEnd) = context().worker.now();
  }
  record.downstream_remote_address = downstream_remote_address();
  record.downstream_direct_remote_address = connection_.direct_remote_text();
  record.requested_server_name = connection_.server_name();
  connection_.DescribeFingerprints(record);
  record.downstream_tls = connection_.tls();
  record.downstream_local_address = connection_.local_text();
  record.downstream_direct_local_address = connection_.direct_local_text();
  record.connection_id = connection_.id();
  if (route_ != nullptr) {
    record.route_name = route_->route->name;
    record.route_metadata = config::ValueOf(route_->route->metadata);
    record.virtual_host_name = route_->virtual_host->name;
    record.virtual_host_metadata = config::ValueOf(route_->virtual_host->metadata);
    record.upstream_cluster = destination_.cluster_name;
    if (destination_.cluster) record.cluster_metadata = destination_.cluster->metadata();
  }
  record.virtual_cluster_name = route_counts_.virtual_cluster_name;
  record.filter_chain_name = manager().manager.chain_name();
  record.filter_chain_metadata = config::ValueOf(manager().manager.chain().metadata);
  config::DescribeListener(manager().manager.listener(), record);
  if (request_ != nullptr) record.stream_id = request_->headers.Get(http::HeaderId::kXRequestId);
  if (upstream_ != nullptr) upstream_->Describe(*newest_, record);
  for (const Former* former = former_; former != nullptr; former = former->earlier) former->last->DescribeBytes(record);
}

void Stream::CountRoute(RouteCounts& counts) {
  const base::MonotonicTime sent = upstream_ == nullptr ? base::MonotonicTime{} : upstream_->head_sent();
  counts.Count({.status = response_ == nullptr ? 0 : response_->status,
                .attempts = attempts(),
                .retries = retry_ ? retry_->used() : 0,
                .retries_used_up = retry_ && retry_->exhausted(),
                .timed_out = flags_.Has(ResponseFlag::kUpstreamRequestTimeout),
                .milliseconds = sent == base::MonotonicTime{}
                                    ? 0
                                    : static_cast<uint64_t>(Milliseconds(context().worker.now() - sent))});
}

void Stream::Log() {
  static_cast<base::ListNode<LineDueTag>&>(*this).Unlink();
  telemetry::RequestRecord record;
  Describe(record);
  for (const auto& log : manager().manager.logs()) log->Log(context().worker.index(), record);
}

}  // namespace pillion::proxy
