#pragma once

// The filter pillion.filters.http.context: reads the context of a request, holds to its deadline, carries it on. What a
// context is, and the rules, are in source/context/; here they meet the stream.

#include <memory>
#include <optional>

#include "source/access/peer_trust.h"
#include "source/config/http_filter_type.h"
#include "source/context/carrier.h"
#include "source/context/trust.h"
#include "source/filter/http_filter.h"
#include "source/filter/route_config.h"

namespace pillion::filters::request_context {

struct Settings {
  context::CarrierSet read = context::kAllCarriers;
  context::CarrierSet write = context::kWrittenByDefault;
  bool outbound = false;  // requests of the application beside this process; else requests for it
  access::PeerTrust trust;  // whose context is taken as it is
  context::EdgePolicy edge;
  std::optional<base::Duration> max_deadline;
  base::Duration min_useful{0};
  bool rejects_malformed = false;
  bool correlates = true;
  base::Duration grace = std::chrono::seconds(5);  // for which a request that is over is remembered
};

// What a route says instead; nothing: what the filter says.
struct RouteSettings {
  bool disabled = false;
  std::optional<context::CarrierSet> read;
  std::optional<context::CarrierSet> write;
  std::optional<base::Duration> max_deadline;
  std::optional<base::Duration> min_useful;
  std::optional<bool> rejects_malformed;
};

using RouteConfig = filter::RouteConfig<RouteSettings>;

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }

  std::string Contradiction(const config::FilterConfig& of_route) const override;
  std::string CannotFollow(const config::FilterConfig& former) const override;
  std::optional<filter::Feature> feature() const override { return filter::Feature::kContext; }
  uint32_t hooks() const override {
    return filter::kRequestHead | filter::kAttempt | filter::kResponseHead | filter::kEnd;
  }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::request_context
