#include "source/filters/limit/limit.h"

#include <algorithm>

#include "source/filter/request_attributes.h"
#include "source/filters/limit/answer.h"
#include "source/filters/limit/question.h"
#include "source/filters/rules/counts.h"
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
        no_key(*shard.counter(scope.AddCounter("no_key"))),
        queued(*shard.counter(scope.AddCounter("queued"))),
        queue_granted(*shard.counter(scope.AddCounter("queue_granted"))),
        queue_full(*shard.counter(scope.AddCounter("queue_full"))),
        queue_timed_out(*shard.counter(scope.AddCounter("queue_timed_out"))),
        queue_too_late(*shard.counter(scope.AddCounter("queue_too_late"))),
        queue_left(*shard.counter(scope.AddCounter("queue_left"))),
        queue_wait(*shard.histogram(scope.AddHistogram("queue_wait_ms"))) {
    scope.AddGaugeCallback("queue_waiting", [rule] { return WaitingFor(rule); });
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
  stats::Counter& queued;
  stats::Counter& queue_granted;
  stats::Counter& queue_full;
  stats::Counter& queue_timed_out;
  stats::Counter& queue_too_late;
  stats::Counter& queue_left;
  stats::Histogram& queue_wait;
};

namespace {

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : config_(config), counts_(config.settings().rules, context) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

  Counts& Of(const Rule& rule) { return counts_.Of(rule); }

 private:
  const Config& config_;
  rules::CountsByRule<Counts, Rule> counts_;
};

// | a request is | since | until |
// |---|---|---|
// | being asked about | OnRequestHead() | no rule is left, one decides, or refuses it, or has it wait |
// | waiting | then | OnWaitEnded(): the rules behind are asked. OnEnd(), or somebody else answers it: it leaves |
class Filter final : public filter::HttpFilter, private Waiting {
 public:
  Filter(Shard& shard, const InForce& terms, base::Arena& arena)
      : shard_(shard), settings_(terms.settings), more_(terms.more), asked_(*arena.New<std::span<const Asked>>()) {}

  Step OnRequestHead(http::RequestHead& head, bool) override;
  Step OnResponseHead(http::ResponseHead& head, bool) override;
  void OnEnd() override;

 private:
  enum class Ask : uint8_t { kNext, kDone, kWaits, kAnswered };

  size_t rule_count() const { return more_.size() + settings_.rules.size(); }
  const Rule& RuleAt(size_t index) const {
    return index < more_.size() ? more_[index] : settings_.rules[index - more_.size()];
  }

  // Those that are left, until one says more than kNext.
  Ask AskRules();
  Ask AskRule(const Rule& rule, const filter::RequestAttributes& request);
  // What is left of its limit; or of a place to wait.
  Ask Decide(Asked& asked, const filter::RequestAttributes& request);
  WaitingRoom::Request Waiter(const Asked& asked, const filter::RequestAttributes& request);
  Ask Admit(Asked& asked);
  // What that one refused. `why`: it may have waited; empty: it may not.
  Ask Refuse(Asked& asked, std::string_view why);
  void OnWaitEnded(WaitEnd end, const Decision& decision) override;
  void StopWaiting();
  void SendAnswer(const Answer& answer, std::string_view what, std::string_view why, const Asked& asked);
  // What other rules have admitted of a request that is refused.
  void GiveBack();
  bool waits() const { return !asked_.empty() && asked_.back().outcome == Outcome::kWaiting; }
  base::MonotonicTime now() const { return stream().worker().now(); }

  Shard& shard_;
  const Settings& settings_;
  const std::vector<Rule>& more_;  // asked first
  std::span<const Asked>& asked_;  // in the arena: the notes may outlive this
  Asked* room_ = nullptr;          // for as many as there are rules
  size_t next_ = 0;                // of the rules
  const Answer* answer_ = nullptr;  // null: it was not answered here
  bool given_back_ = false;
  base::MonotonicTime waits_since_;
  std::optional<base::MonotonicTime> deadline_;  // as it was when the request waited first
};

Step Filter::OnRequestHead(http::RequestHead&, bool) {
  base::Arena& arena = stream().arena();
  room_ = arena.NewArray<Asked>(rule_count());
  asked_ = {room_, 0};
  const Ask last = AskRules();
  if (!asked_.empty()) stream().annotations().metadata.SetLater(arena, Notes::kSpace, *arena.New<Notes>(asked_));
  return last == Ask::kAnswered || last == Ask::kWaits ? Step::kPause : Step::kContinue;
}

