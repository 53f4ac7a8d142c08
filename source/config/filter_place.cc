#include "source/config/filter_place.h"

#include "source/base/check.h"
#include "source/base/xxhash64.h"
#include "source/config/text.h"

namespace pillion::config {

std::vector<FilterPlace> FilterPlacesOf(const Listener& listener) {
  std::vector<FilterPlace> places;
  for (size_t c = 0; c < listener.filter_chains.size(); ++c) {
    const FilterChain& chain = listener.filter_chains[c];
    for (const FilterChain::Discovered& filter : chain.discovered) {
      const bool missing = filter.index < chain.filters.size()
                               ? std::holds_alternative<MissingFilter>(chain.filters[filter.index])
                               : std::holds_alternative<MissingFilter>(chain.terminal);
      places.push_back({.source = filter.source, .chain = c, .index = filter.index, .missing = missing});
    }
    const auto* const manager = std::get_if<HttpConnectionManager>(&chain.terminal);
    for (size_t i = 0; manager != nullptr && i < manager->http_filters.size(); ++i) {
      const HttpFilter& filter = manager->http_filters[i];
      if (filter.source == nullptr) continue;
      places.push_back({.source = filter.source, .chain = c, .index = i, .missing = filter.missing});
    }
  }
  for (size_t i = 0; i < listener.listener_filters.size(); ++i) {
    const ListenerFilter& filter = listener.listener_filters[i];
    if (filter.source == nullptr) continue;
    const bool missing = std::holds_alternative<MissingFilter>(filter.filter);
    places.push_back({.source = filter.source, .index = i, .missing = missing});
  }
  return places;
}

void PutFilter(const DiscoveredFilter& filter, const FilterPlace& place, FilterChain& chain) {
  const bool http = place.source->of == FilterSource::Of::kHttp;
  if (http) {
    HttpFilter& to = std::get<HttpConnectionManager>(chain.terminal).http_filters[place.index];
    to = std::get<HttpFilter>(filter.filter);
    to.came = filter.came;
  } else if (place.index < chain.filters.size()) {
    chain.filters[place.index] = std::get<NetworkFilter>(filter.filter);
  } else {
    chain.terminal = std::get<ChainEnd>(filter.filter);
  }
  for (FilterChain::Discovered& each : chain.discovered) {
    if (!http && each.index == place.index) each.came = filter.came;
  }
  if (chain.given_digest == 0) chain.given_digest = chain.digest;
  chain.digest = base::XxHash64(Concat(http ? "" : "network ", place.index, ":", filter.came), chain.digest);
}

void PutFilter(const DiscoveredFilter& filter, const FilterPlace& place, Listener& listener) {
  ListenerFilter& to = listener.listener_filters[place.index];
  to = std::get<ListenerFilter>(filter.filter);
  to.came = filter.came;
}

}  // namespace pillion::config
