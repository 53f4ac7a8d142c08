#include "source/access/policies.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"

namespace pillion::access {
namespace {

// Names of one peer, beyond which all policies are asked one by one.
constexpr size_t kMostNames = 16;

}  // namespace

Policies::Policies(Action action, Conditions conditions, std::vector<Policy> policies)
    : action_(action), conditions_(std::move(conditions)), policies_(std::move(policies)) {
  std::sort(policies_.begin(), policies_.end(), [](const Policy& a, const Policy& b) { return a.name < b.name; });
  for (Policy& policy : policies_) {
    const uint32_t number = AddRule(policy.name, action != Action::kDeny);
    of_request_.push_back((conditions_.IsOfConnection(policy.principals) ? 0 : kPrincipals) |
                          (conditions_.IsOfConnection(policy.permissions) ? 0 : kPermissions));
    if (policy.only.empty()) of_anybody_.push_back(number);
    of_names_.Add(number, std::exchange(policy.only, {}));
  }
  of_names_.Finish();
}

// What is unclear never opens.
bool Policies::Holds(Conditions::Index index, const Request& request) const {
  return conditions_.Of(index, request) >= (action_ == Action::kDeny ? Truth::kUnclear : Truth::kYes);
}

Policies::Question Policies::Ask(uint32_t number, const Request& request, bool is_principal) const {
  const Policy& policy = policies_[number];
  const Question of_request = of_request_[number];
  if (!is_principal && !(of_request & kPrincipals) && !Holds(policy.principals, request)) return kNever;
  if (!(of_request & kPermissions) && !Holds(policy.permissions, request)) return kNever;
  return number << kNumberShift | (is_principal ? of_request & kPermissions : of_request);
}

bool Policies::Fits(Question left, const Request& request) const {
  const Policy& policy = policies_[left >> kNumberShift];
  return (!(left & kPrincipals) || Holds(policy.principals, request)) &&
         (!(left & kPermissions) || Holds(policy.permissions, request));
}

uint32_t Policies::Find(const Request& request) const {
  if (request.findings == nullptr) return Search(request, 0, nullptr);
  Findings::OfEngine& found = request.findings->Of(id());
  for (uint32_t i = 0; i < found.size; ++i) {
    if (Fits(found.rules[i], request)) return found.rules[i] >> kNumberShift;
  }
  return found.next == Decision::kNoRule ? Decision::kNoRule : Search(request, found.next, &found);
}

uint32_t Policies::Search(const Request& request, uint32_t least, Findings::OfEngine* found) const {
  absl::InlinedVector<TextIndex::Search, kMostNames> names;  // never more
  const std::optional<Peer>& peer = request.connection.peer;
  bool each = false;  // of all policies
  if (peer && !of_names_.empty()) {
    each = peer->uris.size() + peer->dns.size() >= kMostNames;
    const auto look = [&](const std::string& name) {
      const TextIndex::Search search = of_names_.Find(name);
      if (of_names_.MayFind(search)) names.push_back(search);
    };
    if (!each) {
      for (const std::string& name : peer->uris) look(name);
      for (const std::string& name : peer->dns) look(name);
      look(peer->subject);
    }
  }
  // In the order of the policies, whatever they are found by.
  auto anybody = std::lower_bound(of_anybody_.begin(), of_anybody_.end(), least);
  for (;;) {
    while (anybody != of_anybody_.end() && *anybody < least) ++anybody;
    uint32_t next = anybody != of_anybody_.end() ? *anybody : Decision::kNoRule;
    for (TextIndex::Search& name : names) next = std::min(next, of_names_.Next(name, least));
    if (each && least < policies_.size()) next = least;
    if (next == Decision::kNoRule) break;
    bool is_principal = false;
    if (policies_[next].only_is_all) {
      for (const TextIndex::Search& name : names) is_principal = is_principal || of_names_.IsSure(name, next);
    }
    const Question left = Ask(next, request, is_principal);
    least = next + 1;
    // Where there is no room for it, all from here on is asked anew for each request.
    if (found != nullptr && left != kNever && found->size == Findings::kMostRules) found = nullptr;
    if (found != nullptr) {
      if (left != kNever) found->rules[found->size++] = left;
      found->next = least;
    }
    if (left != kNever && Fits(left, request)) return next;
  }
  if (found != nullptr) found->next = Decision::kNoRule;
  return Decision::kNoRule;
}

Decision Policies::Decide(const Request& request) const {
  const uint32_t rule = Find(request);
  const bool fits = rule != Decision::kNoRule;
  switch (action_) {
    case Action::kAllow:
      return {.allowed = fits, .rule = rule};
    case Action::kDeny:
      return {.allowed = !fits, .rule = rule};
    case Action::kLog:
      break;
  }
  return {.allowed = true, .rule = rule, .log = fits};
}

}  // namespace pillion::access
