#include "source/filters/rbac/rbac.h"

#include <atomic>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/access/request.h"
#include "source/stats/tags.h"

namespace pillion::filters::rbac {
namespace {

using filter::Step;

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

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : config_(config),
        stats_(context.stats),
        scope_(context.registry, PrefixOf(context, config.enforced().prefix)),
        shadow_scope_(context.registry, PrefixOf(context, config.shadow().prefix)),
        allowed(*stats_.counter(scope_.AddCounter("allowed"))),
        denied(*stats_.counter(scope_.AddCounter("denied"))),
        shadow_allowed(*stats_.counter(shadow_scope_.AddCounter("shadow_allowed"))),
        shadow_denied(*stats_.counter(shadow_scope_.AddCounter("shadow_denied"))) {
    if (config.counts_rules()) AddRules(config);
  }

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

  const Config& config() const { return config_; }
  // Of the rules of that configuration; null: they are not counted.
  const BothCounters* CountersOf(const Config& config) {
    if (!config.counts_rules()) return nullptr;
    const auto found = counters_.find(config.id());
    if (found != counters_.end()) return found->second;
    return AddRules(config);  // a route's, for the first time on this worker
  }

 private:
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

 public:
  stats::Counter& allowed;
  stats::Counter& denied;
  stats::Counter& shadow_allowed;
  stats::Counter& shadow_denied;
};

class Rbac final : public filter::HttpFilter {
 public:
  Rbac(Shard& shard, const Config& config, const BothCounters* counters)
      : shard_(shard), config_(config), counters_(counters) {}

  Step OnRequestHead(http::RequestHead&, bool) override {
    const access::Request request = stream().AccessRequest();
    const access::Engine* const shadow = config_.shadow().engine.get();
    if (shadow != nullptr) {
      const access::Decision decision = shadow->Decide(request);
      (decision.allowed ? shard_.shadow_allowed : shard_.shadow_denied).Increment();
      if (counters_ != nullptr) Count(counters_->shadow, decision);
      NoteResult(config_.shadow(), shard_.config().shadow(), decision);
    }
    const access::Engine* const enforced = config_.enforced().engine.get();
    if (enforced == nullptr) return Step::kContinue;
    const access::Decision decision = enforced->Decide(request);
    (decision.allowed ? shard_.allowed : shard_.denied).Increment();
    if (counters_ != nullptr) Count(counters_->enforced, decision);
    if (decision.log) Note("envoy.common", "access_log_hint", metadata::Value::Flag(*decision.log));
    NoteResult(config_.enforced(), shard_.config().enforced(), decision);
    if (decision.allowed) return Step::kContinue;
    SendReply({.status = 403, .body = "RBAC: access denied", .details = enforced->DetailsOf(decision)});
    return Step::kPause;
  }

 private:
  static void Count(const RuleCounters& counters, const access::Decision& decision) {
    if (decision.rule != access::Decision::kNoRule) counters[decision.rule]->Increment();
  }

  // A route's rules are noted by the filter's keys, where they have none of their own.
  void NoteResult(const Rules& rules, const Rules& of_filter, const access::Decision& decision) {
    const Rules& keys = rules.prefix.empty() ? of_filter : rules;
    const std::string_view name = rules.engine->NameOf(decision);
    if (!name.empty()) Note(kSpace, keys.policy_key, metadata::Value::Text(name));
    Note(kSpace, keys.result_key, metadata::Value::Text(decision.allowed ? "allowed" : "denied"));
  }

  // Too much is not noted: the bound is the stream's.
  void Note(std::string_view space, std::string_view key, const metadata::Value& value) {
    (void)stream().annotations().metadata.Set(stream().arena(), space, key, value);
  }

  Shard& shard_;
  const Config& config_;
  const BothCounters* const counters_;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  const Config& config = override_config != nullptr ? static_cast<const Config&>(*override_config) : config_;
  if (config.enforced().engine == nullptr && config.shadow().engine == nullptr) return nullptr;
  return stream.arena().New<Rbac>(*this, config, CountersOf(config));
}

}  // namespace

Config::Config(Rules enforced, Rules shadow, bool counts_rules)
    : enforced_(std::move(enforced)), shadow_(std::move(shadow)), counts_rules_(counts_rules), id_(NextId()) {}

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::rbac
