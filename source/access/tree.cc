#include "source/access/tree.h"

#include <utility>

namespace pillion::access {

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
    if (auto* map = std::get_if<Matcher::Map>(&matcher.kind)) node.map = MakeMap(std::move(*map));
    auto* entries = std::get_if<std::vector<Matcher::Entry>>(&matcher.kind);
    if (entries == nullptr) continue;
    for (Matcher::Entry& entry : *entries) {
      const bool joins = !entry.patterns.empty() && !node.steps.empty() &&
                         !node.steps.back().entries.back().patterns.empty() && node.steps.back().input == entry.input;
      if (!joins) node.steps.push_back({.input = entry.input, .entries = {}, .index = {}});
      node.steps.back().entries.push_back(std::move(entry));
    }
    for (Step& step : node.steps) {
      for (uint32_t i = 0; i < step.entries.size(); ++i) step.index.Add(i, std::exchange(step.entries[i].patterns, {}));
      step.index.Finish();
    }
  }
  of_connection_ = IsOfConnection();
}

bool Tree::IsOfConnection() const {
  if (!conditions_.AreOfConnection()) return false;
  for (const Node& node : nodes_) {
    for (const Step& step : node.steps) {
      if (!step.index.empty() && !access::IsOfConnection(step.input)) return false;
    }
    if (!node.map) continue;
    const auto* const input = std::get_if<Input>(&node.map->input);
    if (input == nullptr || !access::IsOfConnection(*input)) return false;
  }
  return true;
}

Tree::Map Tree::MakeMap(Matcher::Map from) {
  Map map{.input = std::move(from.input), .exact = {}, .prefixes = {}, .of_prefix = {}};
  if (!from.prefixes) {
    map.exact = std::move(from.targets);
    return map;
  }
  std::vector<std::string> prefixes;
  for (const auto& [prefix, target] : from.targets) prefixes.push_back(prefix);
  map.prefixes = PrefixIndex(std::move(prefixes));
  for (uint32_t i = 0; i < map.prefixes.size(); ++i) map.of_prefix.push_back(from.targets.at(map.prefixes.text(i)));
  return map;
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
  if (node.map) {
    const uint32_t found = Look(*node.map, request);
    if (found != kNothing) return found;
  }
  return Follow(node.otherwise, request);
}

uint32_t Tree::Try(const Matcher::Entry& entry, const Request& request) const {
  const Truth truth = conditions_.Of(entry.condition, request);
  if (truth == Truth::kUnclear) return kUnclear;
  return truth == Truth::kNo ? kNothing : Follow(entry.target, request);
}

uint32_t Tree::Take(const Step& step, const Request& request) const {
  if (step.index.empty()) return Try(step.entries.front(), request);
  char scratch[8];
  const std::string_view text = TextOf(step.input, request, scratch);
  if (text.empty() && MayBeMissing(step.input)) return kNothing;
  TextIndex::Search search = step.index.Find(text);
  for (uint32_t i = step.index.Next(search, 0); i != TextIndex::kNone; i = step.index.Next(search, i + 1)) {
    const Matcher::Entry& entry = step.entries[i];
    // What it is found by is all that it asks for; of a regular expression nothing is sure yet.
    const uint32_t found = step.index.IsSure(search, i) ? Follow(entry.target, request) : Try(entry, request);
    if (found != kNothing) return found;
  }
  return kNothing;
}

uint32_t Tree::LookFor(const Map& map, std::string_view text, const Request& request) const {
  const auto exact = map.exact.find(absl::string_view(text.data(), text.size()));
  if (exact != map.exact.end()) return Follow(exact->second, request);
  for (uint32_t i = map.prefixes.Longest(text); i != PrefixIndex::kNone; i = map.prefixes.Shorter(i)) {
    const uint32_t action = Follow(map.of_prefix[i], request);
    if (action != kNothing) return action;
  }
  return kNothing;
}

uint32_t Tree::Look(const Map& map, const Request& request) const {
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

uint32_t Tree::Find(const Request& request) const {
  if (!of_connection_ || request.findings == nullptr) return Match(nodes_[0], request);
  Findings::OfEngine& found = request.findings->Of(id());
  if (found.size == 0) {
    found.rules[0] = Match(nodes_[0], request);
    found.size = 1;
  }
  return found.rules[0];
}

Decision Tree::Decide(const Request& request) const {
  const uint32_t found = Find(request);
  if (found == kNothing || found == kUnclear) return {};
  const Action action = actions_[found];
  Decision decision{.allowed = action != Action::kDeny, .rule = found};
  if (logs_) decision.log = action == Action::kLog;
  return decision;
}

}  // namespace pillion::access
