#pragma once

// Policies with names: the first that fits, in the order of their names, is what a decision is due to. ALLOW lets through
// what fits one; DENY what fits none; LOG everything.
//
// A policy that only certain principals can fit is found by their names (exact ones, prefixes, regular expressions), so that
// any number of others costs hardly anything. What depends on the connection alone is asked for its first request, and kept.

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
  bool has_expressions() const override { return conditions_.has_expressions(); }

 private:
  using Numbers = std::vector<uint32_t>;  // ascending

  // A policy's number, and which of its conditions are still to be asked of a request.
  using Question = uint32_t;
  static constexpr Question kPrincipals = 1;
  static constexpr Question kPermissions = 2;
  static constexpr int kNumberShift = 2;
  static constexpr Question kNever = UINT32_MAX;  // whatever is asked, the policy does not fit

  // The first that fits; kNoRule: none.
  uint32_t Find(const Request& request) const;
  // From `least` on; what comes of it is added to `found`, where there is one.
  uint32_t Search(const Request& request, uint32_t least, Findings::OfEngine* found) const;
  // What is left when the connection has answered. `is_principal`: that much is known.
  Question Ask(uint32_t number, const Request& request, bool is_principal) const;
  bool Fits(Question left, const Request& request) const;
  bool Holds(Conditions::Index index, const Request& request) const;

  const Action action_;
  const Conditions conditions_;
  std::vector<Policy> policies_;  // by name; their numbers are those of rules()
  std::vector<Question> of_request_;  // by the policies' numbers: what may differ between requests of a connection
  Numbers of_anybody_;
  TextIndex of_names_;
};

}  // namespace pillion::access
