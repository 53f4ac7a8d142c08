#include "source/filters/rbac/rbac.h"

#include <atomic>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/access/denial_log.h"
#include "source/access/request.h"
#include "source/filter/http_gate.h"
#include "source/filter/request_attributes.h"
#include "source/stats/tags.h"

namespace pillion::filters::rbac {
namespace {

constexpr std::string_view kSpace = "envoy.filters.http.rbac";

uint64_t NextId() {
  static std::atomic<uint64_t> next = 1;
  return next.fetch_add(1, std::memory_order_relaxed);
}

stats::Prefix PrefixOf(const filter::ShardContext& context, std::string_view last) {
  stats::Prefix prefix = stats::Prefix(context.stat_prefix).Add("rbac");
  // Some end in the dot that comes next.
  if (!last.empty()) prefix.Add(last.substr(0, last.size() - last.ends_with('.')));
  return prefix;
}

// Of a set of rules, by the number of each.
using RuleCounters = std::vector<stats::Counter*>;
struct BothCounters {
  RuleCounters enforced;
  RuleCounters shadow;
};

class Shard final : public filter::HttpGate {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : config_(config),
        stats_(context.stats),
        scope_(context.registry, PrefixOf(context, config.enforced().prefix)),
        shadow_scope_(context.registry, PrefixOf(context, config.shadow().prefix)),
        allowed_(*stats_.counter(scope_.AddCounter("allowed"))),
        denied_(*stats_.counter(scope_.AddCounter("denied"))),
        shadow_allowed_(*stats_.counter(shadow_scope_.AddCounter("shadow_allowed"))),
        shadow_denied_(*stats_.counter(shadow_scope_.AddCounter("shadow_denied"))) {
    if (config.counts_rules()) AddRules(config);
  }

  std::optional<filter::Reply> Check(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

 private:
  // Of the rules of that configuration; null: they are not counted.
  const BothCounters* CountersOf(const Config& config) {
    if (!config.counts_rules()) [[likely]] return nullptr;
    const auto found = counters_.find(config.id());
    if (found != counters_.end()) return found->second;
    return AddRules(config);  // a route's, for the first time on this worker
  }
  const BothCounters* AddRules(const Config& config) {
    BothCounters& both = all_counters_.emplace_back();
    both.enforced = CountersOf(config.enforced(), scope_, "");
    both.shadow = CountersOf(config.shadow(), shadow_scope_, "shadow_");
    counters_.emplace(config.id(), &both);
    return &both;
  }
  RuleCounters CountersOf(const Rules& rules, stats::Scope& scope, const std::string& kind) {
    RuleCounters counters;
    if (rules.engine == nullptr) return counters;
    for (const access::Rule& rule : rules.engine->rules()) {
      const std::string name = "policy." + rule.name + "." + kind + (rule.allows ? "allowed" : "denied");
      counters.push_back(stats_.counter(scope.AddCounter(name)));
    }
    return counters;
  }

  const Config& config_;
  stats::Shard& stats_;
  stats::Scope scope_;
  stats::Scope shadow_scope_;
  std::deque<BothCounters> all_counters_;
  absl::flat_hash_map<uint64_t, const BothCounters*> counters_;  // by the configuration's id

  stats::Counter& allowed_;
  stats::Counter& denied_;
  stats::Counter& shadow_allowed_;
  stats::Counter& shadow_denied_;
};

void Count(const RuleCounters& counters, const access::Decision& decision) {
  if (decision.rule != access::Decision::kNoRule) counters[decision.rule]->Increment();
}

// A decision that is noted of a stream, for who asks. Texts are the configuration's. Too much is not noted: the bound is the
// stream's.
class Result final : public metadata::LaterNotes {
 public:
  // A route's rules are noted by the filter's keys, where they have none of their own.
  Result(const Rules& rules, const Rules& of_filter, const access::Decision& decision)
      : keys_(rules.prefix.empty() ? of_filter : rules), name_(rules.engine->NameOf(decision)), allowed_(decision.allowed) {}

  void Note(base::Arena& arena, metadata::DynamicMetadata& metadata) override {
    if (!name_.empty()) (void)metadata.SetKept(arena, kSpace, keys_.policy_key, metadata::Value::Text(name_));
    const std::string_view result = allowed_ ? "allowed" : "denied";
    (void)metadata.SetKept(arena, kSpace, keys_.result_key, metadata::Value::Text(result));
  }

 private:
  const Rules& keys_;
  const std::string_view name_;
  const bool allowed_;
};

void NoteResult(filter::StreamContext& stream, const Rules& rules, const Rules& of_filter,
                const access::Decision& decision) {
  base::Arena& arena = stream.arena();
  stream.annotations().metadata.SetLater(arena, kSpace, *arena.New<Result>(rules, of_filter, decision));
}

void NoteHint(filter::StreamContext& stream, bool log) {
  constexpr std::string_view kCommon = "envoy.common";
  (void)stream.annotations().metadata.SetKept(stream.arena(), kCommon, "access_log_hint", metadata::Value::Flag(log));
}

std::optional<filter::Reply> Shard::Check(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  const Config& config = override_config != nullptr ? static_cast<const Config&>(*override_config) : config_;
  const access::Engine* const shadow = config.shadow().engine.get();
  const access::Engine* const enforced = config.enforced().engine.get();
  if (enforced == nullptr && shadow == nullptr) return std::nullopt;
  const BothCounters* const counters = CountersOf(config);
  access::Request request = stream.AccessRequest();
  request.arena = &stream.arena();
  if (shadow != nullptr) {
    const filter::RequestAttributes attributes(stream);
    request.attributes = &attributes;
    const access::Decision decision = shadow->Decide(request);
    (decision.allowed ? shadow_allowed_ : shadow_denied_).Increment();
    if (counters != nullptr) Count(counters->shadow, decision);
    NoteResult(stream, config.shadow(), config_.shadow(), decision);
    request.notes = &stream.annotations();  // others may ask for that
  }
  if (enforced == nullptr) return std::nullopt;
  const filter::RequestAttributes attributes(stream);  // with what was noted just now
  request.attributes = &attributes;
  const access::Decision decision = enforced->Decide(request);
  (decision.allowed ? allowed_ : denied_).Increment();
  if (counters != nullptr) Count(counters->enforced, decision);
  if (decision.log) NoteHint(stream, *decision.log);
  NoteResult(stream, config.enforced(), config_.enforced(), decision);
  if (decision.allowed) return std::nullopt;
  access::LogDenial(*enforced, decision, request);
  return filter::Reply{.status = 403, .body = "RBAC: access denied", .details = enforced->DetailsOf(decision)};
}

}  // namespace

Config::Config(Rules enforced, Rules shadow, bool counts_rules)
    : enforced_(std::move(enforced)), shadow_(std::move(shadow)), counts_rules_(counts_rules), id_(NextId()) {}

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::rbac
