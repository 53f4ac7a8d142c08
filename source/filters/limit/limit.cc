#include "source/filters/limit/limit.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "source/filter/request_attributes.h"
#include "source/filters/limit/answer.h"
#include "source/filters/limit/question.h"
#include "source/route/header_edits.h"
#include "source/stats/tags.h"

namespace pillion::filters::limit_rules {

using filter::Step;
using limit::Decision;
using limit::Stage;
using telemetry::ResponseFlag;

constexpr std::string_view kLabel = "limit_rule";

// Of one rule.
struct Counts {
  Counts(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix, const std::string& rule)
      : scope(registry, stats::Prefix(prefix).Add("limit").Add(kLabel, rule)),
        admitted(*shard.counter(scope.AddCounter("admitted"))),
        refused_by_window(*shard.counter(scope.AddCounter("refused_by_window"))),
        refused_by_bucket(*shard.counter(scope.AddCounter("refused_by_bucket"))),
        dry_run(*shard.counter(scope.AddCounter("dry_run"))),
        rejected(*shard.counter(scope.AddCounter("rejected"))),
        degraded(*shard.counter(scope.AddCounter("degraded"))),
        given_back(*shard.counter(scope.AddCounter("given_back"))),
        shared(*shard.counter(scope.AddCounter("shared"))),
        no_key(*shard.counter(scope.AddCounter("no_key"))) {
    scope.AddGaugeCallback("keys", [rule] { return CountsOf(rule).keys; });
    scope.AddGaugeCallback("keys_evicted", [rule] { return CountsOf(rule).evicted; });
    scope.AddGaugeCallback("keys_expired", [rule] { return CountsOf(rule).expired; });
  }

  stats::Scope scope;
  stats::Counter& admitted;
  stats::Counter& refused_by_window;
  stats::Counter& refused_by_bucket;
  stats::Counter& dry_run;
  stats::Counter& rejected;
  stats::Counter& degraded;
  stats::Counter& given_back;
  stats::Counter& shared;
  stats::Counter& no_key;
};

namespace {

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : config_(config), registry_(context.registry), stats_(context.stats), prefix_(context.stat_prefix) {
    for (const Rule& rule : config.settings().rules) own_.push_back(&CountsOfRule(rule));
  }

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

  Counts& Of(const Rule& rule) {
    const std::vector<Rule>& rules = config_.settings().rules;
    const bool is_own = !rules.empty() && &rule >= &rules.front() && &rule <= &rules.back();
    return is_own ? *own_[static_cast<size_t>(&rule - rules.data())] : CountsOfRule(rule);
  }

 private:
  Counts& CountsOfRule(const Rule& rule) {
    std::unique_ptr<Counts>& counts = counts_[rule.name];
    if (counts == nullptr) counts = std::make_unique<Counts>(registry_, stats_, prefix_, rule.name);
    return *counts;
  }

  const Config& config_;
  stats::Registry& registry_;
  stats::Shard& stats_;
  const stats::Prefix prefix_;
  absl::flat_hash_map<std::string, std::unique_ptr<Counts>> counts_;  // also of rules of routes
  std::vector<Counts*> own_;  // of the filter's rules
};

class Filter final : public filter::HttpFilter {
 public:
  // `more`: rules that are asked first.
  Filter(Shard& shard, const Settings& settings, std::span<const Rule> more)
      : shard_(shard), settings_(settings), more_(more) {}

  Step OnRequestHead(http::RequestHead& head, bool) override;
  Step OnResponseHead(http::ResponseHead& head, bool) override;
  void OnEnd() override;

 private:
  enum class Ask : uint8_t { kNext, kDone, kAnswered };

  Ask AskRule(const Rule& rule, const filter::RequestAttributes& request);
  // What that one refused.
  Ask Refuse(Asked& asked);
  void SendOn(const Degrade& degrade);
  void SendAnswer(const Answer& answer, std::string_view what, const Asked& asked);
  // What other rules have admitted of a request that is refused.
  void GiveBack();

