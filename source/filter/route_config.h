#pragma once

// What a route, virtual host or table says for a filter, where that is a struct of settings.

#include <utility>

#include "source/config/filter_config.h"

namespace pillion::filter {

template <typename Settings>
class RouteConfig final : public config::FilterConfig {
 public:
  explicit RouteConfig(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }
  // Of what was built as one of these; null where that is.
  static const Settings* Of(const config::FilterConfig* config) {
    return config == nullptr ? nullptr : &static_cast<const RouteConfig&>(*config).settings_;
  }

 private:
  const Settings settings_;
};

}  // namespace pillion::filter
