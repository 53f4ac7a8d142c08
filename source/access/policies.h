#pragma once

// Policies with names: the first that fits, in the order of their names, is what a decision is due to. ALLOW lets through
// what fits one; DENY what fits none; LOG everything.
//
// A policy that only certain principals can fit is found by their names (exact ones, prefixes, regular expressions), so that
// any number of others costs hardly anything.

#include <string>
#include <vector>

#include "source/access/condition.h"
#include "source/access/engine.h"
#include "source/access/text_index.h"

namespace pillion::access {

struct Policy {
  std::string name;
  // Both must hold.
  Conditions::Index permissions;
  Conditions::Index principals;
  // Nobody fits but who has a name like one of these; empty: anybody may.
  std::vector<TextPattern> only;
  bool only_is_all = false;  // and the principals ask for nothing else
};

class Policies final : public Engine {
 public:
  // `policies` in any order.
  Policies(Action action, Conditions conditions, std::vector<Policy> policies);

  Decision Decide(const Request& request) const override;

 private:
  using Numbers = std::vector<uint32_t>;  // ascending

  // The first that fits; kNoRule: none.
  uint32_t Find(const Request& request) const;
  // `is_principal`: that much is known.
  bool Fits(uint32_t number, const Request& request, bool is_principal = false) const;

  const Action action_;
  const Conditions conditions_;
  std::vector<Policy> policies_;  // by name; their numbers are those of rules()
  Numbers of_anybody_;
  TextIndex of_names_;
};

}  // namespace pillion::access
