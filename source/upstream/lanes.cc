#include "source/upstream/lanes.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "source/upstream/lane_text.h"

namespace pillion::upstream {
namespace {

using ConfiguredLabel = config::Lanes::Label;

// What a label of another type is as a text. A list and an object are none, and so no colour's; but they are labels.
std::string ValueText(const config::MetadataValue& value) {
  if (const auto* text = std::get_if<std::string>(&value.value)) return *text;
  if (const auto* flag = std::get_if<bool>(&value.value)) return *flag ? "true" : "false";
  std::string number;
  if (const auto* digits = std::get_if<double>(&value.value)) metadata::AppendJsonNumber(number, *digits);
  return number;
}

// By key. An empty text is no label.
std::vector<ConfiguredLabel> LabelsOf(const Host& host, const config::Lanes& config) {
  std::vector<ConfiguredLabel> labels;
  if (host.metadata() == nullptr) return labels;
  for (const std::string& key : config.keys) {
    const config::MetadataValue* const value = host.metadata()->Find(config::kLbNamespace, key);
    if (value == nullptr || std::holds_alternative<std::monostate>(value->value)) continue;
    const auto* const text = std::get_if<std::string>(&value->value);
    if (text == nullptr || !text->empty()) labels.push_back({key, ValueText(*value)});
  }
  return labels;
}

bool OfBaseline(const std::vector<ConfiguredLabel>& labels, const config::Lanes& config) {
  return std::ranges::all_of(labels, [&](const ConfiguredLabel& label) {
    return std::ranges::find(config.baseline, label) != config.baseline.end();
  });
}

// Two sets of labels have the same text if and only if they are equal.
template <typename Text>
void AddLabel(Text& text, std::string_view key, std::string_view value) {
  const auto add = [&text](std::string_view piece) { text.insert(text.end(), piece.begin(), piece.end()); };
  config::LbCriteria::AddPiece(add, 'k', key);
  config::LbCriteria::AddPiece(add, 'v', value);
}

bool EnoughHealthy(const HostSet& set, double min_percent) {
  size_t available = 0;
  size_t counted = 0;
  for (const PriorityHosts& priority : set.priorities) {
    available += priority.healthy.size() + priority.degraded.size();
    counted += priority.hosts.size() - priority.excluded;
  }
  return available > 0 && 100.0 * static_cast<double>(available) >= min_percent * static_cast<double>(counted);
}

}  // namespace

Lanes::Lanes(const Hosts& hosts, const config::LoadBalancing& config, const config::AssignmentPolicy& policy) {
  const config::Lanes& lanes = *config.lanes;
  Hosts baseline;
  std::map<std::string, Hosts> members;  // of each set of labels that some host has, whatever its others are
  std::set<std::string> found;
  for (const std::shared_ptr<Host>& host : hosts) {
    const std::vector<ConfiguredLabel> labels = LabelsOf(*host, lanes);
    if (OfBaseline(labels, lanes)) {
      baseline.push_back(host);
    } else {
      found.insert(LabelsText(labels));
    }
    for (unsigned some = 1; some < 1u << labels.size(); ++some) {
      std::string text;
      for (size_t i = 0; i < labels.size(); ++i) {
        if ((some >> i & 1) != 0) AddLabel(text, labels[i].key, labels[i].value);
      }
      members[text].push_back(host);
    }
  }
  names.assign(found.begin(), found.end());

  config::LoadBalancing within = config;
  within.lanes = nullptr;
  const auto add = [&](Hosts some, double min_percent) {
    sets.push_back(MakeHostSet(std::move(some), within, policy));
    healthy.push_back(EnoughHealthy(sets.back(), min_percent));
    return sets.size() - 1;
  };
  const bool no_baseline = baseline.empty();
  plain = {add(std::move(baseline), 0), {LaneFit::kBaseline, LaneLack::kNone}};
  if (lanes.baseline_on_lanes && !healthy[plain.set] && !hosts.empty()) {
    plain = {add(hosts, 0), {LaneFit::kFallback, no_baseline ? LaneLack::kNoHosts : LaneLack::kUnhealthy}};
  }
  within.panic_threshold = 0;
  std::map<Hosts, size_t> by_hosts;  // one set, by whichever of their labels they are asked for
  for (const auto& [text, some] : members) {
    const auto [set, is_new] = by_hosts.emplace(some, sets.size());
    if (is_new) add(some, lanes.min_healthy_percent);
    by_labels.emplace(text, set->second);
  }
  for (const config::Lanes::Fallback& fallback : lanes.fallbacks) {
    std::vector<Label> labels;
    for (const ConfiguredLabel& label : fallback.labels) labels.push_back({label.key, label.value});
    fallbacks.push_back(Find(labels));
  }
}

size_t Lanes::Find(std::span<const Label> labels) const {
  // How long they are is up to the requests: short ones take no memory.
  absl::InlinedVector<char, 256> text;
  for (const Label& label : labels) {
    if (label.value.empty()) return kNone;
    AddLabel(text, label.key, label.value);
  }
  const auto found = by_labels.find(absl::string_view(text.data(), text.size()));
  return found == by_labels.end() ? kNone : found->second;
}

std::string LaneOf(const Host& host, const config::Lanes& config) {
  const std::vector<ConfiguredLabel> labels = LabelsOf(host, config);
  return OfBaseline(labels, config) ? "" : LabelsText(labels);
}

}  // namespace pillion::upstream
