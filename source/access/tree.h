#pragma once

// A tree of matchers, as xds.type.matcher.v3.Matcher describes it: lists of conditions, and maps by a text. What fits leads
// to an action or to another matcher; where that comes to nothing, the search goes on behind it. What comes to no action at
// all is denied, and so is what is unclear.
//
// Neighbours in a list that each ask for exact values of one input are found by those, however many they are.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/access/condition.h"
#include "source/access/engine.h"

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
    // The condition is that `input` is one of `values`; empty: it is something else.
    Input input = Input::kPath;
    std::vector<std::string> values;
  };
  struct Map {
    KeyInput input;
    bool prefixes = false;  // the longest that leads to an action
    absl::flat_hash_map<std::string, Target> targets;
    std::vector<size_t> lengths;  // of prefixes, descending
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

 private:
  static constexpr uint32_t kNothing = Decision::kNoRule;
  static constexpr uint32_t kUnclear = kNothing - 1;

  // One entry, or several next to each other that are found by a value.
  struct Step {
    Matcher::Entry entry;
    absl::flat_hash_map<std::string, std::vector<Target>> by_value;
  };
  struct Node {
    std::vector<Step> steps;
    std::variant<std::monostate, Matcher::Map> map;
    Target otherwise;
  };

  // The action, or one of the above.
  uint32_t Follow(const Target& target, const Request& request) const;
  uint32_t Match(const Node& node, const Request& request) const;
  uint32_t Take(const Step& step, const Request& request) const;
  uint32_t Look(const Matcher::Map& map, const Request& request) const;
  uint32_t LookFor(const Matcher::Map& map, std::string_view text, const Request& request) const;

  const Conditions conditions_;
  std::vector<Node> nodes_;
  std::vector<Action> actions_;  // by the number of the rule
  bool logs_ = false;            // one of them does
};

}  // namespace pillion::access
