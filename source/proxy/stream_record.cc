#include <bit>

#include "source/config/describe_listener.h"
#include "source/config/route.h"
#include "source/proxy/described_bytes.h"
#include "source/proxy/stream.h"
#include "source/tls/facts.h"

// What is told of a stream and its attempts: the record that logs and texts are made of, and the counters of its route.

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
  record.at(TimePoint::kDownstreamConnectBegin) = connection_.started();
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

void UpstreamRequest::DescribeBytes(telemetry::RequestRecord& record) const {
  for (const UpstreamRequest* attempt = this; attempt != nullptr; attempt = attempt->earlier_) {
    AddUpstreamBytes(attempt->meter_, record);
  }
}

void UpstreamRequest::Describe(UpstreamRequest& newest, telemetry::RequestRecord& record) {
  using telemetry::TimePoint;
  newest.DescribeBytes(record);
  record.upstream_attempts = newest.number_;
  record.upstream_transport_failure_reason = transport_failure_;
  if (host_ != nullptr) {
    record.upstream_remote_address = record.upstream_host_address = host_->address_text();
    record.upstream_host_name = host_->name();
    record.upstream_close_type = "Normal";  // a request is logged before
    const config::Metadata* const metadata = host_->metadata();
    if (metadata != nullptr && metadata->tree != nullptr) record.upstream_metadata = &metadata->tree->value;
    record.upstream_locality_metadata = config::ValueOf(host_->locality_metadata());
    const config::Locality& locality = host_->locality();
    record.upstream_region = locality.region;
    record.upstream_zone = locality.zone;
    record.upstream_sub_zone = locality.sub_zone;
  }
  for (UpstreamRequest* attempt = &newest; attempt != nullptr; attempt = attempt->earlier_) {
    if (attempt->host_ == nullptr) continue;
    UpstreamRequest* before = attempt->earlier_;
    while (before != nullptr && before->host_ == nullptr) before = before->earlier_;
    attempt->attempted_ = {attempt->host_->address_text(), attempt->host_->name(), attempt->connection_id_,
                           before == nullptr ? nullptr : &before->attempted_};
    if (record.attempted_hosts == nullptr) record.attempted_hosts = &attempt->attempted_;
  }
  if (head_sent_ == base::MonotonicTime{}) return;
  record.upstream_local_address = local_address_;
  if (!other_remote_address_.empty()) [[unlikely]] record.upstream_remote_address = other_remote_address_;
  record.upstream_connection_id = connection_id_;
  if (!raw_) record.upstream_protocol = http2_ ? http::Version::kHttp2 : http::Version::kHttp11;
  record.upstream_tls = tls_.get();
  record.at(TimePoint::kUpstreamConnectBegin) = connect_began_;
  DescribeConnect(connect_ended_, tls_ != nullptr, record);
  record.at(TimePoint::kUpstreamRxBodyBegin) = body_began_;
  record.at(TimePoint::kUpstreamPoolReady) = record.at(TimePoint::kUpstreamTxBegin) = head_sent_;
  record.at(TimePoint::kUpstreamTxEnd) = request_sent_;
  record.at(TimePoint::kUpstreamRxBegin) = response_began_;
  record.at(TimePoint::kUpstreamRxEnd) = response_got_;
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
