#include "source/server/stats_rules.h"

#include <algorithm>
#include <memory>

namespace pillion::server {

stats::Rules StatsRules(const config::StatsConfig& config, const Options& options) {
  stats::Rules rules;
  for (const auto& [name, value] : options.stats_tags) rules.AddFixedTag(name, value);
  if (!config.default_tags) rules.DropDefaultTags();
  for (const config::StatsTag& tag : config.tags) {
    if (tag.regex) {
      // The expression lives as long as what holds the configuration's.
      const auto regex = std::make_shared<const match::Regex>(*tag.regex);
      rules.AddTag(tag.name, std::shared_ptr<const re2::RE2>(regex, &regex->re2()));
    } else if (tag.fixed_value) {
      rules.AddFixedTag(tag.name, *tag.fixed_value);
    } else {
      rules.KeepDefaultTag(tag.name);
    }
  }
  if (config.matcher) {
    rules.ExportOnly([matcher = *config.matcher](std::string_view name) {
      const auto& names = matcher.names;
      const bool listed = std::any_of(names.begin(), names.end(), [name](const auto& test) { return test.Matches(name); });
      return listed == matcher.include;
    });
  }
  for (const config::HistogramBuckets& buckets : config.buckets) {
    rules.AddBuckets([names = buckets.names](std::string_view name) { return names.Matches(name); }, buckets.bounds);
  }
  return rules;
}

}  // namespace pillion::server
