#include "source/grey/index_builder.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <set>

namespace pillion::grey {

void Index::Builder::Build() {
  Count();
  index_.shown_.assign(rules_.size(), kEnd);
  for (uint32_t rule = 0; rule < rules_.size(); ++rule) Place(rule, Choose(rule));
  for (size_t i = 0; i < drafts_.size(); ++i) BuildGroup(index_.groups_[i], drafts_[i]);
  index_.others_ = Keep(others_);
  FindNames();
}

uint32_t Index::Builder::GroupOf(const Source& source) {
  const auto [found, is_new] =
      by_source_.emplace(std::pair(source.attribute, source.entry), static_cast<uint32_t>(drafts_.size()));
  if (is_new) {
    index_.groups_.emplace_back().source = source;
    drafts_.emplace_back();
    sharing_.emplace_back();
  }
  return found->second;
}

void Index::Builder::Count() {
  for (const Entry& rule : rules_) {
    for (const Condition& condition : rule.conditions) {
      const auto* const test = std::get_if<TextTest>(&condition.what);
      const auto* const exact = test == nullptr || condition.invert ? nullptr : std::get_if<Exact>(&test->test);
      if (exact != nullptr) ++sharing_[GroupOf(test->source)][exact->text];
    }
  }
}

uint32_t Index::Builder::Choose(uint32_t rule) {
  constexpr uint32_t kOfARange = 4;  // about as good as an exact text that so many share
  constexpr uint32_t kOfAnother = std::numeric_limits<uint32_t>::max() - 1;
  uint32_t best = kEnd, least = kOfAnother + 1;
  const std::span<const Condition> conditions = rules_[rule].conditions;
  for (uint32_t i = 0; i < conditions.size(); ++i) {
    const auto* const test = std::get_if<TextTest>(&conditions[i].what);
    if (test == nullptr || conditions[i].invert) continue;
    uint32_t sharing = kOfAnother;
    if (const auto* exact = std::get_if<Exact>(&test->test)) sharing = sharing_[GroupOf(test->source)][exact->text];
    if (std::holds_alternative<Range>(test->test)) sharing = kOfARange;
    if (sharing >= least) continue;
    least = sharing;
    best = i;
  }
  return best;
}

void Index::Builder::Place(uint32_t rule, uint32_t condition) {
  if (condition == kEnd) return others_.push_back(rule);
  const TextTest& test = std::get<TextTest>(rules_[rule].conditions[condition].what);
  Draft& draft = drafts_[GroupOf(test.source)];
  index_.shown_[rule] = condition;
  if (const auto* exact = std::get_if<Exact>(&test.test)) {
    draft.exact[exact->text].push_back(rule);
  } else if (const auto* range = std::get_if<Range>(&test.test)) {
    draft.ranges.emplace_back(*range, rule);
  } else {
    if (!std::holds_alternative<Present>(test.test)) index_.shown_[rule] = kEnd;
    draft.any.push_back(rule);
  }
}

void Index::Builder::BuildGroup(Group& group, Draft& draft) {
  for (const auto& [text, rules] : draft.exact) group.exact.emplace(text, Keep(rules));
  if (!BuildIntervals(group, draft)) {
    for (const auto& [range, rule] : draft.ranges) {
      index_.shown_[rule] = kEnd;
      draft.any.push_back(rule);
    }
    std::sort(draft.any.begin(), draft.any.end());
  }
  group.any = Keep(draft.any);
}

// From each end of a range to the next one the same rules hold.
bool Index::Builder::BuildIntervals(Group& group, const Draft& draft) {
  std::map<int64_t, std::pair<std::vector<uint32_t>, std::vector<uint32_t>>> ends;  // what begins there, and what is over
  for (const auto& [range, rule] : draft.ranges) {
    ends[range.from].first.push_back(rule);
    if (range.to != std::numeric_limits<int64_t>::max()) ends[range.to + 1].second.push_back(rule);
  }
  const size_t before = index_.pool_.size();
  std::set<uint32_t> here;
  for (const auto& [start, changes] : ends) {
    for (const uint32_t rule : changes.second) here.erase(rule);
    here.insert(changes.first.begin(), changes.first.end());
    List list{.begin = static_cast<uint32_t>(index_.pool_.size())};
    for (const uint32_t rule : here) {
      index_.pool_.push_back(rule);
      ++list.size;
      if (MatchesInAnyCase(rule)) break;
    }
    group.starts.push_back(start);
    group.intervals.push_back(list);
    if (index_.pool_.size() - before <= kMostInIntervals) continue;
    index_.pool_.resize(before);
    group.starts.clear();
    group.intervals.clear();
    return false;
  }
  return true;
}

Index::List Index::Builder::Keep(const std::vector<uint32_t>& rules) {
  List list{.begin = static_cast<uint32_t>(index_.pool_.size())};
  for (const uint32_t rule : rules) {
    index_.pool_.push_back(rule);
    ++list.size;
    if (MatchesInAnyCase(rule)) break;
  }
  return list;
}

// A request that it is a candidate of.
bool Index::Builder::MatchesInAnyCase(uint32_t rule) const {
  const Entry& entry = rules_[rule];
  return entry.always && entry.conditions.size() == (index_.shown_[rule] == kEnd ? 0 : 1);
}

// Fields that are no fields of the head, such as :path, are always asked for.
void Index::Builder::FindNames() {
  const auto is_field = [](const Group& group) {
    const std::string& name = group.source.entry;
    return group.source.attribute == expression::Attribute::kRequestHeaders && name.front() != ':' && name != "host";
  };
  std::vector<Group>& groups = index_.groups_;
  std::erase_if(groups, [](const Group& group) {
    return group.exact.empty() && group.intervals.empty() && group.any.size == 0;
  });
  const auto fields = std::stable_partition(groups.begin(), groups.end(), std::not_fn(is_field));
  const bool by_name = static_cast<size_t>(groups.end() - fields) > kFewNames;
  index_.asked_ = by_name ? static_cast<size_t>(fields - groups.begin()) : groups.size();
  for (size_t i = index_.asked_; i < groups.size(); ++i) {
    index_.by_name_.emplace(groups[i].source.entry, static_cast<uint32_t>(i));
  }
}

}  // namespace pillion::grey
