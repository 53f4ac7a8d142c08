#include "source/access/tree.h"

#include <algorithm>

namespace pillion::access {
namespace {

template <typename Map>
auto Find(const Map& map, std::string_view key) {
  return map.find(absl::string_view(key.data(), key.size()));
}

}  // namespace

Tree::Tree(Conditions conditions, std::vector<Matcher> matchers, std::vector<NamedAction> actions)
    : conditions_(std::move(conditions)) {
  for (NamedAction& action : actions) {
    AddRule(std::move(action.name), action.action != Action::kDeny);
    actions_.push_back(action.action);
    logs_ = logs_ || action.action == Action::kLog;
  }
  for (Matcher& matcher : matchers) {
    Node& node = nodes_.emplace_back();
    node.otherwise = matcher.otherwise;
    if (auto* map = std::get_if<Matcher::Map>(&matcher.kind)) node.map = std::move(*map);
    auto* entries = std::get_if<std::vector<Matcher::Entry>>(&matcher.kind);
    if (entries == nullptr) continue;
    for (Matcher::Entry& entry : *entries) {
      const bool by_value = !entry.values.empty();
      const bool joins = by_value && !node.steps.empty() && !node.steps.back().by_value.empty() &&
                         node.steps.back().entry.input == entry.input;
      if (!joins) node.steps.emplace_back().entry = entry;
      Step& step = node.steps.back();
      std::sort(entry.values.begin(), entry.values.end());
      entry.values.erase(std::unique(entry.values.begin(), entry.values.end()), entry.values.end());
      for (const std::string& value : entry.values) step.by_value[value].push_back(entry.target);
    }
  }
}

uint32_t Tree::Follow(const Target& target, const Request& request) const {
  switch (target.kind) {
    case Target::Kind::kNothing:
      return kNothing;
    case Target::Kind::kAction:
      return target.index;
    case Target::Kind::kMatcher:
      break;
  }
  return Match(nodes_[target.index], request);
}

uint32_t Tree::Match(const Node& node, const Request& request) const {
  for (const Step& step : node.steps) {
    const uint32_t found = Take(step, request);
    if (found != kNothing) return found;
  }
  if (const auto* map = std::get_if<Matcher::Map>(&node.map)) {
    const uint32_t found = Look(*map, request);
    if (found != kNothing) return found;
  }
  return Follow(node.otherwise, request);
}

uint32_t Tree::Take(const Step& step, const Request& request) const {
  if (step.by_value.empty()) {
    const Truth truth = conditions_.Of(step.entry.condition, request);
    if (truth == Truth::kUnclear) return kUnclear;
    return truth == Truth::kNo ? kNothing : Follow(step.entry.target, request);
  }
  char scratch[8];
  const std::string_view text = TextOf(step.entry.input, request, scratch);
  if (text.empty() && MayBeMissing(step.entry.input)) return kNothing;
  const auto found = Find(step.by_value, text);
  if (found == step.by_value.end()) return kNothing;
  for (const Target& target : found->second) {
    const uint32_t action = Follow(target, request);
    if (action != kNothing) return action;
  }
  return kNothing;
}

uint32_t Tree::LookFor(const Matcher::Map& map, std::string_view text, const Request& request) const {
  if (!map.prefixes) {
    const auto found = Find(map.targets, text);
    return found == map.targets.end() ? kNothing : Follow(found->second, request);
  }
  for (const size_t length : map.lengths) {
    if (length > text.size()) continue;
    const auto found = Find(map.targets, text.substr(0, length));
    if (found == map.targets.end()) continue;
    const uint32_t action = Follow(found->second, request);
    if (action != kNothing) return action;
  }
  return kNothing;
}

uint32_t Tree::Look(const Matcher::Map& map, const Request& request) const {
  if (const auto* input = std::get_if<Input>(&map.input)) {
    char scratch[8];
    const std::string_view text = TextOf(*input, request, scratch);
    return text.empty() && MayBeMissing(*input) ? kNothing : LookFor(map, text, request);
  }
  const auto& name = std::get<http::FieldName>(map.input);
  if (request.head == nullptr) return kNothing;
  const std::optional<std::string_view> all = name.All(*request.head);
  if (!all) return kNothing;
  const uint32_t action = LookFor(map, *all, request);
  // Where a single one of several values leads elsewhere, it is unclear what the upstream will take.
  for (const http::HeaderField& field : request.head->headers) {
    if (!name.Is(field)) continue;
    const uint32_t of_one = LookFor(map, field.value(), request);
    if (of_one != kNothing && of_one != action) return kUnclear;
  }
  return action;
}

Decision Tree::Decide(const Request& request) const {
  const uint32_t found = Match(nodes_[0], request);
  if (found == kNothing || found == kUnclear) return {};
  const Action action = actions_[found];
  Decision decision{.allowed = action != Action::kDeny, .rule = found};
  if (logs_) decision.log = action == Action::kLog;
  return decision;
}

}  // namespace pillion::access
