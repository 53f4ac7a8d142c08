#pragma once

// How an index is made of rules; off the way of requests.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "source/grey/index.h"

namespace pillion::grey {

class Index::Builder {
 public:
  Builder(Index& index, const std::vector<Entry>& rules) : index_(index), rules_(rules) {}

  void Build();

 private:
  // Beyond, rules of ranges are found by whether the text is there.
  static constexpr size_t kMostInIntervals = size_t{1} << 20;
  static constexpr size_t kFewNames = 8;

  struct Draft {
    std::map<std::string, std::vector<uint32_t>> exact;
    std::vector<std::pair<Range, uint32_t>> ranges;
    std::vector<uint32_t> any;
  };

  uint32_t GroupOf(const Source& source);
  void Count();
  // The condition by which the rule is found; kEnd: none.
  uint32_t Choose(uint32_t rule);
  void Place(uint32_t rule, uint32_t condition);
  void BuildGroup(Group& group, Draft& draft);
  // False: there would be too many; nothing is done.
  bool BuildIntervals(Group& group, const Draft& draft);
  // Up to the first that matches in any case.
  List Keep(const std::vector<uint32_t>& rules);
  bool MatchesInAnyCase(uint32_t rule) const;
  void FindNames();

  Index& index_;
  const std::vector<Entry>& rules_;
  std::map<std::pair<expression::Attribute, std::string>, uint32_t> by_source_;
  std::vector<Draft> drafts_;  // of the groups
  std::vector<std::map<std::string, uint32_t>> sharing_;  // of each group: how many rules ask for that text
  std::vector<uint32_t> others_;
};

}  // namespace pillion::grey
