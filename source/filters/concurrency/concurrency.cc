#include "source/filters/concurrency/concurrency.h"

#include <array>
#include <functional>
#include <map>

#include "source/config/route.h"
#include "source/expression/evaluator.h"
#include "source/filter/request_attributes.h"
#include "source/filters/concurrency/limits.h"
#include "source/http/syntax.h"
#include "source/metadata/annotations.h"
#include "source/stats/tags.h"

namespace pillion::filters::concurrency {
namespace {

using filter::Step;
using limit::ConcurrencyLimit;
using limit::kPriorities;
using limit::Priority;
using http::HeaderId;

constexpr std::string_view kSpace = "pillion.concurrency";
constexpr std::string_view kLimitName = "concurrency_limit";  // a label
constexpr std::array<std::string_view, kPriorities> kNames = {"CRITICAL", "HIGH", "NORMAL", "LOW"};
constexpr std::array<std::string_view, kPriorities> kRefused = {"refused_critical", "refused_high", "refused_normal",
                                                                "refused_low"};

std::string_view NameOf(Priority priority) { return kNames[static_cast<size_t>(priority)]; }

uint64_t Microseconds(base::Duration time) { return static_cast<uint64_t>(time / std::chrono::microseconds(1)); }

uint64_t Milliseconds(base::Duration time) {
  return static_cast<uint64_t>(std::chrono::round<std::chrono::milliseconds>(time).count());
}

// A limit as one worker has it, with what it counts.
class Part {
 public:
  using Figures = ConcurrencyLimit::Figures;

  // `of_manager`: what the connection manager's counters begin with.
  Part(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& of_manager, const Config& config,
       std::string_view cluster)
      : limit_(FindLimit(config.key(), cluster, config.settings().terms)),
        scope_(registry, PrefixOf(of_manager, config.settings(), cluster)) {
    if (config.settings().adaptive) {
      refused_.fill(shard.counter(scope_.AddCounter("rq_blocked")));
      Show("concurrency_limit", [](const Figures& figures) { return uint64_t{figures.limit}; });
      Show("min_rtt_msecs", [](const Figures& figures) { return Milliseconds(figures.unloaded_latency); });
      Show("sample_rtt_msecs", [](const Figures& figures) { return Milliseconds(figures.latency); });
      return;
    }
    admitted_ = shard.counter(scope_.AddCounter("admitted"));
    for (size_t i = 0; i < kPriorities; ++i) refused_[i] = shard.counter(scope_.AddCounter(kRefused[i]));
    Show("limit", [](const Figures& figures) { return uint64_t{figures.limit}; });
    Show("in_flight", [](const Figures& figures) { return uint64_t{figures.in_flight}; });
    Show("latency_us", [](const Figures& figures) { return Microseconds(figures.latency); });
    Show("unloaded_latency_us", [](const Figures& figures) { return Microseconds(figures.unloaded_latency); });
  }

  ConcurrencyLimit& limit() { return *limit_; }
  void CountAdmitted() {
    if (admitted_ != nullptr) admitted_->Increment();
  }
  void CountRefused(Priority priority) { refused_[static_cast<size_t>(priority)]->Increment(); }

 private:
  static stats::Prefix PrefixOf(stats::Prefix of_manager, const Settings& settings, std::string_view cluster) {
    if (settings.adaptive) return of_manager.Add("adaptive_concurrency").Add("gradient_controller");
    stats::Prefix prefix("concurrency");
    prefix.Add(kLimitName, settings.name);
    if (!cluster.empty()) prefix.Add(stats::kClusterName, cluster);
    return prefix;
  }
  void Show(std::string_view name, uint64_t (*read)(const Figures&)) {
    scope_.AddGaugeCallback(name, [limit = limit_, read] { return read(limit->figures()); });
  }

  const std::shared_ptr<ConcurrencyLimit> limit_;
  stats::Scope scope_;
  stats::Counter* admitted_ = nullptr;  // null: it is not counted
  std::array<stats::Counter*, kPriorities> refused_;
};

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : config_(config), registry_(context.registry), stats_(context.stats), prefix_(context.stat_prefix) {
    if (!config.settings().per_cluster) own_ = &PartOf(config, {});
  }

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