  Shard& shard_;
  const Settings& settings_;
  const std::span<const Rule> more_;
  std::span<const Asked> asked_;
  Asked* room_ = nullptr;          // for as many as there are rules
  const Answer* answer_ = nullptr;  // null: it was not answered here
};

Step Filter::OnRequestHead(http::RequestHead&, bool) {
  base::Arena& arena = stream().arena();
  room_ = arena.NewArray<Asked>(more_.size() + settings_.rules.size());
  asked_ = {room_, 0};
  const filter::RequestAttributes request(stream());
  Ask last = Ask::kNext;
  for (const std::span<const Rule> rules : {more_, std::span<const Rule>(settings_.rules)}) {
    for (auto rule = rules.begin(); rule != rules.end() && last == Ask::kNext; ++rule) last = AskRule(*rule, request);
  }
  if (!asked_.empty()) stream().annotations().metadata.SetLater(arena, Notes::kSpace, *arena.New<Notes>(asked_));
  return last == Ask::kAnswered ? Step::kPause : Step::kContinue;
}

Filter::Ask Filter::AskRule(const Rule& rule, const filter::RequestAttributes& request) {
  base::Arena& arena = stream().arena();
  if (!Applies(rule, request, arena)) return Ask::kNext;
  Counts& counts = shard_.Of(rule);
  const std::optional<std::span<const std::string_view>> values = KeyOf(rule, request, arena);
  if (!values) {
    counts.no_key.Increment();
    return Ask::kNext;
  }
  const limit::Key key = limit::KeyOf(rule.state->secret, *values);
  const uint64_t cost = CostOf(rule, request, arena);
  const Decision decision = rule.state->limit.Decide(key, cost, stream().worker().now());
  if (decision.shared) counts.shared.Increment();
  Asked& asked = room_[asked_.size()];
  asked = {&rule, &counts, key, {}, cost, decision, Outcome::kAdmitted};
  asked_ = {room_, asked_.size() + 1};
  if (settings_.shows_values) {
    auto* const kept = arena.NewArray<std::string_view>(values->size());
    std::transform(values->begin(), values->end(), kept, [&](std::string_view value) { return arena.Copy(value); });
    asked.values = {kept, values->size()};
  }
  if (decision.allowed()) {
    counts.admitted.Increment();
    return settings_.first_decides && !rule.dry_run ? Ask::kDone : Ask::kNext;
  }
  (decision.refused_by == Stage::kWindow ? counts.refused_by_window : counts.refused_by_bucket).Increment();
  return Refuse(asked);
}

Filter::Ask Filter::Refuse(Asked& asked) {
  const Rule& rule = *asked.rule;
  if (rule.dry_run) {
    asked.counts->dry_run.Increment();
    asked.outcome = Outcome::kDryRun;
    return Ask::kNext;
  }
  if (!rule.degrade) {
    asked.counts->rejected.Increment();
    asked.outcome = Outcome::kRejected;
    GiveBack();
    SendAnswer(rule.reject, "limit_rejected", asked);
    return Ask::kAnswered;
  }
  asked.counts->degraded.Increment();
  asked.outcome = Outcome::kDegraded;
  if (rule.degrade->answer) {
    GiveBack();
    SendAnswer(*rule.degrade->answer, "limit_degraded", asked);
    return Ask::kAnswered;
  }
  SendOn(*rule.degrade);
  return settings_.first_decides ? Ask::kDone : Ask::kNext;
}

void Filter::SendOn(const Degrade& degrade) {
  stream().SendTo(degrade.cluster);
  if (degrade.request.empty()) return;
  telemetry::RequestRecord record;
  stream().Describe(record);
  route::ApplyHeaderEdits(degrade.request, record, stream().request().headers);
}

void Filter::SendAnswer(const Answer& answer, std::string_view what, const Asked& asked) {
  base::Arena& arena = stream().arena();
  answer_ = &answer;
  const bool explains = answer.body.empty() && asked.outcome == Outcome::kRejected;
  SendReply({.status = answer.status,
             .body = explains ? RefusalText(asked, arena) : std::string_view(answer.body),
             .flag = ResponseFlag::kRateLimited,
             .details = DetailsOf(what, asked, arena),
             .grpc_status = answer.grpc_status});
}

void Filter::GiveBack() {
  const base::MonotonicTime now = stream().worker().now();
  for (const Asked& asked : asked_) {
    if (!asked.decision.allowed()) continue;
    asked.rule->state->limit.GiveBack(asked.key, asked.cost, asked.decision, now);
    asked.counts->given_back.Increment();
  }
}

Step Filter::OnResponseHead(http::ResponseHead& head, bool) {
  if (answer_ != nullptr) {
    const Asked& refused = asked_.back();
    if (refused.outcome == Outcome::kRejected) AddRetryAfter(refused.decision, head.headers);
    if (settings_.fields != Fields::kNever) AddFigures(refused, head.headers);
    if (answer_->headers.empty()) return Step::kContinue;
    telemetry::RequestRecord record;
    stream().Describe(record);
    record.response = &head;
    record.response_code = static_cast<uint64_t>(head.status);
    route::ApplyHeaderEdits(answer_->headers, record, head.headers);
  } else if (settings_.fields == Fields::kAlways) {
    for (const Asked& asked : asked_) {
      if (!asked.rule->dry_run) AddFigures(asked, head.headers);
    }
  }
  return Step::kContinue;
}

// What a body costs is known now. A byte of it was charged when it was admitted.
void Filter::OnEnd() {
  const auto by_bytes = [](const Asked& asked) { return asked.rule->cost_of != CostOf::kRequests; };
  if (answer_ != nullptr || std::none_of(asked_.begin(), asked_.end(), by_bytes)) return;
  telemetry::RequestRecord record;
  stream().Describe(record);
  for (const Asked& asked : asked_) {
    if (!by_bytes(asked) || !asked.decision.allowed()) continue;
    const bool of_request = asked.rule->cost_of == CostOf::kRequestBytes;
    const uint64_t bytes = of_request ? record.bytes_received : record.bytes_sent;
    if (bytes > 1) asked.rule->state->limit.Charge(asked.key, bytes - 1, stream().worker().now());
  }
}

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  if (override_config == nullptr) {
    const Settings& settings = config_.settings();
    return settings.rules.empty() ? nullptr : stream.arena().New<Filter>(*this, settings, std::span<const Rule>());
  }
  const RouteSettings& route = static_cast<const RouteConfig&>(*override_config).settings();
  if (route.disabled) return nullptr;
  const Settings& settings = route.instead ? *route.instead : config_.settings();
  if (settings.rules.empty() && route.more.empty()) return nullptr;
  return stream.arena().New<Filter>(*this, settings, route.more);
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::limit_rules
