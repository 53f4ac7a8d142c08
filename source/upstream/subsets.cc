#include "source/upstream/subsets.h"

#include <map>

namespace pillion::upstream {
namespace {

using Selector = config::SubsetConfig::Selector;

// The texts of the criteria that the host meets by the keys of `selector`: one, or one for each choice of elements where
// lists stand for them; none, where it has not all of the keys.
std::vector<std::string> CriteriaOf(const Host& host, const Selector& selector, bool list_as_any) {
  if (host.metadata() == nullptr) return {};
  std::vector<std::string> texts = {""};
  for (const std::string& key : selector.keys) {
    const config::MetadataValue* value = host.metadata()->Find(config::kLbNamespace, key);
    if (value == nullptr) return {};
    std::vector<const config::MetadataValue*> values = {value};
    if (const auto* list = std::get_if<config::MetadataValue::List>(&value->value); list != nullptr && list_as_any) {
      values.clear();
      for (const config::MetadataValue& each : *list) values.push_back(&each);
    }
    std::vector<std::string> longer;
    for (const std::string& text : texts) {
      for (const config::MetadataValue* each : values) longer.push_back(text + config::LbCriteria::Text(key, *each));
    }
    texts = std::move(longer);
  }
  return texts;
}

}  // namespace

config::LoadBalancing Within(const config::LoadBalancing& config) {
  config::LoadBalancing within = config;
  within.subsets = nullptr;
  within.locality_weighted = config.locality_weighted && config.subsets->locality_weight_aware;
  return within;
}

Subsets::Subsets(const Hosts& hosts, const config::LoadBalancing& config, const config::AssignmentPolicy& policy,
                 const std::vector<PriorityHosts>* whole) {
  const config::SubsetConfig& subsets = *config.subsets;
  if (!subsets.scale_locality_weight) whole = nullptr;
  std::map<std::string, Hosts> members;
  for (const Selector& selector : subsets.selectors) {
    for (const std::shared_ptr<Host>& host : hosts) {
      for (const std::string& text : CriteriaOf(*host, selector, subsets.list_as_any)) {
        Hosts& subset = members[text];
        if (!selector.single_host || subset.empty()) subset.push_back(host);
      }
    }
  }
  const config::LoadBalancing within = Within(config);
  const auto add = [&](Hosts some) {
    sets.push_back(MakeHostSet(std::move(some), within, policy, whole));
    return sets.size() - 1;
  };
  for (auto& [text, some] : members) by_criteria.emplace(text, add(std::move(some)));

  Selector keys;
  for (const config::LbCriteriaView::Part& part : subsets.default_subset.parts()) keys.keys.emplace_back(part.key);
  Hosts defaults;
  for (const std::shared_ptr<Host>& host : hosts) {
    for (const std::string& text : CriteriaOf(*host, keys, subsets.list_as_any)) {
      if (text != subsets.default_subset.text()) continue;
      defaults.push_back(host);
      break;
    }
  }
  if (subsets.default_subset.empty()) defaults = hosts;  // no key is wanted: all have them
  if (!defaults.empty()) default_set = add(std::move(defaults));
  if (!hosts.empty()) any = add(hosts);
}

size_t Subsets::Find(std::string_view criteria) const {
  const auto found = by_criteria.find(absl::string_view(criteria.data(), criteria.size()));
  return found == by_criteria.end() ? kNone : found->second;
}

}  // namespace pillion::upstream
