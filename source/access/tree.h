#pragma once

// Rules as a tree of matchers (matcher_tree.h). What comes to no action at all is denied, and so is what is unclear.

#include <cstdint>
#include <string>
#include <vector>

#include "source/access/engine.h"
#include "source/access/matcher_tree.h"

namespace pillion::access {

class Tree final : public Engine {
 public:
  struct NamedAction {
    std::string name;
    Action action;
  };

  // Targets that are actions are numbers in `actions`.
  Tree(Conditions conditions, std::vector<Matcher> matchers, std::vector<NamedAction> actions);

  Decision Decide(const Request& request) const override;
  bool has_expressions() const override { return tree_.has_expressions(); }

 private:
  uint32_t Find(const Request& request) const;

  const MatcherTree tree_;
  std::vector<Action> actions_;  // by the number of the rule
  bool logs_ = false;            // one of them does
};

}  // namespace pillion::access