  // Routes may bring others; they are kept as long as the filter.
  Part& PartOf(const Config& config, std::string_view cluster) {
    if (own_ != nullptr && &config == &config_) [[likely]] return *own_;
    auto& parts = parts_[config.key()];
    const auto found = parts.find(cluster);
    if (found != parts.end()) return *found->second;
    return *(parts[std::string(cluster)] = std::make_unique<Part>(registry_, stats_, prefix_, config, cluster));
  }

 private:
  const Config& config_;
  stats::Registry& registry_;
  stats::Shard& stats_;
  const stats::Prefix prefix_;
  std::map<std::string, std::map<std::string, std::unique_ptr<Part>, std::less<>>, std::less<>> parts_;
  Part* own_ = nullptr;  // where there is one for all clusters
};

// | state                     | by                                          | the ticket                                |
// |---------------------------|---------------------------------------------|-------------------------------------------|
// | none                      |                                             | none                                      |
// | admitted                  | the head of the request                     | held                                      |
// | sent                      | the end of the request                      | held; the latency counts from here        |
// | answered                  | the head of an answer from upstream         | ended with the latency, unless it failed  |
// | given up                  | an answer made here, the end of the stream  | ended with the time that it has waited    |
class Filter final : public filter::HttpFilter {
 public:
  Filter(Shard& shard, const Config& config, std::optional<Priority> priority)
      : shard_(shard), config_(config), settings_(config.settings()), priority_(priority) {}

  Step OnRequestHead(http::RequestHead&, bool end) override {
    if (settings_.adaptive && Passes(*settings_.adaptive)) return Step::kContinue;
    std::string_view cluster;
    if (settings_.per_cluster) {
      cluster = stream().cluster_stat_name();
      if (cluster.empty()) return Step::kContinue;  // it goes nowhere
    }
    part_ = &shard_.PartOf(config_, cluster);
    const Priority priority = priority_ ? *priority_ : Ask();
    ticket_ = part_->limit().Admit(priority, now());
    if (!ticket_) return Refuse(priority);
    part_->CountAdmitted();
    if (end) sent_at_ = now();
    return Step::kContinue;
  }
  Step OnRequestData(base::Slice&, bool end) override {
    if (end) sent_at_ = now();
    return Step::kContinue;
  }
  Step OnRequestTrailers(http::HeaderMap&) override {
    sent_at_ = now();
    return Step::kContinue;
  }
  void OnAttempt(http::RequestHead&, const filter::Attempt& attempt) override { attempts_ = attempt.number; }

  Step OnResponseHead(http::ResponseHead& head, bool) override {
    if (!ticket_ || (head.status < 200 && head.status != 101)) return Step::kContinue;
    if (!IsFromUpstream()) {
      End(ConcurrencyLimit::Outcome::kAbandoned);
    } else {
      End(IsError(head) ? ConcurrencyLimit::Outcome::kUnknown : ConcurrencyLimit::Outcome::kAnswered);
    }
    return Step::kContinue;
  }

  void OnEnd() override {
    if (ticket_) End(ConcurrencyLimit::Outcome::kAbandoned);
  }

 private:
  base::MonotonicTime now() const { return stream().worker().now(); }

  // Health checks say nothing of requests.
  bool Passes(const Adaptive& adaptive) {
    if (!(adaptive.key == nullptr ? adaptive.enabled : adaptive.key->Flag(adaptive.enabled))) return true;
    telemetry::RequestRecord record;
    stream().Describe(record);
    return record.health_check;
  }

  bool IsFromUpstream() {
    if (stream().flags().empty()) return true;  // or was made here before any attempt
    telemetry::RequestRecord record;
    stream().Describe(record);
    return record.response_code_details == "via_upstream";
  }

