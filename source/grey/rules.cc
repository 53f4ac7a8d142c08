#include "source/grey/rules.h"

namespace pillion::grey {
namespace {

std::vector<Index::Entry> EntriesOf(const std::vector<Rule>& rules) {
  std::vector<Index::Entry> entries;
  for (const Rule& rule : rules) entries.push_back({rule.conditions, !rule.schedule.has_value()});
  return entries;
}

// `shown`: the condition that the index has tested; kNone: it has not.
bool Matches(const Rule& rule, uint32_t shown, const Request& request) {
  if (rule.schedule && !rule.schedule->Holds(request.now)) return false;
  for (uint32_t i = 0; i < rule.conditions.size(); ++i) {
    if (i != shown && !Holds(rule.conditions[i], request)) return false;
  }
  return true;
}

uint32_t ColourOf(const Rule& rule, const Request& request) {
  if (rule.shares.empty()) return Decision::kNone;
  if (rule.shares.front().per_million == kMillion) return rule.shares.front().colour;
  uint32_t left = rule.sticky.PointOf(request);
  for (const Share& share : rule.shares) {
    if (left < share.per_million) return share.colour;
    left -= share.per_million;
  }
  return Decision::kNone;
}

}  // namespace

Rules::Rules(std::vector<Rule> rules) : rules_(std::move(rules)), index_(EntriesOf(rules_)) {}

Decision Rules::Decide(const Request& request) const {
  Index::Candidates candidates(index_, request);
  for (uint32_t place = candidates.Next(); place != Index::kEnd; place = candidates.Next()) {
    const Rule& rule = rules_[place];
    if (Matches(rule, index_.shown(place), request)) return {.rule = place, .colour = ColourOf(rule, request)};
  }
  return {};
}

}  // namespace pillion::grey
