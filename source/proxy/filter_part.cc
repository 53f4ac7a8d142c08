#include "source/proxy/filter_part.h"

namespace pillion::proxy {

const config::FilterOverride* FindOverride(const config::FilterOverrides& overrides, std::string_view filter) {
  for (const config::FilterOverride& item : overrides) {
    if (item.filter == filter) return &item;
  }
  return nullptr;
}

filter::FilterPart PartOf(const config::HttpFilter& filter, const route::Entry* entry,
                          const config::WeightedClusters::Choice* choice, const config::FilterOverrides* table) {
  const config::FilterOverride* word = nullptr;
  const auto look = [&](const config::FilterOverrides& overrides) {
    if (word == nullptr && !overrides.empty()) [[unlikely]] word = FindOverride(overrides, filter.name);
  };
  if (choice != nullptr) look(choice->filter_overrides);
  if (entry != nullptr) {
    look(entry->route->filter_overrides);
    look(entry->virtual_host->filter_overrides);
  }
  if (table != nullptr) look(*table);
  if (word == nullptr) return {.absent = filter.disabled};
  return {.absent = word->disabled, .config = word->config.get()};
}

}  // namespace pillion::proxy
