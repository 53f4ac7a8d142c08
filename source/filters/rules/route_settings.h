#pragma once

// What a route says for a filter of rules: that it is disabled, other settings than its own, and rules that are asked before
// those. `Rules` is what the filter keeps a list of rules in.

#include <optional>

#include "source/filter/route_config.h"

namespace pillion::filters::rules {

template <typename Settings, typename Rules>
struct RouteSettings {
  bool disabled = false;
  std::optional<Settings> instead;
  Rules more;
};

// What holds for a request by that. Views of the configurations.
template <typename Settings, typename Rules>
struct InForce {
  // `of_route`: what its route has for the filter, as a filter::RouteConfig<RouteSettings>; null: nothing.
  InForce(const Settings& own, const config::FilterConfig* of_route)
      : InForce(own, filter::RouteConfig<RouteSettings<Settings, Rules>>::Of(of_route)) {}

  bool disabled;
  const Settings& settings;  // of a filter that is disabled its own
  const Rules& more;         // asked first

 private:
  InForce(const Settings& own, const RouteSettings<Settings, Rules>* route)
      : disabled(route != nullptr && route->disabled),
        settings(route != nullptr && route->instead ? *route->instead : own),
        more(route != nullptr ? route->more : None()) {}

  // Never destroyed: a worker may still end requests while the process does.
  static const Rules& None() {
    static const Rules& none = *new Rules{};
    return none;
  }
};

}  // namespace pillion::filters::rules
