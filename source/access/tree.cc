#include "source/access/tree.h"

#include <utility>

namespace pillion::access {

static_assert(MatcherTree::kNothing == Decision::kNoRule);

Tree::Tree(Conditions conditions, std::vector<Matcher> matchers, std::vector<NamedAction> actions)
    : tree_(std::move(conditions), std::move(matchers)) {
  for (NamedAction& action : actions) {
    AddRule(std::move(action.name), action.action != Action::kDeny);
    actions_.push_back(action.action);
    logs_ = logs_ || action.action == Action::kLog;
  }
}

uint32_t Tree::Find(const Request& request) const {
  if (!tree_.is_of_connection() || request.findings == nullptr) return tree_.Find(request);
  Findings::OfEngine& found = request.findings->Of(id());
  if (found.size == 0) {
    found.rules[0] = tree_.Find(request);
    found.size = 1;
  }
  return found.rules[0];
}

Decision Tree::Decide(const Request& request) const {
  const uint32_t found = Find(request);
  if (found == MatcherTree::kNothing || found == MatcherTree::kUnclear) return {};
  const Action action = actions_[found];
  Decision decision{.allowed = action != Action::kDeny, .rule = found};
  if (logs_) decision.log = action == Action::kLog;
  return decision;
}

}  // namespace pillion::access
