#pragma once

// What a listener filter counts, with Envoy's names. Registered once by the main thread; each worker has its own cells.

#include <cstdint>
#include <vector>

#include "source/config/listener_filter.h"
#include "source/stats/registry.h"

namespace pillion::listener {

enum class TlsCounter : uint8_t {
  kTlsFound,
  kTlsNotFound,
  kAlpnFound,
  kAlpnNotFound,
  kSniFound,
  kSniNotFound,
  kTooLarge
};
enum class HttpCounter : uint8_t { kHttp10, kHttp11, kHttp2, kNotFound };
enum class ProxyCounter : uint8_t {
  kNotFoundAllowed,
  kNotFoundDisallowed,
  kV1Found,
  kV1Disallowed,
  kV1Error,
  kV2Found,
  kV2Disallowed,
  kV2Error,
};

// Of one filter: all its counters, in the order of its enum.
struct FilterStatIds {
  FilterStatIds(stats::Registry& registry, const config::ListenerFilter& filter);

  stats::Scope scope;
  std::vector<stats::CounterId> counters;
};

class FilterStats {
 public:
  FilterStats(const FilterStatIds& ids, stats::Shard& shard);

  template <typename Counter>
  void Count(Counter counter) {
    counters_[static_cast<size_t>(counter)]->Increment();
  }

 private:
  std::vector<stats::Counter*> counters_;
};

}  // namespace pillion::listener
