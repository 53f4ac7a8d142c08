#pragma once

// The filter pillion.filters.http.toggles: what trusted peers turn off, force or ask to be told of one request, in fields of
// its head (asked.h). That is done while filters are made, so that those behind it are made, or not, accordingly; only the
// answer that explains is its part in the stream.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "source/access/peer_trust.h"
#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"
#include "source/filter/route_config.h"

namespace pillion::filters::toggles {

// As fields name them, by filter::Feature.
inline constexpr std::array<std::string_view, filter::kFeatures> kFeatureNames = {
    "context", "grey", "limit", "concurrency", "degradation", "fault", "mirror"};

// What a request may ask for.
struct Allow {
  filter::FeatureSet off;
  bool lane = false;
  bool explain = false;

  // "off: limit,grey; lane; explain"; "nothing".
  std::string Text() const;
};

struct Settings {
  Allow allow;
  access::PeerTrust trust;  // whose fields count
  std::vector<std::string> labels;  // that a lane may have
};

// What a route says instead.
using RouteConfig = filter::RouteConfig<Allow>;

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }

  std::string CannotFollow(const config::FilterConfig& former) const override;
  uint32_t hooks() const override { return filter::kResponseHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::toggles
