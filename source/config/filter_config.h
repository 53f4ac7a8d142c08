#pragma once

// What a filter's own code has made of its configuration. Only that filter knows what is in it; the model carries it.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pillion::config {

// Immutable, shared between threads and versions of a configuration.
class FilterConfig {
 public:
  virtual ~FilterConfig() = default;

  // What of this, which a chain has, can't be together with `route`, which a route has of the same filter; empty: nothing.
  virtual std::string Contradiction(const FilterConfig& /*route*/) const { return {}; }
  // Why this can't stand behind `former` in a chain; empty: it can.
  virtual std::string CannotFollow(const FilterConfig& /*former*/) const { return {}; }
};

struct FilterSource;

// In place of a network filter or a listener filter whose configuration comes apart from its listener, has not come, and has
// no default: who needs it is not connected.
struct MissingFilter {};

// An HTTP filter of a connection manager, before the router.
struct HttpFilter {
  std::string name;  // unique in its chain; what an override refers to
  std::shared_ptr<const FilterConfig> config;  // a filter::HttpFilterConfig; never null
  bool disabled = false;                       // but where a route enables it
  std::string_view override_type = {};  // the full name of the message that it takes from a route; empty: of none
  // Where `config` comes from; null: it stands in the listener.
  std::shared_ptr<const FilterSource> source = nullptr;
  uint64_t came = 0;     // a digest of what has come for it; 0: nothing has, and `config` is what the listener has instead
  bool missing = false;  // or it has nothing either: `config` answers all requests
};

// What a route, virtual host or route table says otherwise of one filter.
struct FilterOverride {
  std::string filter;  // its name; of a filter that the chain does not have it says nothing
  std::shared_ptr<const FilterConfig> config;  // null: the filter is only enabled or disabled here
  bool disabled = false;
  std::string_view type = {};  // the full name of the message that `config` was
};

using FilterOverrides = std::vector<FilterOverride>;

}  // namespace pillion::config
