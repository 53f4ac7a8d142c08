#include "source/filters/degradation/degradation.h"

#include <algorithm>

#include "source/expression/evaluator.h"
#include "source/filter/request_attributes.h"
#include "source/filters/degradation/answer.h"
#include "source/filters/degradation/keys.h"
#include "source/filters/degradation/transition_log.h"
#include "source/filters/degradation/verdict.h"
#include "source/filters/rules/counts.h"
#include "source/stats/tags.h"

namespace pillion::filters::degradation_rules {

using degradation::Breakers;
using degradation::Change;
using degradation::Changes;
using degradation::Verdict;
using filter::Step;
using telemetry::ResponseFlag;

constexpr std::string_view kLabel = "degradation_rule";

// Of one rule.
struct Counts {
  Counts(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix, const std::string& rule)
      : scope(registry, stats::Prefix(prefix).Add("degradation").Add(kLabel, rule)),
        passed(*shard.counter(scope.AddCounter("passed"))),
        probes(*shard.counter(scope.AddCounter("probes"))),
        refused(*shard.counter(scope.AddCounter("refused"))),
        dry_run(*shard.counter(scope.AddCounter("dry_run"))),
        rejected(*shard.counter(scope.AddCounter("rejected"))),
        degraded(*shard.counter(scope.AddCounter("degraded"))),
        good(*shard.counter(scope.AddCounter("good"))),
        bad(*shard.counter(scope.AddCounter("bad"))),
        broken_off(*shard.counter(scope.AddCounter("broken_off"))),
        unknown(*shard.counter(scope.AddCounter("unknown"))),
        late(*shard.counter(scope.AddCounter("late"))),
        no_room(*shard.counter(scope.AddCounter("no_room"))),
        to{shard.counter(scope.AddCounter("closed")), shard.counter(scope.AddCounter("opened")),
           shard.counter(scope.AddCounter("half_opened")), shard.counter(scope.AddCounter("recovering"))} {
    scope.AddGaugeCallback("breakers", [rule] { return uint64_t{CountsOf(rule).breakers}; });
    const auto show = [&](std::string_view name, degradation::State state) {
      const auto index = static_cast<size_t>(state);
      scope.AddGaugeCallback(name, [rule, index] { return uint64_t{CountsOf(rule).by_state[index]}; });
    };
    show("breakers_open", degradation::State::kOpen);
    show("breakers_half_open", degradation::State::kHalfOpen);
    show("breakers_recovering", degradation::State::kRecovering);
  }

  stats::Scope scope;
  stats::Counter& passed;
  stats::Counter& probes;
  stats::Counter& refused;
  stats::Counter& dry_run;
  stats::Counter& rejected;
  stats::Counter& degraded;
  stats::Counter& good;
  stats::Counter& bad;
  stats::Counter& broken_off;
  stats::Counter& unknown;
  stats::Counter& late;
  stats::Counter& no_room;
  std::array<stats::Counter*, 4> to;  // by state: that a breaker came to it
};

namespace {

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : config_(config), counts_(config.settings().rules, context) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

  Counts& Of(const Rule& rule) { return counts_.Of(rule); }
  Breakers::Key KeyOf(const Rule& rule, filter::StreamContext& stream) { return keys_.Of(rule.per, stream); }

 private:
  const Config& config_;
  rules::CountsByRule<Counts, Rule> counts_;
  Keys keys_;
};

// | a pass of the request   | ends                                                                                   |
// |-------------------------|----------------------------------------------------------------------------------------|
// | asked for at the head   | at the head of an answer, if that says how it went                                     |
// | of a call of gRPC       | else with the stream: the call's status comes behind the body                          |
// | that had no answer      | with the stream, or the answer that is made for want of one                            |
// | given up                | when another rule refuses the request, or it goes to another cluster: nothing is known |
class Filter final : public filter::HttpFilter {
 public:
  Filter(Shard& shard, const InForce& terms, base::Arena& arena)
      : shard_(shard), settings_(terms.settings), more_(terms.more), asked_(*arena.New<std::span<Asked>>()) {}

  Step OnRequestHead(http::RequestHead&, bool end) override;
  Step OnRequestData(base::Slice&, bool end) override {
    if (end) sent_at_ = now();
    return Step::kContinue;
  }
  Step OnRequestTrailers(http::HeaderMap&) override {
    sent_at_ = now();
    return Step::kContinue;
  }
  void OnAttempt(http::RequestHead&, const filter::Attempt& attempt) override { attempts_ = attempt.number; }
  Step OnResponseHead(http::ResponseHead& head, bool end) override;
  void OnEnd() override;

