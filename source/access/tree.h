#pragma once

// A tree of matchers, as xds.type.matcher.v3.Matcher describes it: lists of conditions, and maps by a text. What fits leads
// to an action or to another matcher; where that comes to nothing, the search goes on behind it. What comes to no action at
// all is denied, and so is what is unclear.
//
// Neighbours in a list that each ask for texts of one input (exact ones, prefixes, regular expressions) are found by these,
// however many they are; and so is what a map of prefixes leads to.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/access/condition.h"
#include "source/access/engine.h"
#include "source/access/prefix_index.h"
#include "source/access/text_index.h"

namespace pillion::access {

// Where something that fits leads.
struct Target {
  enum class Kind : uint8_t { kNothing, kAction, kMatcher };

  Kind kind = Kind::kNothing;
  uint32_t index = 0;  // in Tree's lists
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
  struct Map {
    KeyInput input;
    bool prefixes = false;  // the longest that leads to an action
    absl::flat_hash_map<std::string, Target> targets;
  };

  std::variant<std::monostate, std::vector<Entry>, Map> kind;
  Target otherwise;
};

class Tree final : public Engine {
 public:
  struct NamedAction {
    std::string name;
    Action action;
  };

  // The first matcher is the root; targets are numbers in these lists.
  Tree(Conditions conditions, std::vector<Matcher> matchers, std::vector<NamedAction> actions);

  Decision Decide(const Request& request) const override;
  bool has_expressions() const override { return conditions_.has_expressions(); }

 private:
  static constexpr uint32_t kNothing = Decision::kNoRule;
  static constexpr uint32_t kUnclear = kNothing - 1;

  // One entry, or several next to each other that are found by the text of one input.
  struct Step {
    Input input;
    std::vector<Matcher::Entry> entries;
    TextIndex index;  // of entries, by their places; empty: there is only one
  };
  struct Map {
    KeyInput input;
    absl::flat_hash_map<std::string, Target> exact;
    PrefixIndex prefixes;
    std::vector<Target> of_prefix;  // by number
  };
  struct Node {
    std::vector<Step> steps;
    std::optional<Map> map;
    Target otherwise;
  };

  static Map MakeMap(Matcher::Map from);
  bool IsOfConnection() const;  // all that it asks is
  // The action, or one of the above.
  uint32_t Find(const Request& request) const;
  uint32_t Follow(const Target& target, const Request& request) const;
  uint32_t Match(const Node& node, const Request& request) const;
  uint32_t Take(const Step& step, const Request& request) const;
  uint32_t Try(const Matcher::Entry& entry, const Request& request) const;
  uint32_t Look(const Map& map, const Request& request) const;
  uint32_t LookFor(const Map& map, std::string_view text, const Request& request) const;

  const Conditions conditions_;
  std::vector<Node> nodes_;
  std::vector<Action> actions_;  // by the number of the rule
  bool logs_ = false;            // one of them does
  bool of_connection_ = false;   // a connection's requests all come to the same
};

}  // namespace pillion::access
