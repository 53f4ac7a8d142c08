#pragma once

// Which of several patterns a connection fits best: the choice of a filter chain.
//
// The traits are looked at one after the other, in the order of ConnectionPattern's fields. Each step goes on with the
// patterns that are the most specific in that trait (a longer prefix, a whole name, a named value before none) and never
// comes back to others, even if none of these fits in the end. Immutable once built; any thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/match/ip_range.h"

namespace pillion::match {

enum class SourceType : uint8_t { kAny, kLocal, kExternal };

// What is empty fits every connection. Of several values one has to fit.
struct ConnectionPattern {
  std::optional<uint16_t> destination_port;
  std::vector<IpRange> destinations;
  std::vector<std::string> server_names;  // in lower case; "*.example.com" is every name that ends so
  std::string transport_protocol;
  std::vector<std::string> application_protocols;
  std::vector<IpRange> direct_sources;
  SourceType source_type = SourceType::kAny;
  std::vector<IpRange> sources;
  std::vector<uint16_t> source_ports;
};

// What is known of a connection; what is unset only fits patterns that do not ask for it.
struct ConnectionTraits {
  std::optional<uint16_t> destination_port;
  std::optional<IpAddress> destination;
  std::string_view server_name;  // in lower case
  std::string_view transport_protocol;
  std::span<const std::string> application_protocols;  // the one that is preferred first
  std::optional<IpAddress> direct_source;
  bool local = false;  // from this machine
  std::optional<IpAddress> source;
  std::optional<uint16_t> source_port;
};

class ConnectionMatcher {
 public:
  // Adds a pattern; Find() gives `value` for what fits it. If an earlier one asks for the same, gives that one's value
  // and adds nothing.
  std::optional<uint32_t> Add(const ConnectionPattern& pattern, uint32_t value);
  // For what fits no pattern.
  void SetDefault(uint32_t value) { default_ = value; }

  std::optional<uint32_t> Find(const ConnectionTraits& traits) const;
  // The value of every connection, where it does not depend on traits.
  std::optional<uint32_t> constant() const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr int kLevels = 9;

  // What follows from one trait: another node, or at the last level a pattern's value.
  struct Node {
    struct Range {
      IpRange range;
      uint32_t next;
    };
    absl::flat_hash_map<std::string, uint32_t> exact;
    std::vector<Range> ranges;  // the longest first
    uint32_t any = kNone;
  };

  std::optional<uint32_t> Insert(uint32_t node, int level, const ConnectionPattern& pattern, uint32_t value);
  static uint32_t FindExact(const Node& node, std::string_view key);
  static uint32_t FindRange(const Node& node, const std::optional<IpAddress>& address);
  static uint32_t FindServerName(const Node& node, std::string_view name);
  static uint32_t FindNext(const Node& node, int level, const ConnectionTraits& traits);

  std::vector<Node> nodes_;  // the root first
  uint32_t default_ = kNone;
};

}  // namespace pillion::match