 private:
  // False: it is answered.
  bool Ask(const Rule& rule, Asked& asked);
  bool Refuse(Asked& asked);
  void OnAnswer(const http::ResponseHead& head, bool end);
  // Those that passed are over, as far as they have not ended.
  void End(Asked& asked, Verdict verdict);
  void GiveUp();
  void OnChanges(const Asked& asked, const Changes& changes);
  base::MonotonicTime now() const { return stream().worker().now(); }
  // Since the end of the request: who sends slowly says nothing of who answers.
  base::Duration took() const { return now() - sent_at_; }

  Shard& shard_;
  const Settings& settings_;
  const std::vector<Rule>& more_;  // asked first
  std::span<Asked>& asked_;  // in the arena: the notes may outlive this
  const rules::Answer* answer_ = nullptr;  // null: it was not answered here
  base::MonotonicTime sent_at_;  // or when it was let pass
  uint32_t attempts_ = 0;
  Came came_ = Came::kLeft;
  const http::ResponseHead* head_ = nullptr;  // of the answer
  base::Duration head_took_{0};
};

Step Filter::OnRequestHead(http::RequestHead&, bool) {
  sent_at_ = now();
  if (stream().cluster_name().empty()) return Step::kContinue;  // nobody is called
  base::Arena& arena = stream().arena();
  Asked* const room = arena.NewArray<Asked>(more_.size() + settings_.rules.size());
  asked_ = {room, 0};
  const filter::RequestAttributes request(stream());
  bool passes = true;
  for (const std::vector<Rule>* const rules : {&more_, &settings_.rules}) {
    for (const Rule& rule : *rules) {
      if (!passes) break;
      if (rule.when != nullptr && !expression::Evaluate(*rule.when, request, arena).is_true()) continue;
      Asked& asked = room[asked_.size()];
      asked_ = {room, asked_.size() + 1};
      passes = Ask(rule, asked);
    }
  }
  if (!asked_.empty()) stream().annotations().metadata.SetLater(arena, Notes::kSpace, *arena.New<Notes>(asked_));
  return passes ? Step::kContinue : Step::kPause;
}

bool Filter::Ask(const Rule& rule, Asked& asked) {
  Counts& counts = shard_.Of(rule);
  const Breakers::Key key = shard_.KeyOf(rule, stream());
  const Breakers::Answer answer = rule.state->breakers.Ask(key, now());
  asked = {.rule = &rule,
           .counts = &counts,
           .key = key.text,
           .pass = answer.pass,
           .state = answer.state,
           .retry_after = answer.retry_after,
           .opened_by = answer.opened_by,
           .outcome = answer.pass.is_probe() ? Outcome::kProbe : Outcome::kPassed,
           .ended = !answer.passes || !answer.pass.is_guarded(),
           .was_good = false};
  OnChanges(asked, answer.changes);
  if (!answer.passes) return Refuse(asked);
  counts.passed.Increment();
  if (answer.pass.is_probe()) counts.probes.Increment();
  if (!answer.pass.is_guarded()) counts.no_room.Increment();
  return true;
}

bool Filter::Refuse(Asked& asked) {
  const Rule& rule = *asked.rule;
  Counts& counts = *asked.counts;
  counts.refused.Increment();
  if (rule.dry_run) {
    counts.dry_run.Increment();
    asked.outcome = Outcome::kDryRun;
    return true;
  }
  GiveUp();
  asked.outcome = rule.degrade ? Outcome::kDegraded : Outcome::kRejected;
  (rule.degrade ? counts.degraded : counts.rejected).Increment();
  if (rule.degrade && !rule.degrade->answer) {
    rules::SendOn(stream(), *rule.degrade);
    return true;
  }
  base::Arena& arena = stream().arena();
  answer_ = rule.degrade ? &*rule.degrade->answer : &rule.reject;
  const bool explains = answer_->body.empty() && !rule.degrade;
  SendReply({.status = answer_->status,
             .body = explains ? RefusalText(asked, arena) : std::string_view(answer_->body),
             .flag = ResponseFlag::kUpstreamOverflow,
             .details = DetailsOf(rule.degrade ? "degradation_degraded" : "degradation_refused", asked, arena),
             .grpc_status = answer_->grpc_status});
  return false;
}

Step Filter::OnResponseHead(http::ResponseHead& head, bool end) {
  if (asked_.empty() || (head.status < 200 && head.status != 101)) return Step::kContinue;
  if (answer_ != nullptr) {
    const Asked& refused = asked_.back();
    if (refused.outcome == Outcome::kRejected) AddRetryAfter(refused, head.headers);
    if (settings_.fields != Fields::kNever) AddField(refused, head.headers);
    rules::EditHead(stream(), *answer_, head);
    return Step::kContinue;
  }
  OnAnswer(head, end);
  if (settings_.fields == Fields::kAlways) {
    for (const Asked& asked : asked_) AddField(asked, head.headers);
  }
  return Step::kContinue;
}

void Filter::OnAnswer(const http::ResponseHead& head, bool end) {
  head_ = &head;
  head_took_ = took();
  came_ = CameOf(stream(), head, attempts_);
  const std::string_view grpc_status = head.headers.Get(http::HeaderId::kGrpcStatus);
  // The status is behind the body, and the body may be long.
  const bool open = came_ == Came::kAnswer && !end && grpc_status.empty() && head.status == 200 &&
                    http::IsGrpc(stream().request().headers);
  for (Asked& asked : asked_) {
    if (asked.ended) continue;
    const Rule& rule = *asked.rule;
    const bool is_error = came_ == Came::kAnswer && !open && IsErrorFor(rule, stream(), head, grpc_status);
    const Verdict verdict = VerdictOf(rule, came_, is_error, head_took_);
    if (verdict == Verdict::kGood && open && !rule.by_latency) {
      OnChanges(asked, rule.state->breakers.Begin(asked.pass, now()));
    } else {
      End(asked, verdict);
    }
  }
}

void Filter::OnEnd() {
  if (asked_.empty() || answer_ != nullptr) return;
  const telemetry::ResponseFlags flags = stream().flags();
  // Whoever breaks an answer off says why.
  const auto is_done = [&](const Asked& asked) { return asked.ended && (!asked.was_good || flags.empty()); };
  if (std::all_of(asked_.begin(), asked_.end(), is_done)) return;
  const bool client_left = flags.Has(ResponseFlag::kDownstreamConnectionTermination) ||
                           flags.Has(ResponseFlag::kDownstreamRemoteReset) ||
                           flags.Has(ResponseFlag::kDownstreamProtocolError);
  telemetry::RequestRecord record;
  stream().Describe(record);
  const bool complete = record.at(telemetry::TimePoint::kDownstreamTxEnd) != base::MonotonicTime{};
  const bool broken_off = head_ != nullptr && came_ == Came::kAnswer && !complete && !client_left;
  for (Asked& asked : asked_) {
    const Rule& rule = *asked.rule;
    if (asked.ended) {
      // What is a tunnel now ends as it likes.
      const bool tunnel = broken_off && (head_->status == 101 || stream().request().method_id == http::Method::kConnect);
      if (!asked.was_good || !broken_off || rule.by_latency || tunnel) continue;
      asked.counts->broken_off.Increment();
      OnChanges(asked, rule.state->breakers.Spoil(asked.pass, now()));
    } else if (head_ == nullptr) {
      End(asked, VerdictOf(rule, attempts_ == 0 ? Came::kNobodyAsked : Came::kLeft, false, took()));
    } else if (complete) {
      const http::HeaderMap* const trailers = record.response_trailers;
      const std::string_view status = trailers == nullptr ? std::string_view() : trailers->Get(http::HeaderId::kGrpcStatus);
      End(asked, VerdictOf(rule, came_, IsErrorFor(rule, stream(), *head_, status), head_took_));
    } else {
      End(asked, broken_off ? Verdict::kBad : Verdict::kUnknown);
    }
  }
}

void Filter::End(Asked& asked, Verdict verdict) {
  asked.ended = true;
  const Breakers::Ended ended = asked.rule->state->breakers.End(asked.pass, verdict, now());
  asked.was_good = verdict == Verdict::kGood;
  Counts& counts = *asked.counts;
  if (verdict == Verdict::kUnknown) {
    counts.unknown.Increment();
  } else {
    (!ended.counts ? counts.late : asked.was_good ? counts.good : counts.bad).Increment();
  }
  OnChanges(asked, ended.changes);
}

void Filter::GiveUp() {
  for (Asked& asked : asked_) {
    if (!asked.ended) End(asked, Verdict::kUnknown);
  }
}

void Filter::OnChanges(const Asked& asked, const Changes& changes) {
  for (const Change& change : changes.list()) {
    asked.counts->to[static_cast<size_t>(change.to)]->Increment();
    LogTransition(*asked.rule->state, asked.key, change, now());
  }
}

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  const InForce terms(config_.settings(), override_config);
  if (terms.disabled || (terms.settings.rules.empty() && terms.more.empty())) return nullptr;
  return stream.arena().New<Filter>(*this, terms, stream.arena());
}

}  // namespace

std::string Parts::Text() const {
  std::string text;
  const auto add = [&](bool is, std::string_view name) {
    if (is) (text += text.empty() ? "" : ", ") += name;
  };
  add(route, "route");
  add(cluster, "cluster");
  add(lane, "lane");
  return text;
}

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::degradation_rules
