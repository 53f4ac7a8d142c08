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
    if (policy.only.empty()) of_anybody_.push_back(number);
    of_names_.Add(number, std::exchange(policy.only, {}));
  }
  of_names_.Finish();
}

// What is unclear never opens.
bool Policies::Fits(uint32_t number, const Request& request, bool is_principal) const {
  const Truth enough = action_ == Action::kDeny ? Truth::kUnclear : Truth::kYes;
  const Policy& policy = policies_[number];
  return (is_principal || conditions_.Of(policy.principals, request) >= enough) &&
         conditions_.Of(policy.permissions, request) >= enough;
}

uint32_t Policies::Find(const Request& request) const {
  absl::InlinedVector<TextIndex::Search, kMostNames> names;  // never more
  const std::optional<Peer>& peer = request.connection.peer;
  if (peer && !of_names_.empty()) {
    if (peer->uris.size() + peer->dns.size() >= kMostNames) {
      for (uint32_t number = 0; number < policies_.size(); ++number) {
        if (Fits(number, request)) return number;
      }
      return Decision::kNoRule;
    }
    const auto look = [&](const std::string& name) {
      const TextIndex::Search search = of_names_.Find(name);
      if (of_names_.MayFind(search)) names.push_back(search);
    };
    for (const std::string& name : peer->uris) look(name);
    for (const std::string& name : peer->dns) look(name);
    look(peer->subject);
  }
  // In the order of the policies, whatever they are found by.
  size_t anybody = 0;
  for (uint32_t least = 0;;) {
    while (anybody < of_anybody_.size() && of_anybody_[anybody] < least) ++anybody;
    uint32_t next = anybody < of_anybody_.size() ? of_anybody_[anybody] : Decision::kNoRule;
    for (TextIndex::Search& name : names) next = std::min(next, of_names_.Next(name, least));
    if (next == Decision::kNoRule) return next;
    bool is_principal = false;
    if (policies_[next].only_is_all) {
      for (const TextIndex::Search& name : names) is_principal = is_principal || of_names_.IsSure(name, next);
    }
    if (Fits(next, request, is_principal)) return next;
    least = next + 1;
  }
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
