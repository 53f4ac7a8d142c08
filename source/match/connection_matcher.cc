#include "source/match/connection_matcher.h"

#include <algorithm>
#include <array>

namespace pillion::match {
namespace {

enum Level : int {
  kDestinationPort,
  kDestination,
  kServerName,
  kTransportProtocol,
  kApplicationProtocol,
  kDirectSource,
  kSourceType,
  kSource,
  kSourcePort,
};

std::array<char, 2> PortKey(uint16_t port) {
  return {static_cast<char>(port >> 8), static_cast<char>(port & 0xff)};
}

std::string_view View(const std::array<char, 2>& key) {
  return {key.data(), key.size()};
}

constexpr std::string_view kLocalKey = "local";
constexpr std::string_view kExternalKey = "external";

// The values that `pattern` asks for at a level of exact values; none: any.
std::vector<std::string> Keys(const ConnectionPattern& pattern, int level) {
  std::vector<std::string> keys;
  switch (level) {
    case kDestinationPort:
      if (pattern.destination_port) keys.emplace_back(View(PortKey(*pattern.destination_port)));
      break;
    case kServerName:
      for (std::string_view name : pattern.server_names)
        keys.emplace_back(name.substr(name.starts_with("*.") ? 1 : 0));
      break;
    case kTransportProtocol:
      if (!pattern.transport_protocol.empty()) keys.push_back(pattern.transport_protocol);
      break;
    case kApplicationProtocol:
      keys = pattern.application_protocols;
      break;
    case kSourceType:
      if (pattern.source_type == SourceType::kLocal) keys.emplace_back(kLocalKey);
      if (pattern.source_type == SourceType::kExternal) keys.emplace_back(kExternalKey);
      break;
    case kSourcePort:
      for (const uint16_t port : pattern.source_ports) keys.emplace_back(View(PortKey(port)));
      break;
  }
  return keys;
}

const std::vector<IpRange>* Ranges(const ConnectionPattern& pattern, int level) {
  switch (level) {
    case kDestination:
      return &pattern.destinations;
    case kDirectSource:
      return &pattern.direct_sources;
    case kSource:
      return &pattern.sources;
  }
  return nullptr;
}

}  // namespace

std::optional<uint32_t> ConnectionMatcher::Add(const ConnectionPattern& pattern, uint32_t value) {
  if (nodes_.empty()) nodes_.emplace_back();
  return Insert(0, 0, pattern, value);
}

std::optional<uint32_t> ConnectionMatcher::Insert(uint32_t node, int level, const ConnectionPattern& pattern,
                                                  uint32_t value) {
  std::optional<uint32_t> same;
  // Goes on behind the link that `link` finds or makes in the node; nodes_ may move in between.
  const auto descend = [&](auto link) {
    if (level == kLevels - 1) {
      uint32_t& leaf = link(nodes_[node]);
      if (leaf == kNone) {
        leaf = value;
      } else if (leaf != value) {
        same = leaf;
      }
      return;
    }
    if (link(nodes_[node]) == kNone) {
      nodes_.emplace_back();
      link(nodes_[node]) = static_cast<uint32_t>(nodes_.size() - 1);
    }
    if (const auto found = Insert(link(nodes_[node]), level + 1, pattern, value)) same = found;
  };

  bool any = true;
  for (const std::string& key : Keys(pattern, level)) {
    any = false;
    descend([&](Node& at) -> uint32_t& { return at.exact.try_emplace(key, kNone).first->second; });
  }
  if (const std::vector<IpRange>* ranges = Ranges(pattern, level)) {
    for (const IpRange& range : *ranges) {
      any = false;
      descend([&](Node& at) -> uint32_t& {
        auto place = std::find_if(at.ranges.begin(), at.ranges.end(),
                                  [&](const Node::Range& other) { return other.range == range; });
        if (place == at.ranges.end()) {
          place = std::find_if(at.ranges.begin(), at.ranges.end(),
                               [&](const Node::Range& other) { return other.range.bits() < range.bits(); });
          place = at.ranges.insert(place, {range, kNone});
        }
        return place->next;
      });
    }
  }
  if (any) descend([](Node& at) -> uint32_t& { return at.any; });
  return same;
}

uint32_t ConnectionMatcher::FindExact(const Node& node, std::string_view key) {
  const auto found = node.exact.find(absl::string_view(key.data(), key.size()));
  return found == node.exact.end() ? kNone : found->second;
}

uint32_t ConnectionMatcher::FindRange(const Node& node, const std::optional<IpAddress>& address) {
  if (!address) return kNone;
  for (const Node::Range& range : node.ranges) {
    if (range.range.Contains(*address)) return range.next;
  }
  return kNone;
}

uint32_t ConnectionMatcher::FindServerName(const Node& node, std::string_view name) {
  if (name.empty() || node.exact.empty()) return kNone;
  if (!name.starts_with('.')) {
    if (const uint32_t next = FindExact(node, name); next != kNone) return next;
  }
  // Suffixes are kept with their dot in front.
  for (size_t dot = name.find('.', 1); dot != name.npos; dot = name.find('.', dot + 1)) {
    if (const uint32_t next = FindExact(node, name.substr(dot)); next != kNone) return next;
  }
  return kNone;
}

uint32_t ConnectionMatcher::FindNext(const Node& node, int level, const ConnectionTraits& traits) {
  switch (level) {
    case kDestinationPort:
      return traits.destination_port ? FindExact(node, View(PortKey(*traits.destination_port))) : kNone;
    case kDestination:
      return FindRange(node, traits.destination);
    case kServerName:
      return FindServerName(node, traits.server_name);
    case kTransportProtocol:
      return FindExact(node, traits.transport_protocol);
    case kApplicationProtocol:
      for (const std::string& protocol : traits.application_protocols) {
        if (const uint32_t next = FindExact(node, protocol); next != kNone) return next;
      }
      return kNone;
    case kDirectSource:
      return FindRange(node, traits.direct_source);
    case kSourceType:
      return FindExact(node, traits.local ? kLocalKey : kExternalKey);
    case kSource:
      return FindRange(node, traits.source);
    case kSourcePort:
      return traits.source_port ? FindExact(node, View(PortKey(*traits.source_port))) : kNone;
  }
  return kNone;
}

std::optional<uint32_t> ConnectionMatcher::Find(const ConnectionTraits& traits) const {
  uint32_t at = nodes_.empty() ? kNone : 0;
  for (int level = 0; level < kLevels && at != kNone; ++level) {
    const Node& node = nodes_[at];
    const uint32_t next = FindNext(node, level, traits);
    at = next != kNone ? next : node.any;
  }
  if (at == kNone) at = default_;
  return at == kNone ? std::nullopt : std::optional(at);
}

std::optional<uint32_t> ConnectionMatcher::constant() const {
  if (nodes_.empty()) return default_ == kNone ? std::nullopt : std::optional(default_);
  uint32_t at = 0;
  for (int level = 0; level < kLevels && at != kNone; ++level) {
    const Node& node = nodes_[at];
    if (!node.exact.empty() || !node.ranges.empty()) return std::nullopt;
    at = node.any;
  }
  return at == kNone ? std::nullopt : std::optional(at);
}

}  // namespace pillion::match
