#include "source/load_report/reporter.h"

#include <algorithm>
#include <utility>

namespace pillion::load_report {
namespace {

using envoy::service::load_stats::v3::LoadStatsRequest;
using envoy::service::load_stats::v3::LoadStatsResponse;

envoy::config::core::v3::Node WithFeature(envoy::config::core::v3::Node node) {
  node.add_client_features("envoy.lrs.supports_send_all_clusters");
  return node;
}

// Of what a server may say anything.
base::Duration IntervalOf(const google::protobuf::Duration& from) {
  constexpr int64_t kLongest = std::chrono::duration_cast<std::chrono::seconds>(Reporter::kLongest).count();
  if (from.seconds() >= kLongest) return Reporter::kLongest;
  if (from.seconds() < 0) return Reporter::kShortest;
  return std::max<base::Duration>(std::chrono::seconds(from.seconds()) + std::chrono::nanoseconds(from.nanos()),
                                  Reporter::kShortest);
}

}  // namespace

Reporter::Reporter(const config::ApiSource& source, Surroundings surroundings)
    : source_(source),
      with_{.caller = surroundings.caller,
            .timers = surroundings.timers,
            .clock = surroundings.clock,
            .registry = surroundings.registry,
            .node = WithFeature(std::move(surroundings.node)),
            .target = std::move(surroundings.target),
            .for_each_cluster = {},
            .warn = std::move(surroundings.warn)},
      scope_(with_.registry, stats::Prefix("load_reporter")),
      requests_(with_.registry.control().counter(scope_.AddCounter("requests"))),
      responses_(with_.registry.control().counter(scope_.AddCounter("responses"))),
      errors_(with_.registry.control().counter(scope_.AddCounter("errors"))),
      retries_(with_.registry.control().counter(scope_.AddCounter("retries"))),
      loads_(std::move(surroundings.for_each_cluster)),
      complaints_(with_.clock, with_.warn),
      retry_(with_.timers.New()),
      next_(with_.timers.New()) {}

void Reporter::Connect() {
  const std::optional<client::Target> target = with_.target();
  if (!target) return Failed("there is no host");
  first_ = true;
  call_ = with_.caller.Call(*target,
                            {.path = "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats",
                             .metadata = source_.metadata,
                             .max_message = source_.max_message,
                             .limit_name = "envoy_grpc.max_receive_message_length",
                             .subscription = true},
                            *this);
  Report();
}

void Reporter::Report() {
  const base::MonotonicTime now = with_.clock.MonotonicNow();
  LoadStatsRequest report;
  if (std::exchange(first_, false) || !source_.node_once) *report.mutable_node() = with_.node;
  if (asked_) loads_.Report(asked_->by_host, now, report);
  call_->Send(report.SerializeAsString(), false);
  responses_->Increment();
  AwaitNext();
}

void Reporter::AwaitNext() {
  if (!asked_) return;
  loads_.Follow(asked_->clusters, asked_->all, with_.clock.MonotonicNow());
  next_->Set(asked_->interval, [this] { Report(); });
}

void Reporter::OnMessage(std::string message) {
  LoadStatsResponse response;
  if (!response.ParseFromString(message)) {
    call_.reset();
    return Failed("a message that is no LoadStatsResponse");
  }
  requests_->Increment();
  complaints_.Reset();
  asked_ = Asked{.clusters = {response.clusters().begin(), response.clusters().end()},
                 .all = response.send_all_clusters(),
                 .by_host = response.report_endpoint_granularity(),
                 .interval = IntervalOf(response.load_reporting_interval())};
  AwaitNext();
}

void Reporter::OnEnd(const codec::grpc::Status& status) {
  call_.reset();
  Failed(status.text());
}

void Reporter::Failed(const std::string& why) {
  complaints_.Say("load reports to " + source_.cluster + ": " + why + "; it is tried again");
  errors_->Increment();
  next_->Cancel();
  retry_->Set(kRetry, [this] {
    retries_->Increment();
    Connect();
  });
}

}  // namespace pillion::load_report