  // What fails is quick or slow for other reasons than who succeeds. gRPC: UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED,
  // INTERNAL, UNAVAILABLE.
  static bool IsError(const http::ResponseHead& head) {
    const std::string_view status = head.headers.Get(HeaderId::kGrpcStatus);
    return head.status >= 500 || status == "2" || status == "4" || status == "8" || status == "13" || status == "14";
  }

  Priority Ask() {
    if (settings_.priority == nullptr) return settings_.default_priority;
    const filter::RequestAttributes attributes(stream());
    const expression::Value value = expression::Evaluate(*settings_.priority, attributes, stream().arena());
    constexpr int64_t kLast = kPriorities - 1;
    switch (value.kind()) {
      case expression::Kind::kInt:
        if (value.int_value() < 0) return settings_.default_priority;
        return static_cast<Priority>(std::min(value.int_value(), kLast));
      case expression::Kind::kUint:
        return static_cast<Priority>(std::min<uint64_t>(value.uint_value(), kLast));
      case expression::Kind::kString:
        for (size_t i = 0; i < kPriorities; ++i) {
          if (http::EqualsIgnoreCase(value.text(), kNames[i])) return static_cast<Priority>(i);
        }
        return settings_.default_priority;
      default:
        return settings_.default_priority;
    }
  }

  Step Refuse(Priority priority) {
    part_->CountRefused(priority);
    if (settings_.adaptive) {
      SendReply({.status = settings_.status, .body = "reached concurrency limit", .details = "reached_concurrency_limit"});
      return Step::kPause;
    }
    const ConcurrencyLimit::Figures figures = part_->limit().figures();
    const auto note = [&](std::string_view key, const metadata::Value& value) {
      (void)stream().annotations().metadata.SetKept(stream().arena(), kSpace, key, value);
    };
    note("priority", metadata::Value::Text(NameOf(priority)));
    note("limit", metadata::Value::Number(figures.limit));
    note("in_flight", metadata::Value::Number(figures.in_flight));
    (void)stream().annotations().metadata.Set(stream().arena(), kSpace, "name", metadata::Value::Text(settings_.name));
    retry_after_[0] = {"retry-after", settings_.retry_after};
    SendReply({.status = settings_.status,
               .body = "too many requests are in flight",
               .flag = telemetry::ResponseFlag::kUpstreamOverflow,
               .details = "concurrency_limit",
               .headers = std::span(retry_after_).first(settings_.retry_after.empty() ? 0 : 1)});
    return Step::kPause;
  }

  // Time counts from the end of the request, so that those who send slowly say nothing of upstream; what was tried more than
  // once, or nowhere, says nothing either.
  void End(ConcurrencyLimit::Outcome outcome) {
    if (attempts_ != 1 || !sent_at_) outcome = ConcurrencyLimit::Outcome::kUnknown;
    const base::Duration latency = sent_at_ ? base::Duration(now() - *sent_at_) : base::Duration::zero();
    part_->limit().End(*ticket_, outcome, latency, now());
    ticket_.reset();
  }

  Shard& shard_;
  const Config& config_;
  const Settings& settings_;
  const std::optional<Priority> priority_;
  Part* part_ = nullptr;
  std::optional<ConcurrencyLimit::Ticket> ticket_;
  std::optional<base::MonotonicTime> sent_at_;
  uint32_t attempts_ = 0;
  std::array<std::pair<std::string_view, std::string_view>, 1> retry_after_;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  const Config* config = &config_;
  std::optional<Priority> priority;
  if (override_config != nullptr) {
    const auto& route = static_cast<const RouteConfig&>(*override_config);
    if (route.disabled()) return nullptr;
    priority = route.priority();
    if (route.instead() != nullptr) config = route.instead();
  }
  return stream.arena().New<Filter>(*this, *config, priority);
}

}  // namespace

Config::Config(Settings settings)
    : settings_(std::move(settings)),
      key_(LimitKey(settings_.name, settings_.terms)),
      kept_(settings_.per_cluster ? nullptr : FindLimit(key_, {}, settings_.terms)) {}

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::concurrency
