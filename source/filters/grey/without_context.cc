#include "source/filters/grey/without_context.h"

#include <algorithm>
#include <variant>

#include "source/config/text.h"
#include "source/filters/grey/grey.h"

namespace pillion::filters::grey_rules {
namespace {

// Where a route may enable a context filter it is there.
bool Lacks(const config::HttpConnectionManager& manager) {
  for (const config::HttpFilter& filter : manager.http_filters) {
    const auto* const config = dynamic_cast<const filter::HttpFilterConfig*>(filter.config.get());
    if (config == nullptr) continue;
    if (config->feature() == filter::Feature::kContext) return false;
    if (dynamic_cast<const Config*>(config) != nullptr) return true;
  }
  return false;
}

}  // namespace

void WithoutContext::Add(const config::Listener& listener) {
  const bool lacks = std::ranges::any_of(listener.filter_chains, [](const config::FilterChain& chain) {
    const auto* const manager = std::get_if<config::HttpConnectionManager>(&chain.terminal);
    return manager != nullptr && Lacks(*manager);
  });
  if (lacks) listeners_.push_back(listener.name);
}

std::string WithoutContext::Lacking() const {
  constexpr size_t kMostNamed = 8;
  if (listeners_.empty()) return {};
  std::string names;
  for (size_t i = 0; i < listeners_.size() && i < kMostNamed; ++i) {
    names += config::Concat(i == 0 ? "" : ", ", config::Quote(listeners_[i]));
  }
  if (listeners_.size() > kMostNamed) names += config::Concat(" and ", listeners_.size() - kMostNamed, " more");
  return config::Concat("grey: listeners ", names,
                        " have the filter without a context filter (pillion.filters.http.context.v1.Context) in front of "
                        "it: the colours that their requests get hold for one hop, and those that they come with count for "
                        "nothing; put one in front");
}

}  // namespace pillion::filters::grey_rules
