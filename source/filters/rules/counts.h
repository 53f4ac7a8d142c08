#pragma once

// What one worker counts of rules: of the filter's own, and of those that routes add, each by its name. Of one worker.

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/filter/http_filter.h"

namespace pillion::filters::rules {

// `Counts` is made of (stats::Registry&, stats::Shard&, const stats::Prefix&, const std::string& rule).
template <typename Counts, typename Rule>
class CountsByRule {
 public:
  // `own` outlives this.
  CountsByRule(const std::vector<Rule>& own, const filter::ShardContext& context)
      : rules_(own), registry_(context.registry), stats_(context.stats), prefix_(context.stat_prefix) {
    for (const Rule& rule : rules_) own_.push_back(&OfName(rule.name));
  }

  Counts& Of(const Rule& rule) {
    const bool is_own = !rules_.empty() && &rule >= &rules_.front() && &rule <= &rules_.back();
    return is_own ? *own_[static_cast<size_t>(&rule - rules_.data())] : OfName(rule.name);
  }

 private:
  Counts& OfName(const std::string& name) {
    std::unique_ptr<Counts>& counts = by_name_[name];
    if (counts == nullptr) counts = std::make_unique<Counts>(registry_, stats_, prefix_, name);
    return *counts;
  }

  const std::vector<Rule>& rules_;
  stats::Registry& registry_;
  stats::Shard& stats_;
  const stats::Prefix prefix_;
  absl::flat_hash_map<std::string, std::unique_ptr<Counts>> by_name_;
  std::vector<Counts*> own_;  // by place, so that they are found without their names
};

}  // namespace pillion::filters::rules
