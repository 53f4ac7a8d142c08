#pragma once

// Which of many rules may match a request: an index of their conditions by what a text of the request is. Immutable.
//
// | a rule with            | is found by                                                     |
// |------------------------|-----------------------------------------------------------------|
// | an exact text          | the hash of the request's text: no others are looked at         |
// | a range of numbers     | the interval between the ends of all ranges that the number is in |
// | another test of a text | whether the request has that text                               |
// | none of these          | each request                                                    |
//
// Of several such conditions that which fewest rules share counts. Where there are many names of fields, the request's
// fields are gone through, not these. Of the rules found those behind one that matches in any case are left out.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/grey/condition.h"

namespace pillion::grey {

class Index {
 public:
  static constexpr uint32_t kEnd = UINT32_MAX;

  // A rule as the index sees it. `always`: nothing but its conditions is asked.
  struct Entry {
    std::span<const Condition> conditions;
    bool always;
  };

  explicit Index(const std::vector<Entry>& rules);

  // The condition of that rule which holds for each request that it is a candidate of; kEnd: none is known to.
  uint32_t shown(uint32_t rule) const { return shown_[rule]; }

 private:
  // Numbers of rules, ascending: a piece of `pool_`.
  struct List {
    uint32_t begin = 0;
    uint32_t size = 0;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const;
  };
  template <typename T>
  using ByText = absl::flat_hash_map<std::string, T, TextHash, std::equal_to<>>;

  // Conditions on one text.
  struct Group {
    Source source;
    ByText<List> exact;
    std::vector<int64_t> starts;   // of intervals, ascending; the last one is of no rule
    std::vector<List> intervals;
    List any;
  };
  class Builder;

  std::vector<Group> groups_;
  size_t asked_ = 0;         // of the groups; those behind are of fields, found by name
  ByText<uint32_t> by_name_;
  List others_;
  std::vector<uint32_t> pool_;
  std::vector<uint32_t> shown_;

 public:
  // Those that may match a request, in their order.
  class Candidates {
   public:
    Candidates(const Index& index, const Request& request);
    Candidates(const Candidates&) = delete;
    Candidates& operator=(const Candidates&) = delete;

    uint32_t Next();  // kEnd: there are no more

   private:
    void FindByName(const Request& request);
    void AddOf(const Group& group, std::string_view text, base::Arena& arena);
    void Add(const List& list, base::Arena& arena);

    struct Cursor {
      const uint32_t* next;
      const uint32_t* end;
    };
    static constexpr size_t kFew = 8;

    const Index& index_;
    Cursor few_[kFew];
    Cursor* cursors_ = few_;  // more are in the arena
    size_t size_ = 0;
    size_t room_ = kFew;
  };
};

}  // namespace pillion::grey
