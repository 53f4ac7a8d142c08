#include "source/server/metrics_service.h"

#include <utility>
#include <vector>

#include "source/stats/format.h"
#include "source/stats/metric_family.h"

namespace pillion::server {
namespace {

using stats::MetricFamily;
using Type = MetricFamily::Type;

// The members of envoy.service.metrics.v3.StreamMetricsMessage, and of its Identifier.
constexpr uint32_t kIdentifier = 1;
constexpr uint32_t kMetrics = 2;
constexpr uint32_t kNode = 1;

constexpr size_t kMostAnswer = 64 * 1024;  // bytes: it says nothing

// The labels that we have of ourselves are called so in Prometheus only.
std::string LabelName(std::string_view label) {
  constexpr std::string_view kOwn = "envoy_";
  return label.starts_with(kOwn) ? "envoy." + std::string(label.substr(kOwn.size())) : std::string(label);
}

// What a metric is called, and its labels.
struct Named {
  std::string name;
  std::vector<std::string> label_names;
  std::vector<std::pair<std::string_view, std::string>> labels;
};

Named NameOf(const stats::Description& description, const stats::Rules& rules, bool with_labels) {
  Named named{.name = description.name(), .label_names = {}, .labels = {}};
  if (!with_labels) return named;
  stats::TaggedName tagged = stats::TakeTags(named.name, description.tags(), rules);
  named.name = std::move(tagged.name);
  for (const auto& label : tagged.labels) named.label_names.push_back(LabelName(label.first));
  for (size_t i = 0; i < tagged.labels.size(); ++i) {
    named.labels.emplace_back(named.label_names[i], std::move(tagged.labels[i].second));
  }
  return named;
}

}  // namespace

MetricsService::MetricsService(const config::MetricsService& config, Surroundings surroundings)
    : config_(config), with_(std::move(surroundings)) {}

void MetricsService::AddMetrics(const stats::Snapshot& snapshot,
                                const std::function<void(const std::string& family)>& take) {
  const int64_t now =
      std::chrono::duration_cast<std::chrono::milliseconds>(with_.clock.WallNow().time_since_epoch()).count();
  absl::flat_hash_map<std::string, uint64_t> told;
  for (const stats::Snapshot::Number& number : snapshot.numbers) {
    const Named named = NameOf(*number.description, *snapshot.rules, config_.labels);
    const bool gauge = number.description->kind == stats::Kind::kGauge;
    MetricFamily family(named.name, gauge ? Type::kGauge : Type::kCounter);
    if (gauge) {
      family.AddNumber(named.labels, stats::GaugeNumber(number.gauge), now);
    } else {
      uint64_t value = number.counter;
      if (config_.deltas) {
        std::string key = number.description->name();
        const auto before = sent_.find(key);
        // Less than before: it was set to zero in between.
        if (before != sent_.end() && number.counter >= before->second) value -= before->second;
        told.insert_or_assign(std::move(key), number.counter);
      }
      family.AddNumber(named.labels, static_cast<double>(value), now);
    }
    take(family.bytes());
  }
  // What is gone, with its cluster, say, is forgotten: another one of that name begins at zero.
  sent_ = std::move(told);
  for (const stats::Snapshot::Distribution& histogram : snapshot.histograms) {
    const Named named = NameOf(*histogram.description, *snapshot.rules, config_.labels);
    // Whatever counters say, as Envoy has it: what is told again and again adds up.
    if (config_.summaries) {
      MetricFamily family(named.name, Type::kSummary);
      family.AddSummary(named.labels, histogram.interval, now);
      take(family.bytes());
    }
    if (config_.histograms) {
      MetricFamily family(named.name, Type::kHistogram);
      family.AddHistogram(named.labels, histogram.interval, histogram.bounds(), now);
      take(family.bytes());
    }
  }
}

bool MetricsService::Flush(const stats::Snapshot& snapshot) {
  std::string message;
  // Of a service that ends each call, as one that there is not does, nothing is over.
  if (call_ != nullptr && open_) said_ = false;
  if (call_ == nullptr) {
    std::optional<client::Target> target = with_.target();
    if (!target) {
      if (!std::exchange(said_, true)) with_.warn("metrics service " + config_.cluster + ": there is no host");
      return false;
    }
    target->authority = config_.authority;
    open_ = false;
    call_ = with_.caller.Call(*target,
                              {.path = "/envoy.service.metrics.v3.MetricsService/StreamMetrics",
                               .metadata = config_.metadata,
                               .max_message = kMostAnswer,
                               .subscription = true},
                              *this);
    // In the first message of a call alone.
    std::string identifier;
    stats::AppendMessageField(identifier, kNode, with_.node);
    stats::AppendMessageField(message, kIdentifier, identifier);
  }
  size_t metrics = 0;
  AddMetrics(snapshot, [&](const std::string& family) {
    stats::AppendMessageField(message, kMetrics, family);
    if (++metrics != config_.batch) return;
    call_->Send(std::exchange(message, {}), false);
    metrics = 0;
  });
  if (!message.empty()) call_->Send(std::move(message), false);
  return true;
}

void MetricsService::OnEnd(const codec::grpc::Status& status) {
  call_.reset();
  if (!std::exchange(said_, true)) {
    with_.warn("metrics service " + config_.cluster + ": " + status.text() + "; the next flush tries again");
  }
}

}  // namespace pillion::server
