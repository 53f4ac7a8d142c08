#pragma once

// A tree of matchers, as xds.type.matcher.v3.Matcher describes it: lists of conditions, and maps by a text. What fits leads
// to an action, which is a number here, or to another matcher; where that comes to nothing, the search goes on behind it.
//
// Neighbours in a list that each ask for texts of one input (exact ones, prefixes, regular expressions) are found by these,
// however many they are; and so is what a map of prefixes, of ranges or of domains leads to. Immutable once built; any
// thread; a search allocates nothing but what TextOf() does.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/access/condition.h"
#include "source/access/prefix_index.h"
#include "source/access/text_index.h"
#include "source/match/ip_range.h"

namespace pillion::access {

// Where something that fits leads.
struct Target {
  enum class Kind : uint8_t { kNothing, kAction, kMatcher };

  Kind kind = Kind::kNothing;
  uint32_t index = 0;  // of actions, or of matchers
};

// What a map is asked for. A field with several values has each of them and all joined by commas.
using KeyInput = std::variant<Input, http::FieldName>;

struct Matcher {
  // In a list.
  struct Entry {
    Conditions::Index condition = 0;
    Target target;
    // The condition is that `input` fits one of these; empty: it is something else.
    Input input = Input::kPath;
    std::vector<TextPattern> patterns;
  };
  struct Range {
    match::IpRange range;
    Target target;
    bool exclusive = false;  // not for what is in a narrower one, wherever that leads
  };
  struct Map {
    enum class By : uint8_t {
      kText,
      kPrefix,  // the longest that leads to an action
      kDomain,  // itself, then "*.example.com", the longest first, then "*"
      kRange,   // of addresses: the narrowest first, of equal ones the first in the list
    };

    KeyInput input;
    By by = By::kText;
    absl::flat_hash_map<std::string, Target> targets = {};  // of all but kRange
    std::vector<Range> ranges = {};                         // of kRange
  };

  std::variant<std::monostate, std::vector<Entry>, Map> kind;
  Target otherwise;
};

class MatcherTree {
 public:
  static constexpr uint32_t kNothing = UINT32_MAX;     // no action
  static constexpr uint32_t kUnclear = kNothing - 1;   // one that nobody knows

  // The first matcher is the root; there is one. Targets that are matchers are numbers in this list.
  MatcherTree(Conditions conditions, std::vector<Matcher> matchers);

  // The action, or one of the above.
  uint32_t Find(const Request& request) const { return Match(nodes_[0], request); }

  bool has_expressions() const { return conditions_.has_expressions(); }
  // A connection's requests all come to the same.
  bool is_of_connection() const { return of_connection_; }

 private:
  // One entry, or several next to each other that are found by the text of one input.
  struct Step {
    Input input;
    std::vector<Matcher::Entry> entries;
    TextIndex index;  // of entries, by their places; empty: there is only one
  };
  struct Map {
    KeyInput input;
    Matcher::Map::By by;
    absl::flat_hash_map<std::string, Target> exact;
    absl::flat_hash_map<std::string, Target> suffixes;  // of domains: of "*.a.test" it is "a.test", of "*" it is empty
    PrefixIndex prefixes;                               // of ranges: of the bits of their addresses
    std::vector<Target> of_prefix;                      // by number
    std::vector<std::vector<Matcher::Range>> of_range;  // by number
  };
  struct Node {
    std::vector<Step> steps;
    std::optional<Map> map;
    Target otherwise;
  };

  static Map MakeMap(Matcher::Map from);
  static void AddRanges(std::vector<Matcher::Range> ranges, Map& map);
  bool IsOfConnection() const;  // all that it asks is
  uint32_t Follow(const Target& target, const Request& request) const;
  uint32_t Match(const Node& node, const Request& request) const;
  uint32_t Take(const Step& step, const Request& request) const;
  uint32_t Try(const Matcher::Entry& entry, const Request& request) const;
  uint32_t Look(const Map& map, const Request& request) const;
  uint32_t LookFor(const Map& map, std::string_view text, const Request& request) const;
  uint32_t LookForDomain(const Map& map, std::string_view name, const Request& request) const;
  uint32_t LookForAddress(const Map& map, std::string_view text, const Request& request) const;

  Conditions conditions_;
  std::vector<Node> nodes_;
  bool of_connection_ = false;
};

}  // namespace pillion::access
