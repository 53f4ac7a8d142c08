#include "source/proxy/filter_part.h"

#include "source/config/route.h"

namespace pillion::proxy {

const config::FilterOverride* FindOverride(const config::FilterOverrides& overrides, std::string_view filter) {
  for (const config::FilterOverride& item : overrides) {
    if (item.filter == filter) return &item;
  }
  return nullptr;
}

bool IsOf(const config::FilterOverride& word, const config::HttpFilter& filter) {
  return word.config == nullptr || word.type == filter.override_type;
}

filter::FilterPart PartOf(const config::HttpFilter& filter, const route::Entry* entry,
                          const config::WeightedClusters::Choice* choice, const config::FilterOverrides* table) {
  const config::FilterOverride* word = nullptr;
  const auto look = [&](const config::FilterOverrides& overrides) {
    if (word == nullptr && !overrides.empty()) [[unlikely]] word = FindOverride(overrides, filter.name);
  };
  if (choice != nullptr) look(choice->filter_overrides);
  if (entry != nullptr && entry->Has(route::Entry::kOverridesFilters)) [[unlikely]] {
    look(entry->route->filter_overrides);
    look(entry->virtual_host->filter_overrides);
  }
  if (table != nullptr) look(*table);
  if (word == nullptr) return {.absent = filter.disabled};
  if (!IsOf(*word, filter)) [[unlikely]] return {.absent = word->disabled, .mismatched = true};
  return {.absent = word->disabled, .config = word->config.get()};
}

}  // namespace pillion::proxy
