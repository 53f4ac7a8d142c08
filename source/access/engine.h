#pragma once

// Decides whether a request or a connection is let through. Immutable, shared by all threads; a decision allocates nothing.
// Two kinds: policies.h and tree.h.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/access/request.h"

namespace pillion::access {

enum class Action : uint8_t {
  kAllow,
  kDeny,
  kLog,  // lets through, and says that the log should have it
};

// What a decision may be due to: a policy, or an action of a tree.
struct Rule {
  std::string name;
  bool allows;          // what it decides
  std::string details;  // RESPONSE_CODE_DETAILS of a denial
};

struct Decision {
  static constexpr uint32_t kNoRule = UINT32_MAX;

  bool allowed = false;
  uint32_t rule = kNoRule;       // in rules()
  std::optional<bool> log = {};  // whether the log should have it; nothing: no rule is about that
};

class Engine {
 public:
  Engine();
  virtual ~Engine() = default;

  virtual Decision Decide(const Request& request) const = 0;

  // It asks expressions, for which a request needs `attributes`.
  virtual bool has_expressions() const = 0;

  uint64_t id() const { return id_; }  // in the process; no other ever has it
  const std::vector<Rule>& rules() const { return rules_; }
  // Empty: no rule has decided.
  std::string_view NameOf(const Decision& decision) const;
  std::string_view DetailsOf(const Decision& decision) const;

 protected:
  uint32_t AddRule(std::string name, bool allows);

 private:
  const uint64_t id_;
  std::vector<Rule> rules_;
};

}  // namespace pillion::access
