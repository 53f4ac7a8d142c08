#include "source/filters/principal_stats/principal_stats.h"

#include <algorithm>
#include <array>

#include "absl/container/flat_hash_map.h"
#include "source/access/request.h"
#include "source/stats/tags.h"

namespace pillion::filters::principal_stats {
namespace {

constexpr std::string_view kLabel = "source_principal";
constexpr std::string_view kScheme = "spiffe://";
constexpr size_t kLongest = 256;

// As a label has it: without the scheme, and one word.
std::string LabelOf(std::string_view uri) {
  if (uri.starts_with(kScheme)) uri.remove_prefix(kScheme.size());
  std::string label(uri.substr(0, kLongest));
  std::replace_if(label.begin(), label.end(), [](char c) { return c <= ' ' || c > '~'; }, '_');
  return label;
}

// Of one principal, or of all that have none of their own.
class Counts {
 public:
  Counts(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& all, std::string_view label)
      : scope_(registry, stats::Prefix(all).Add("principal").Add(kLabel, label)),
        total_(*shard.counter(scope_.AddCounter("downstream_rq_total"))) {
    constexpr std::string_view kNames[] = {"downstream_rq_1xx", "downstream_rq_2xx", "downstream_rq_3xx",
                                           "downstream_rq_4xx", "downstream_rq_5xx"};
    for (size_t i = 0; i < classes_.size(); ++i) classes_[i] = shard.counter(scope_.AddCounter(kNames[i]));
  }

  // `status`: 0: there was no answer.
  void Count(int status) {
    total_.Increment();
    if (status >= 100 && status < 600) classes_[static_cast<size_t>(status / 100 - 1)]->Increment();
  }

 private:
  stats::Scope scope_;
  stats::Counter& total_;
  std::array<stats::Counter*, 5> classes_;
};

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : known_(config.known()),
        registry_(context.registry),
        stats_(context.stats),
        prefix_(context.stat_prefix),
        unknown_(registry_, stats_, prefix_, "unknown"),
        other_(registry_, stats_, prefix_, "other") {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

  Counts& Of(const access::ConnectionFacts& connection) {
    if (!connection.peer || connection.peer->uris.empty()) return unknown_;
    const std::string& uri = connection.peer->uris.front();
    const auto found = counts_.find(uri);
    if (found != counts_.end()) return *found->second;
    if (complete_) return other_;
    if (known_.Admit(uri)) return Add(uri);
    // From now on nobody needs to be asked.
    for (const std::string& name : known_.All()) {
      if (!counts_.contains(name)) Add(name);
    }
    complete_ = true;
    return other_;
  }

 private:
  Counts& Add(const std::string& uri) {
    return *counts_.emplace(uri, std::make_unique<Counts>(registry_, stats_, prefix_, LabelOf(uri))).first->second;
  }

  Known& known_;
  stats::Registry& registry_;
  stats::Shard& stats_;
  const stats::Prefix prefix_;
  Counts unknown_;  // no certificate, or none that anybody vouches for, or one without a URI
  Counts other_;
  absl::flat_hash_map<std::string, std::unique_ptr<Counts>> counts_;  // by URI
  bool complete_ = false;  // all that are known are in it, and no other will be
};

class PrincipalStats final : public filter::HttpFilter {
 public:
  explicit PrincipalStats(Counts& counts) : counts_(counts) {}

  void OnEnd() override {
    const http::ResponseHead* const response = stream().response();
    counts_.Count(response == nullptr ? 0 : response->status);
  }

 private:
  Counts& counts_;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig*) {
  return stream.arena().New<PrincipalStats>(Of(stream.AccessRequest().connection));
}

}  // namespace

bool Known::Admit(std::string_view name) {
  const absl::MutexLock lock(&mutex_);
  if (names_.contains(name)) return true;
  if (names_.size() >= most_) return false;
  names_.emplace(name);
  return true;
}

std::set<std::string, std::less<>> Known::All() const {
  const absl::MutexLock lock(&mutex_);
  return names_;
}

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::principal_stats
