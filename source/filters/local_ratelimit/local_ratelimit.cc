#include "source/filters/local_ratelimit/local_ratelimit.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "source/route/header_edits.h"
#include "source/stats/tags.h"

namespace pillion::filters::local_ratelimit {
namespace {

using filter::Step;

constexpr int kResourceExhausted = 8;
constexpr std::string_view kPrefixLabel = "envoy_local_http_ratelimit_prefix";
constexpr std::string_view kRefused = "local_rate_limited";

// "<stat_prefix>.http_local_rate_limit."
stats::Prefix PrefixOf(std::string_view stat_prefix) {
  return stats::Prefix().Add(kPrefixLabel, stat_prefix).Add("http_local_rate_limit");
}

struct Counts {
  Counts(stats::Registry& registry, stats::Shard& shard, std::string_view prefix)
      : scope(registry, PrefixOf(prefix)),
        enabled(*shard.counter(scope.AddCounter("enabled"))),
        enforced(*shard.counter(scope.AddCounter("enforced"))),
        rate_limited(*shard.counter(scope.AddCounter("rate_limited"))),
        ok(*shard.counter(scope.AddCounter("ok"))),
        shadow_mode(*shard.counter(scope.AddCounter("shadow_mode"))) {}

  stats::Scope scope;
  stats::Counter& enabled;
  stats::Counter& enforced;
  stats::Counter& rate_limited;
  stats::Counter& ok;
  stats::Counter& shadow_mode;
};

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : config_(config), registry_(context.registry), stats_(context.stats) {
    CountsOf(config.settings());
  }

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

 private:
  // A route's may have a prefix of its own.
  Counts& CountsOf(const Settings& settings) {
    std::unique_ptr<Counts>& counts = counts_[settings.stat_prefix];
    if (counts == nullptr) counts = std::make_unique<Counts>(registry_, stats_, settings.stat_prefix);
    return *counts;
  }

  const Config& config_;
  stats::Registry& registry_;
  stats::Shard& stats_;
  absl::flat_hash_map<std::string, std::unique_ptr<Counts>> counts_;
};

class Filter final : public filter::HttpFilter {
 public:
  Filter(const Settings& settings, Counts& counts) : settings_(settings), counts_(counts) {}

  Step OnRequestHead(http::RequestHead& head, bool) override {
    if (!settings_.enabled.Holds(stream().random().Next())) return Step::kContinue;
    counts_.enabled.Increment();
    const bool passes = Decide(head);
    if (passes && !shadowed_) {
      counts_.ok.Increment();
      return Step::kContinue;
    }
    counts_.rate_limited.Increment();
    if (shadowed_) counts_.shadow_mode.Increment();
    if (passes) return Step::kContinue;
    if (!settings_.enforced.Holds(stream().random().Next())) {
      if (!settings_.request.empty()) {
        telemetry::RequestRecord record;
        stream().Describe(record);
        route::ApplyHeaderEdits(settings_.request, record, head.headers);
      }
      return Step::kContinue;
    }
    counts_.enforced.Increment();
    refused_ = true;
    SendReply({.status = settings_.status,
               .body = kRefused,
               .flag = telemetry::ResponseFlag::kRateLimited,
               .details = kRefused,
               .grpc_status = settings_.resource_exhausted ? kResourceExhausted : -1});
    return Step::kPause;
  }

  Step OnResponseHead(http::ResponseHead& head, bool) override {
    if (refused_ && !settings_.response.empty()) {
      telemetry::RequestRecord record;
      stream().Describe(record);
      record.response = &head;
      record.response_code = static_cast<uint64_t>(head.status);
      route::ApplyHeaderEdits(settings_.response, record, head.headers);
    }
    if (figures_) {
      AddNumber(head.headers, "x-ratelimit-limit", figures_->limit);
      AddNumber(head.headers, "x-ratelimit-remaining", figures_->remaining);
      const auto next = std::chrono::ceil<std::chrono::seconds>(figures_->next);
      AddNumber(head.headers, "x-ratelimit-reset", static_cast<uint64_t>(next.count()));
    }
    return Step::kContinue;
  }

