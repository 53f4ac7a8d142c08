#include "source/upstream/subset_choice.h"

#include <algorithm>

namespace pillion::upstream {
namespace {

using config::SubsetConfig;
using Fallback = SubsetConfig::Fallback;

const SubsetConfig::Selector* FindSelector(const SubsetConfig& config, std::string_view keys) {
  for (const SubsetConfig::Selector& selector : config.selectors) {
    if (selector.keys_text == keys) return &selector;
  }
  return nullptr;
}

SubsetChoice FallBack(const Subsets& subsets, Fallback fallback) {
  if (fallback == Fallback::kAnyHost) return {.subset = subsets.any};
  if (fallback == Fallback::kDefaultSubset) return {.subset = subsets.default_set};
  return {};
}

SubsetChoice OfSelector(SubsetChoice choice) {
  choice.of_selector = true;
  return choice;
}

SubsetChoice ByFewerKeys(const Subsets& subsets, const SubsetConfig& config, const SubsetConfig::Selector& selector,
                         const config::LbCriteriaView& criteria) {
  // Their number and length is up to the configuration: short ones take no memory.
  absl::InlinedVector<char, 512> text;
  for (const config::LbCriteriaView::Part& part : criteria.parts) {
    if (!std::binary_search(selector.fallback_keys.begin(), selector.fallback_keys.end(), part.key)) continue;
    text.insert(text.end(), part.text.begin(), part.text.end());
  }
  const size_t subset = subsets.Find({text.data(), text.size()});
  if (subset != Subsets::kNone) return {.subset = subset, .selected = true};
  const SubsetConfig::Selector* const next =
      FindSelector(config, config::LbCriteria::KeysText(selector.fallback_keys));
  if (next != nullptr && next->fallback == Fallback::kFewerKeys) return ByFewerKeys(subsets, config, *next, criteria);
  if (next == nullptr || next->fallback == Fallback::kClusters) return FallBack(subsets, config.fallback);
  return OfSelector(FallBack(subsets, next->fallback));
}

SubsetChoice ChooseByKeys(const Subsets& subsets, const SubsetConfig& config, const config::LbCriteriaView& criteria) {
  if (!criteria.empty()) {
    if (const size_t subset = subsets.Find(criteria.text); subset != Subsets::kNone) {
      return {.subset = subset, .selected = true};
    }
    const SubsetConfig::Selector* const selector = FindSelector(config, criteria.keys);
    if (selector != nullptr && selector->fallback == Fallback::kFewerKeys) {
      return ByFewerKeys(subsets, config, *selector, criteria);
    }
    if (selector != nullptr && selector->fallback != Fallback::kClusters) {
      return OfSelector(FallBack(subsets, selector->fallback));
    }
  }
  SubsetChoice choice = FallBack(subsets, config.fallback);
  choice.may_panic = config.panic_mode_any && config.fallback != Fallback::kNone && subsets.any != Subsets::kNone;
  return choice;
}

// Whether the criteria have all of the selector's keys; both are sorted.
bool HasKeys(const config::LbCriteriaView& criteria, const SubsetConfig::Selector& selector) {
  auto key = selector.keys.begin();
  for (const config::LbCriteriaView::Part& part : criteria.parts) {
    if (key != selector.keys.end() && *key == part.key) ++key;
  }
  return key == selector.keys.end();
}

// With the keys of the selector that heeds most of them, and no others.
SubsetChoice WithoutRedundantKeys(const Subsets& subsets, const SubsetConfig& config,
                                  const config::LbCriteriaView& criteria) {
  const SubsetConfig::Selector* most = nullptr;
  for (const SubsetConfig::Selector& selector : config.selectors) {
    if (most != nullptr && selector.keys.size() <= most->keys.size()) continue;
    if (HasKeys(criteria, selector)) most = &selector;
  }
  if (most == nullptr || most->keys.size() == criteria.parts.size()) return ChooseByKeys(subsets, config, criteria);
  absl::InlinedVector<char, 512> text;
  absl::InlinedVector<config::LbCriteriaView::Part, 16> parts;
  for (const config::LbCriteriaView::Part& part : criteria.parts) {
    if (!std::binary_search(most->keys.begin(), most->keys.end(), part.key)) continue;
    text.insert(text.end(), part.text.begin(), part.text.end());
    parts.push_back(part);
  }
  return ChooseByKeys(subsets, config,
                      {.text = {text.data(), text.size()}, .keys = most->keys_text, .parts = {parts.data(), parts.size()}});
}

}  // namespace

CriteriaOver::CriteriaOver(const config::LbCriteriaView& others, const config::LbCriteriaView& over) {
  auto next = over.parts.begin();
  for (const config::LbCriteriaView::Part& part : others.parts) {
    for (; next != over.parts.end() && next->key < part.key; ++next) Add(*next);
    const bool has_own = next != over.parts.end() && next->key == part.key;
    if (!has_own && part.key != config::kFallbackListKey) Add(part);
  }
  for (; next != over.parts.end(); ++next) Add(*next);
}

void CriteriaOver::Add(const config::LbCriteriaView::Part& part) {
  parts_.push_back(part);
  text_.insert(text_.end(), part.text.begin(), part.text.end());
  config::LbCriteria::AddPiece([this](std::string_view piece) { keys_.insert(keys_.end(), piece.begin(), piece.end()); },
                               'k', part.key);
}

SubsetChoice ChooseSubset(const Subsets& subsets, const SubsetConfig& config, const config::LbCriteriaView& criteria) {
  return config.allow_redundant_keys ? WithoutRedundantKeys(subsets, config, criteria)
                                     : ChooseByKeys(subsets, config, criteria);
}

}  // namespace pillion::upstream
