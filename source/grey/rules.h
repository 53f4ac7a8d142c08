#pragma once

// Rules in an order, of which the first that matches decides. Compiled once, immutable, shared by all threads.
//
// Asking costs by what the request has, not by how many rules there are: index.h names those that may match, in their
// order, and only these are tested.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "source/grey/condition.h"
#include "source/grey/index.h"

namespace pillion::grey {

// A part of those who match, and the number of what they get; what that is, is the caller's.
struct Share {
  uint32_t per_million;
  uint32_t colour;
};

struct Rule {
  std::string name;
  std::vector<Condition> conditions;  // all have to hold; none: it matches all requests
  std::optional<Schedule> schedule;   // nothing: always in force
  std::vector<Share> shares;          // one after the other, a million together at most
  Sticky sticky;                      // who is in which
};

struct Decision {
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t rule = kNone;    // its place in the list; kNone: none matches
  uint32_t colour = kNone;  // of the share; kNone: the request is in none
};

class Rules {
 public:
  Rules() : Rules(std::vector<Rule>()) {}
  explicit Rules(std::vector<Rule> rules);

  bool empty() const { return rules_.empty(); }
  const std::vector<Rule>& list() const { return rules_; }

  // Allocates in the request's arena only.
  Decision Decide(const Request& request) const;

 private:
  std::vector<Rule> rules_;
  Index index_;
};

}  // namespace pillion::grey
