#pragma once

// Policies with names: the first that fits, in the order of their names, is what a decision is due to. ALLOW lets through
// what fits one; DENY what fits none; LOG everything.
//
// A policy that only certain principals can fit is found by their names, so that any number of others costs nothing.

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/access/condition.h"
#include "source/access/engine.h"

namespace pillion::access {

struct Policy {
  std::string name;
  // Both must hold.
  Conditions::Index permissions;
  Conditions::Index principals;
  // Nobody fits but who has one of these names; empty: anybody may.
  std::vector<std::string> only;
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
  bool Fits(uint32_t number, const Request& request) const;
  const Numbers* OfName(const std::string& name) const;

  const Action action_;
  const Conditions conditions_;
  std::vector<Policy> policies_;  // by name; their numbers are those of rules()
  Numbers of_anybody_;
  absl::flat_hash_map<std::string, Numbers> of_names_;
};

}  // namespace pillion::access