Filter::Ask Filter::AskRules() {
  const filter::RequestAttributes request(stream());
  Ask last = Ask::kNext;
  while (next_ < rule_count() && last == Ask::kNext) last = AskRule(RuleAt(next_++), request);
  return last;
}

Filter::Ask Filter::AskRule(const Rule& rule, const filter::RequestAttributes& request) {
  base::Arena& arena = stream().arena();
  if (!Applies(rule, request, arena)) return Ask::kNext;
  Counts& counts = shard_.Of(rule);
  const std::optional<std::span<const std::string_view>> values = KeyOf(rule.key, request, arena);
  if (!values) {
    counts.no_key.Increment();
    return Ask::kNext;
  }
  Asked& asked = room_[asked_.size()];
  const limit::Key key = limit::KeyOf(rule.state->secret, *values);
  asked = {&rule, &counts, key, {}, CostOf(rule, request, arena), {}, Outcome::kAdmitted};
  asked_ = {room_, asked_.size() + 1};
  if (settings_.shows_values) {
    auto* const kept = arena.NewArray<std::string_view>(values->size());
    std::transform(values->begin(), values->end(), kept, [&](std::string_view value) { return arena.Copy(value); });
    asked.values = {kept, values->size()};
  }
  return Decide(asked, request);
}

Filter::Ask Filter::Decide(Asked& asked, const filter::RequestAttributes& request) {
  const Rule& rule = *asked.rule;
  if (!rule.queue || !rule.queue->room->busy()) {
    asked.decision = rule.state->limit.Decide(asked.key, asked.cost, now());
    if (asked.decision.allowed()) return Admit(asked);
    if (!rule.queue) return Refuse(asked, "");
  }
  const WaitingRoom::Entered entered = rule.queue->room->Enter(stream().worker(), *this, Waiter(asked, request));
  asked.decision = entered.decision;
  switch (entered.how) {
    case WaitingRoom::Entered::How::kAdmitted:
      return Admit(asked);
    case WaitingRoom::Entered::How::kWaits:
      asked.outcome = Outcome::kWaiting;
      asked.counts->queued.Increment();
      waits_since_ = now();
      return Ask::kWaits;
    case WaitingRoom::Entered::How::kRefused:
      break;
  }
  const bool full = entered.why == WaitEnd::kFull;
  (full ? asked.counts->queue_full : asked.counts->queue_too_late).Increment();
  return Refuse(asked, full ? "queue_full" : "queue_too_late");
}

WaitingRoom::Request Filter::Waiter(const Asked& asked, const filter::RequestAttributes& request) {
  base::Arena& arena = stream().arena();
  const Queue& queue = *asked.rule->queue;
  WaitingRoom::Request waiter = {.key = asked.key,
                                 .fair_key = asked.key,
                                 .cost = asked.cost,
                                 .priority = PriorityOf(queue, request, arena),
                                 .deadline = limit::FairQueue::kNever};
  if (!queue.fair_by.empty()) {
    // Those without are one of those between whom it is fair.
    const auto values = KeyOf(queue.fair_by, request, arena);
    waiter.fair_key = limit::KeyOf(asked.rule->state->secret, values.value_or(std::span<const std::string_view>()));
  }
  if (!deadline_) {
    const std::optional<base::Duration> left = TimeLeft(request, arena);
    deadline_ = left ? now() + *left : limit::FairQueue::kNever;
  }
  waiter.deadline = *deadline_;
  return waiter;
}

Filter::Ask Filter::Admit(Asked& asked) {
  if (asked.decision.shared) asked.counts->shared.Increment();
  asked.counts->admitted.Increment();
  asked.outcome = Outcome::kAdmitted;
  return settings_.first_decides && !asked.rule->dry_run ? Ask::kDone : Ask::kNext;
}

