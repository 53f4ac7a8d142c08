// What a cluster tracks of attempts where it is asked to (track_cluster_stats): sizes, and which part of a timeout they
// took.

#include <optional>
#include <utility>

#include "source/http/load_report.h"
#include "source/proxy/stream.h"
#include "source/proxy/upstream_request.h"
#include "source/upstream/reported_weights.h"

namespace pillion::proxy {
namespace {

// As HTTP/2 has a head: what stands in the start line is fields, too.
struct HeadSize {
  uint64_t bytes = 0;
  uint64_t fields = 0;

  void Add(std::string_view name, std::string_view value) {
    bytes += name.size() + value.size();
    ++fields;
  }
  void Add(const http::HeaderMap& headers) {
    for (const http::HeaderField& field : headers) Add(field.name(), field.value());
  }
};

HeadSize SizeOf(const http::RequestHead& head) {
  HeadSize size;
  if (!head.authority.empty()) size.Add(":authority", head.authority);
  size.Add(":method", head.method);
  if (!head.path.empty()) size.Add(":path", head.path);
  if (!head.scheme.empty()) size.Add(":scheme", head.scheme);
  size.Add(head.headers);
  return size;
}

uint64_t PercentOf(base::Duration took, base::Duration timeout) {
  if (timeout <= base::Duration::zero() || took <= base::Duration::zero()) return 0;
  return static_cast<uint64_t>(100 * took / timeout);
}

}  // namespace

void UpstreamRequest::ReadLoad(const http::HeaderMap& fields) {
  const config::ReportedWeighting& weights = *serving_->config().load_balancing.reported_weights;
  const std::optional<http::LoadReport> report = http::FindLoadReport(fields, weights.metrics);
  const uint32_t weight = report ? upstream::WeightOf(*report, weights.error_penalty) : 0;
  if (weight > 0) host_->Report(weight, stream_.context().worker.now());
}

void UpstreamRequest::TrackHead(const http::ResponseHead& head) {
  HeadSize size;
  size.Add(":status", "200");  // any has three digits
  size.Add(head.headers);
  answer_head_ = size.bytes;
  answer_fields_ = size.fields;
}

void UpstreamRequest::TrackWhole() {
  const std::optional<upstream::BudgetStats>& budgets = cluster_->stats().budgets;
  if (!budgets) [[likely]] return;
  const base::MonotonicTime since = stream_.request_ended();
  const base::Duration took = since == base::MonotonicTime{} ? base::Duration::zero()
                                                             : stream_.context().worker.now() - since;
  budgets->upstream_rq_timeout_budget_percent_used->Record(PercentOf(took, stream_.terms().timeout));
}

void UpstreamRequest::Track() {
  upstream::ClusterStats& stats = cluster_->stats();
  if ((!stats.budgets && !stats.sizes) || std::exchange(tracked_, true)) [[likely]] return;
  if (stats.budgets) {
    stats.budgets->upstream_rq_timeout_budget_per_try_percent_used->Record(
        PercentOf(stream_.context().worker.now() - began_, stream_.terms().per_try_timeout));
  }
  if (!stats.sizes) return;
  const HeadSize request = SizeOf(stream_.request());
  stats.sizes->upstream_rq_headers_size->Record(request.bytes);
  stats.sizes->upstream_rq_headers_count->Record(request.fields);
  stats.sizes->upstream_rq_body_size->Record(body_sent_);
  if (answer_head_ == 0) return;
  stats.sizes->upstream_rs_headers_size->Record(answer_head_);
  stats.sizes->upstream_rs_headers_count->Record(answer_fields_);
  stats.sizes->upstream_rs_body_size->Record(body_received_);
}

}  // namespace pillion::proxy
