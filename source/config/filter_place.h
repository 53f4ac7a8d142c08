#pragma once

// The places in a listener whose filters have their configurations from elsewhere (ECDS), and what comes for them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "source/config/filter_source.h"
#include "source/config/listener.h"

namespace pillion::config {

struct FilterPlace {
  std::shared_ptr<const FilterSource> source;
  size_t chain = 0;      // not of listener filters
  size_t index = 0;      // of http_filters, FilterChain::filters (behind the last: what ends the chain) or listener_filters
  bool missing = false;  // nothing serves there until something has come
};

// In order: those of each chain, those of the listener.
std::vector<FilterPlace> FilterPlacesOf(const Listener& listener);

// What came for a place. Immutable.
struct DiscoveredFilter {
  std::variant<HttpFilter, NetworkFilter, ChainEnd, ListenerFilter> filter;
  uint64_t came = 0;  // a digest of it; never 0 once it is at its place
};

// Has it stand there: one of HTTP or network filters in its chain, whose digests are another one's then; a listener filter.
void PutFilter(const DiscoveredFilter& filter, const FilterPlace& place, FilterChain& chain);
void PutFilter(const DiscoveredFilter& filter, const FilterPlace& place, Listener& listener);

}  // namespace pillion::config