 private:
  struct Matched {
    DescriptorLimit* limit;
    const filter::Descriptor* descriptor;
  };

  // The bucket that is configured for a descriptor: without open values, else the first with.
  static DescriptorLimit* Find(const Settings& settings, std::span<const filter::DescriptorEntry> descriptor) {
    DescriptorLimit* found = nullptr;
    for (const std::shared_ptr<DescriptorLimit>& limit : settings.descriptors) {
      if ((found != nullptr && limit->open()) || !limit->Matches(descriptor)) continue;
      if (!limit->open()) return limit.get();
      found = limit.get();
    }
    return found;
  }

  filter::Descriptors MakeDescriptors(const http::RequestHead& head) {
    if (settings_.descriptors.empty()) return {};
    if (!settings_.rules.empty()) return filter::MakeDescriptors(settings_.rules, stream(), head);
    return filter::RouteDescriptors(settings_.stage, settings_.host_rules, stream(), head);
  }

  // All that match take a token, the slowest first, and then the default bucket. The first that has none refuses, and what
  // those before it gave is not given back, as in Envoy. A shadow refuses nobody, and hides none of the others.
  bool Decide(const http::RequestHead& head) {
    const base::MonotonicTime now = stream().worker().now();
    const uint64_t connection = settings_.per_connection ? Connection() : 0;
    base::Arena& arena = stream().arena();
    const filter::Descriptors descriptors = MakeDescriptors(head);
    Matched* const matched = arena.NewArray<Matched>(descriptors.size());
    size_t count = 0;
    for (const filter::Descriptor& descriptor : descriptors) {
      DescriptorLimit* const limit = Find(settings_, descriptor.entries);
      if (limit == nullptr) continue;
      // To its place at once: a stable sort of all would allocate.
      const auto is_before = [](double rate, const Matched& other) { return rate < other.limit->rate(); };
      Matched* const place = std::upper_bound(matched, matched + count, limit->rate(), is_before);
      std::move_backward(place, matched + count, matched + count + 1);
      *place = {limit, &descriptor};
      ++count;
    }
    for (size_t i = 0; i < count; ++i) {
      const Taken taken = matched[i].limit->Take(*matched[i].descriptor, connection, now, arena);
      if (i == 0 || !taken.allowed) ShowFigures(taken, matched[i].descriptor->figures);
      if (taken.allowed) continue;
      if (!matched[i].limit->shadow()) return false;
      shadowed_ = true;
    }
    if (count > 0 && !settings_.always_takes) return true;
    std::optional<Taken> taken;
    if (settings_.bucket != nullptr) taken = settings_.bucket->Take(now);
    if (settings_.connection_bucket != nullptr) taken = settings_.connection_bucket->Take({}, connection, now, arena);
    if (!taken) return true;
    if (count == 0 || !taken->allowed) ShowFigures(*taken, std::nullopt);
    return taken->allowed;
  }

  // Of the last one that counts. `wanted`: what its rule says, where it says anything.
  void ShowFigures(const Taken& taken, std::optional<bool> wanted) {
    figures_.reset();
    if (wanted.value_or(settings_.figures)) figures_ = taken;
  }

  uint64_t Connection() {
    telemetry::RequestRecord record;
    stream().Describe(record);
    return record.connection_id;
  }

  void AddNumber(http::HeaderMap& headers, std::string_view name, uint64_t number) {
    char digits[20];
    const char* const end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
    headers.Add(name, stream().arena().Copy({digits, static_cast<size_t>(end - digits)}));
  }

  const Settings& settings_;
  Counts& counts_;
  std::optional<Taken> figures_;  // that the answer tells
  bool refused_ = false;
  bool shadowed_ = false;  // a shadow would have refused it
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  const auto& config = override_config != nullptr ? static_cast<const Config&>(*override_config) : config_;
  const Settings& settings = config.settings();
  if (settings.enabled.fraction.numerator == 0 && settings.enabled.key == nullptr) return nullptr;
  return stream.arena().New<Filter>(settings, CountsOf(settings));
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::local_ratelimit
