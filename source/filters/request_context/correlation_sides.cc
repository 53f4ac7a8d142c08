#include "source/filters/request_context/correlation_sides.h"

#include <variant>

#include "source/config/text.h"
#include "source/filters/request_context/request_context.h"

namespace pillion::filters::request_context {

void CorrelationSides::Add(const config::Listener& listener) {
  bool remembers = false;
  for (const config::FilterChain& chain : listener.filter_chains) {
    const auto* const manager = std::get_if<config::HttpConnectionManager>(&chain.terminal);
    if (manager == nullptr) continue;
    for (const config::HttpFilter& filter : manager->http_filters) {
      const auto* const config = dynamic_cast<const Config*>(filter.config.get());
      if (config == nullptr) continue;
      outbound_ |= config->settings().outbound;
      remembers |= config->settings().correlates && !config->settings().outbound;
    }
  }
  if (remembers) inbound_.push_back(listener.name);
}

std::string CorrelationSides::Lacking() const {
  constexpr size_t kMostNamed = 8;
  if (outbound_ || inbound_.size() < 2) return {};
  std::string names;
  for (size_t i = 0; i < inbound_.size() && i < kMostNamed; ++i) {
    names += config::Concat(i == 0 ? "" : ", ", config::Quote(inbound_[i]));
  }
  if (inbound_.size() > kMostNamed) names += config::Concat(" and ", inbound_.size() - kMostNamed, " more");
  return config::Concat(
      "request contexts: the filter takes the requests of listeners ", names,
      " for inbound, and those of none for outbound, so that requests which an application sends get nothing back: say "
      "traffic_direction: OUTBOUND of the listener that it sends through, or direction: OUTBOUND in the filter there; where "
      "there is no such listener, disable_correlation: true in the others");
}

}  // namespace pillion::filters::request_context
