#include "source/access/matcher_tree.h"

#include <algorithm>
#include <utility>

namespace pillion::access {

MatcherTree::MatcherTree(Conditions conditions, std::vector<Matcher> matchers) : conditions_(std::move(conditions)) {
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

bool MatcherTree::IsOfConnection() const {
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

MatcherTree::Map MatcherTree::MakeMap(Matcher::Map from) {
  Map map;
  map.input = std::move(from.input);
  map.by = from.by;
  switch (from.by) {
    case Matcher::Map::By::kText:
      map.exact = std::move(from.targets);
      break;
    case Matcher::Map::By::kPrefix: {
      std::vector<std::string> prefixes;
      for (const auto& [prefix, target] : from.targets) prefixes.push_back(prefix);
      map.prefixes = PrefixIndex(std::move(prefixes));
      for (uint32_t i = 0; i < map.prefixes.size(); ++i) map.of_prefix.push_back(from.targets.at(map.prefixes.text(i)));
      break;
    }
    case Matcher::Map::By::kDomain:
      for (const auto& [domain, target] : from.targets) {
        if (!domain.starts_with('*')) {
          map.exact.emplace(domain, target);
        } else {
          map.suffixes.emplace(domain == "*" ? "" : domain.substr(2), target);
        }
      }
      break;
    case Matcher::Map::By::kRange:
      AddRanges(std::move(from.ranges), map);
      break;
  }
  return map;
}

void MatcherTree::AddRanges(std::vector<Matcher::Range> ranges, Map& map) {
  match::IpAddress::BitText text;
  std::vector<std::string> prefixes;
  for (const Matcher::Range& each : ranges) prefixes.emplace_back(each.range.Bits(text));
  map.prefixes = PrefixIndex(std::move(prefixes));
  map.of_range.resize(map.prefixes.size());
  for (Matcher::Range& each : ranges) map.of_range[map.prefixes.NumberOf(each.range.Bits(text))].push_back(std::move(each));
}

uint32_t MatcherTree::Follow(const Target& target, const Request& request) const {
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

uint32_t MatcherTree::Match(const Node& node, const Request& request) const {
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

uint32_t MatcherTree::Try(const Matcher::Entry& entry, const Request& request) const {
  const Truth truth = conditions_.Of(entry.condition, request);
  if (truth == Truth::kUnclear) return kUnclear;
  return truth == Truth::kNo ? kNothing : Follow(entry.target, request);
}

uint32_t MatcherTree::Take(const Step& step, const Request& request) const {
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

uint32_t MatcherTree::LookFor(const Map& map, std::string_view text, const Request& request) const {
  switch (map.by) {
    case Matcher::Map::By::kText: {
      const auto exact = map.exact.find(absl::string_view(text.data(), text.size()));
      return exact == map.exact.end() ? kNothing : Follow(exact->second, request);
    }
    case Matcher::Map::By::kPrefix:
      for (uint32_t i = map.prefixes.Longest(text); i != PrefixIndex::kNone; i = map.prefixes.Shorter(i)) {
        const uint32_t action = Follow(map.of_prefix[i], request);
        if (action != kNothing) return action;
      }
      return kNothing;
    case Matcher::Map::By::kDomain:
      return LookForDomain(map, text, request);
    case Matcher::Map::By::kRange:
      return LookForAddress(map, text, request);
  }
  return kNothing;
}

uint32_t MatcherTree::LookForDomain(const Map& map, std::string_view name, const Request& request) const {
  if (name.empty()) return kNothing;
  const auto look = [&](const absl::flat_hash_map<std::string, Target>& targets, std::string_view key) {
    const auto found = targets.find(absl::string_view(key.data(), key.size()));
    return found == targets.end() ? kNothing : Follow(found->second, request);
  };
  uint32_t action = look(map.exact, name);
  for (size_t dot = name.find('.'); action == kNothing && dot != name.npos; dot = name.find('.', dot + 1)) {
    // The empty one behind a last dot is that of "*", which comes below.
    if (dot + 1 < name.size()) action = look(map.suffixes, name.substr(dot + 1));
  }
  return action == kNothing ? look(map.suffixes, "") : action;
}

uint32_t MatcherTree::LookForAddress(const Map& map, std::string_view text, const Request& request) const {
  const std::optional<match::IpAddress> address = match::IpAddress::Parse(text);
  if (!address) return kNothing;
  match::IpAddress::BitText bits;
  bool narrowest = true;
  for (uint32_t i = map.prefixes.Longest(address->Bits(bits)); i != PrefixIndex::kNone; i = map.prefixes.Shorter(i)) {
    for (const Matcher::Range& each : map.of_range[i]) {
      if (!narrowest && each.exclusive) continue;
      narrowest = false;
      const uint32_t action = Follow(each.target, request);
      if (action != kNothing) return action;
    }
  }
  return kNothing;
}

uint32_t MatcherTree::Look(const Map& map, const Request& request) const {
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

}  // namespace pillion::access