Filter::Ask Filter::Refuse(Asked& asked, std::string_view why) {
  const Rule& rule = *asked.rule;
  Counts& counts = *asked.counts;
  if (asked.decision.shared) counts.shared.Increment();
  (asked.decision.refused_by == Stage::kWindow ? counts.refused_by_window : counts.refused_by_bucket).Increment();
  if (!rule.key.empty()) rule.state->refused.Note(asked.key, now(), [&] { return ValuesText(asked, stream().arena()); });
  if (rule.dry_run) {
    counts.dry_run.Increment();
    asked.outcome = Outcome::kDryRun;
    return Ask::kNext;
  }
  if (!rule.degrade) {
    counts.rejected.Increment();
    asked.outcome = Outcome::kRejected;
    GiveBack();
    SendAnswer(rule.reject, "limit_rejected", why, asked);
    return Ask::kAnswered;
  }
  counts.degraded.Increment();
  asked.outcome = Outcome::kDegraded;
  if (rule.degrade->answer) {
    GiveBack();
    SendAnswer(*rule.degrade->answer, "limit_degraded", why, asked);
    return Ask::kAnswered;
  }
  rules::SendOn(stream(), *rule.degrade);
  return settings_.first_decides ? Ask::kDone : Ask::kNext;
}

void Filter::OnWaitEnded(WaitEnd end, const Decision& decision) {
  Asked& asked = room_[asked_.size() - 1];
  asked.decision = decision;
  const base::Duration waited = now() - waits_since_;
  asked.counts->queue_wait.Record(static_cast<uint64_t>(std::chrono::round<std::chrono::milliseconds>(waited).count()));
  Ask last;
  if (end == WaitEnd::kGranted) {
    asked.counts->queue_granted.Increment();
    last = Admit(asked);
  } else {
    const bool full = end == WaitEnd::kFull;
    (full ? asked.counts->queue_full : asked.counts->queue_timed_out).Increment();
    last = Refuse(asked, full ? "queue_full" : "queue_timed_out");
  }
  if (last == Ask::kNext) last = AskRules();
  if (last == Ask::kNext || last == Ask::kDone) ContinueRequest();
}

// Somebody else has answered the request, or it is over.
void Filter::StopWaiting() {
  Asked& asked = room_[asked_.size() - 1];
  asked.rule->queue->room->Leave(*this);
  asked.counts->queue_left.Increment();
  asked.outcome = Outcome::kLeft;
  GiveBack();
}

void Filter::SendAnswer(const Answer& answer, std::string_view what, std::string_view why, const Asked& asked) {
  base::Arena& arena = stream().arena();
  answer_ = &answer;
  const bool explains = answer.body.empty() && asked.outcome == Outcome::kRejected;
  SendReply({.status = answer.status,
             .body = explains ? RefusalText(asked, why, arena) : std::string_view(answer.body),
             .flag = ResponseFlag::kRateLimited,
             .details = DetailsOf(what, why, asked, arena),
             .grpc_status = answer.grpc_status});
}

void Filter::GiveBack() {
  given_back_ = true;
  for (const Asked& asked : asked_) {
    if (asked.outcome != Outcome::kAdmitted) continue;
    asked.rule->state->limit.GiveBack(asked.key, asked.cost, asked.decision, now());
    asked.counts->given_back.Increment();
  }
}

Step Filter::OnResponseHead(http::ResponseHead& head, bool) {
  if (waits()) StopWaiting();
  if (answer_ != nullptr) {
    const Asked& refused = asked_.back();
    if (refused.outcome == Outcome::kRejected) AddRetryAfter(refused.decision, head.headers);
    if (settings_.fields != Fields::kNever) AddFigures(refused, head.headers);
    rules::EditHead(stream(), *answer_, head);
  } else if (settings_.fields == Fields::kAlways) {
    for (const Asked& asked : asked_) {
      if (!asked.rule->dry_run && asked.outcome != Outcome::kLeft) AddFigures(asked, head.headers);
    }
  }
  return Step::kContinue;
}

// What a body costs is known now. A byte of it was charged when it was admitted.
void Filter::OnEnd() {
  if (waits()) StopWaiting();
  const auto by_bytes = [](const Asked& asked) { return asked.rule->cost_of != CostOf::kRequests; };
  if (given_back_ || std::none_of(asked_.begin(), asked_.end(), by_bytes)) return;
  telemetry::RequestRecord record;
  stream().Describe(record);
  for (const Asked& asked : asked_) {
    if (!by_bytes(asked) || asked.outcome != Outcome::kAdmitted) continue;
    const bool of_request = asked.rule->cost_of == CostOf::kRequestBytes;
    const uint64_t bytes = of_request ? record.bytes_received : record.bytes_sent;
    if (bytes > 1) asked.rule->state->limit.Charge(asked.key, bytes - 1, now());
  }
}

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  const InForce terms(config_.settings(), override_config);
  if (terms.disabled || (terms.settings.rules.empty() && terms.more.empty())) return nullptr;
  return stream.arena().New<Filter>(*this, terms, stream.arena());
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::limit_rules
