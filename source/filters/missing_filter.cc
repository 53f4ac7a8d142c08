#include "source/filters/missing_filter.h"

#include <optional>
#include <string>

#include "source/config/text.h"
#include "source/filter/http_gate.h"

namespace pillion::filters {
namespace {

class Shard final : public filter::HttpGate {
 public:
  explicit Shard(const filter::ShardContext& context)
      : details_(config::Concat("no_filter_config_found[", context.name, "]")),
        scope_(context.registry, context.stat_prefix),
        count_(*context.stats.counter(scope_.AddCounter("extension_config_missing"))) {}

  std::optional<filter::Reply> Check(filter::StreamContext&, const config::FilterConfig*) override {
    count_.Increment();
    return filter::Reply{.status = 500, .flag = telemetry::ResponseFlag::kNoFilterConfigFound, .details = details_};
  }

 private:
  const std::string details_;
  stats::Scope scope_;
  stats::Counter& count_;
};

class Config final : public filter::HttpFilterConfig {
 public:
  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override {
    return std::make_unique<Shard>(context);
  }
};

}  // namespace

std::shared_ptr<const config::FilterConfig> MissingFilter() {
  static const auto filter = std::make_shared<const Config>();
  return filter;
}

}  // namespace pillion::filters
